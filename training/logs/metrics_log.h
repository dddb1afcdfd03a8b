// metrics.jsonl of a run: a JSON object a step, in order; and metrics.csv, the same as a table.
//   {"step":0,"loss":8.31754208,"grad_norm":…,"learning_rate":…,"tokens_per_second":…,
//    "elapsed_seconds":…,"model_flops_utilization":…,"validation_loss":…,"bits_per_byte":…, …}
// Numbers have 9 significant digits, which is what a float needs to read back to the bit; what is
// not finite is null. From model_flops_utilization on, members are there where they were measured.
#ifndef TRIT_TRAINING_LOGS_METRICS_LOG_H_
#define TRIT_TRAINING_LOGS_METRICS_LOG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "training/logs/line_log.h"

namespace trit {

struct StepMetrics {
  int64_t step = 0;      // from 0
  double loss = 0;       // nats a token, mean over the batch, before the update
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double tokens_per_second = 0;
  double elapsed_seconds = 0;                     // of the run, in all sessions
  std::optional<double> model_flops_utilization;  // model_flops.h
  std::optional<double> validation_loss;          // nats a token
  std::optional<double> bits_per_byte;            // of validation text
  std::optional<double> multiple_choice;          // share of questions answered right
  std::optional<double> exact_match;              // share of answers right to the letter
  std::optional<double> zero_share;               // of the ternary weights' codes
  std::optional<double> flip_rate;                // of the codes, by this update
  bool skipped = false;                           // a bad batch: no update was made
};

// The object on one line, without a line end.
std::string MetricsToJson(const StepMetrics& metrics);
// A line of metrics.csv, likewise, and its first line. What was not measured is empty.
std::string MetricsToCsv(const StepMetrics& metrics);
std::string MetricsCsvHeader();

class MetricsLog {
 public:
  // Continues both files of the directory as LineLog does.
  MetricsLog(const std::string& directory, int64_t first_step);

  void Append(const StepMetrics& metrics);

 private:
  LineLog lines_;
  LineLog table_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_METRICS_LOG_H_
