// metrics.jsonl of a run: a JSON object a step, in order.
//   {"step":0,"loss":8.31754208,"grad_norm":…,"learning_rate":…,"tokens_per_second":…,
//    "elapsed_seconds":…,"validation_loss":…,"bits_per_byte":…}
// Numbers have 9 significant digits, which is what a float needs to read back to the bit; what is
// not finite is null. The last two are there where they were measured.
#ifndef TRIT_TRAINING_METRICS_LOG_H_
#define TRIT_TRAINING_METRICS_LOG_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace trit {

struct StepMetrics {
  int64_t step = 0;      // from 0
  double loss = 0;       // nats a token, mean over the batch, before the update
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double tokens_per_second = 0;
  double elapsed_seconds = 0;             // of the run, in all sessions
  std::optional<double> validation_loss;  // nats a token
  std::optional<double> bits_per_byte;    // of validation text
};

// The object on one line, without a line end.
std::string MetricsToJson(const StepMetrics& metrics);

class MetricsLog {
 public:
  // Continues a file before `first_step`: lines of this and later steps, and a last line that a
  // killed process left unfinished, are removed; a file that is not there is begun. Throws Error
  // with the line if another one cannot be read.
  MetricsLog(const std::string& path, int64_t first_step);

  // Appends a line, which a reader of the file sees at once. Throws Error if it cannot be written.
  void Append(const StepMetrics& metrics);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_METRICS_LOG_H_
