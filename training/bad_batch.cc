#include "training/bad_batch.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace trit {

double ZScore(const std::vector<double>& recent, double value) {
  if (recent.size() < kSpikeWindow) return 0;
  double sum = 0;
  for (const double v : recent) sum += v;
  const double mean = sum / static_cast<double>(recent.size());
  double squares = 0;
  for (const double v : recent) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(recent.size()));
  if (value == mean) return 0;
  if (deviation == 0) return std::copysign(std::numeric_limits<double>::infinity(), value - mean);
  return (value - mean) / deviation;
}

void Remember(double value, std::vector<double>& recent) {
  if (recent.size() >= kSpikeWindow) recent.erase(recent.begin());
  recent.push_back(value);
}

std::string BadBatchReason(double loss, double grad_norm, double zscore,
                           const std::vector<double>& recent_losses,
                           const std::vector<double>& recent_grad_norms) {
  if (!std::isfinite(loss)) return "the loss is not finite";
  if (!std::isfinite(grad_norm)) return "the gradient is not finite";
  if (zscore == 0) return "";
  const auto spike = [&](const char* what, double value, const std::vector<double>& recent) {
    const double z = ZScore(recent, value);
    if (z <= zscore) return std::string();
    return fmt::format("the {} {:.4g} lies {:.1f} standard deviations above the last {}", what,
                       value, z, kSpikeWindow);
  };
  const std::string reason = spike("loss", loss, recent_losses);
  return reason.empty() ? spike("gradient's norm", grad_norm, recent_grad_norms) : reason;
}

}  // namespace trit
