// Names of the files in a run's directory.
#ifndef TRIT_TRAINING_RUN_FILES_H_
#define TRIT_TRAINING_RUN_FILES_H_

namespace trit {

inline constexpr const char* kRunConfigFile = "config.toml";     // the resolved config
inline constexpr const char* kMetricsFile = "metrics.jsonl";     // metrics_log.h
inline constexpr const char* kMetricsTableFile = "metrics.csv";  // the same as a table
inline constexpr const char* kLayersFile = "layers.jsonl";       // layers_log.h
inline constexpr const char* kSamplesFile = "samples.jsonl";     // run_sample.h

}  // namespace trit

#endif  // TRIT_TRAINING_RUN_FILES_H_
