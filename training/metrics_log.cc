#include "training/metrics_log.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/error.h"
#include "engine/input_file.h"
#include "engine/json_fields.h"
#include "engine/output_file.h"
#include "engine/strict_json.h"

namespace trit {
namespace {

constexpr uint64_t kMaxLogBytes = uint64_t{1} << 32;

[[noreturn]] void ThrowSystemError(const std::string& path, const char* what) {
  throw Error(
      ErrorInfo{.what = what, .file = path, .found = std::generic_category().message(errno)});
}

std::string Number(double value) {
  return std::isfinite(value) ? fmt::format("{:.9g}", value) : "null";
}

// The lines of `text` that are before first_step.
std::string EarlierLines(const std::string& text, int64_t first_step, const std::string& path) {
  std::string earlier;
  size_t begin = 0;
  for (int64_t line = 1; begin < text.size(); ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // unfinished
    const std::string_view json = std::string_view(text).substr(begin, end - begin);
    const std::string place = path + ":" + std::to_string(line);
    const nlohmann::json parsed = ParseStrictJson(json, place);
    if (JsonFields(parsed, place).Integer("step") < first_step) {
      earlier += json;
      earlier += '\n';
    }
    begin = end + 1;
  }
  return earlier;
}

}  // namespace

std::string MetricsToJson(const StepMetrics& metrics) {
  std::string json = fmt::format(
      R"({{"step":{},"loss":{},"grad_norm":{},"learning_rate":{},"tokens_per_second":{},)"
      R"("elapsed_seconds":{})",
      metrics.step, Number(metrics.loss), Number(metrics.grad_norm), Number(metrics.learning_rate),
      Number(metrics.tokens_per_second), Number(metrics.elapsed_seconds));
  if (metrics.validation_loss) json += ",\"validation_loss\":" + Number(*metrics.validation_loss);
  if (metrics.bits_per_byte) json += ",\"bits_per_byte\":" + Number(*metrics.bits_per_byte);
  return json + "}";
}

MetricsLog::MetricsLog(const std::string& path, int64_t first_step) : path_(path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    const std::string text = ReadTextFile(path, kMaxLogBytes);
    const std::string earlier = EarlierLines(text, first_step, path);
    if (earlier != text) WriteTextFile(path, earlier);
  }
  file_.reset(std::fopen(path.c_str(), "ab"));
  if (file_ == nullptr) ThrowSystemError(path, "cannot open the file");
}

void MetricsLog::Append(const StepMetrics& metrics) {
  const std::string line = MetricsToJson(metrics) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fflush(file_.get()) != 0) {
    ThrowSystemError(path_, "cannot write the file");
  }
}

}  // namespace trit
