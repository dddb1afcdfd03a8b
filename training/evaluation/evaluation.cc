#include "training/evaluation/evaluation.h"

#include <algorithm>
#include <cstddef>
#include <numbers>
#include <vector>

namespace trit {

EvaluationResult Evaluate(
    const EvaluationSource& source, const EvaluationRequest& request,
    const std::function<void(const LabeledBatch& batch, std::span<float> out)>& losses) {
  LabeledBatch labeled;
  std::vector<float> batch_losses;
  const int64_t num_rows = source.RowsFor(request.num_targets);
  double sum = 0;
  double bytes = 0;
  for (int64_t first = 0; first < num_rows; first += request.rows_at_once) {
    source.Fill(first, std::min(request.rows_at_once, num_rows - first), labeled);
    batch_losses.resize(labeled.targets.size());
    losses(labeled, batch_losses);
    for (size_t r = 0; r < batch_losses.size(); ++r) {
      sum += batch_losses[r];
      if (request.token_bytes.empty() || labeled.weights[r] == 0) continue;
      bytes += request.token_bytes[static_cast<size_t>(labeled.targets[r])];
    }
  }
  EvaluationResult result;
  result.num_targets = source.NumTargets(num_rows);
  result.loss = sum / static_cast<double>(result.num_targets);
  if (bytes > 0) result.bits_per_byte = sum / bytes / std::numbers::ln2;
  return result;
}

}  // namespace trit
