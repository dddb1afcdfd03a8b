// Everything a training run is told, as one struct, and its TOML file. Section and key names,
// types, ranges and meanings stand in one table (config_keys.cc), which reads, checks, writes and
// documents them; AnnotatedDefaults() prints it.
#ifndef TRIT_TRAINING_CONFIG_TRAINING_CONFIG_H_
#define TRIT_TRAINING_CONFIG_TRAINING_CONFIG_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_config.h"
#include "engine/weight_table.h"
#include "training/precision.h"
#include "training/quantizers/quantization_config.h"

namespace trit {

enum class DataOrder : uint8_t {
  kShuffle,     // a new permutation of the windows every epoch
  kSequential,  // as they stand in the data
};

struct DataConfig {
  std::vector<std::string> train;       // files, directories, patterns (data_files.h)
  std::vector<std::string> validation;  // likewise; or else:
  double validation_fraction = 0.1;     // the last part of the training tokens
  std::string tokenizer;                // ParseTokenizerChoice; empty: ids come from .bin files
  int64_t sequence_length = 256;        // tokens a row
  DataOrder order = DataOrder::kShuffle;
  std::string chat_template;   // name of the template for chats; empty: none
  bool document_mask = false;  // running text: a token sees its own document only

  bool operator==(const DataConfig&) const = default;
};

enum class BadBatchPolicy : uint8_t {
  kStop,  // the run ends with an error
  kSkip,  // the batch is passed over without an update
};

struct TrainConfig {
  int64_t steps = 1000;      // optimizer updates
  int64_t micro_batch = 8;   // sequences run at once
  int64_t batch_tokens = 0;  // tokens an update: a multiple of micro_batch * sequence_length
  int64_t seed = 0;
  Precision precision = Precision::kBF16;
  bool activation_checkpointing = false;  // layers are computed again in backward
  double clip_grad_norm = 1.0;            // global norm; 0: no clipping
  int64_t eval_every = 100;               // steps; 0: at the end only
  int64_t eval_tokens = 65536;            // of the validation data, from its beginning; 0: all
  int64_t sample_every = 0;               // steps between texts shown; 0: none
  std::string sample_prompt;              // what those texts go on from
  int64_t telemetry_every = 10;           // steps between measurements of every layer; 0: none
  // A batch is bad if its loss or gradient is not finite or, where spike_zscore is not 0, so many
  // standard deviations above those of the last batches (bad_batch.h).
  double spike_zscore = 0;
  BadBatchPolicy on_bad_batch = BadBatchPolicy::kStop;
  bool overfit_batch = false;  // every step sees the first step's rows: a test of a model

  bool operator==(const TrainConfig&) const = default;
};

enum class OptimizerKind : uint8_t { kAdamW };

struct OptimizerGroup {
  std::string match;                   // glob over ShortWeightName
  std::optional<double> weight_decay;  // absent: as without the group
  double learning_rate_ratio = 1.0;    // factor of the schedule's rate

  bool operator==(const OptimizerGroup&) const = default;
};

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::kAdamW;
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.1;  // of matrices, embeddings too; vectors (norms, scales) have none
  std::vector<OptimizerGroup> groups;  // the first that matches wins

  // For a weight, before the schedule's factors.
  double WeightDecayFor(const WeightInfo& weight) const;
  double LearningRateRatioFor(const WeightInfo& weight) const;

  bool operator==(const OptimizerConfig&) const = default;
};

enum class ScheduleKind : uint8_t { kTwoStage, kCosine, kLinear, kConstant, kWsd };

// schedule.h has the formulas.
struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::kTwoStage;
  double learning_rate = 1.5e-3;  // the peak
  int64_t warmup_steps = 0;
  double final_ratio = 0.0;         // rate of the last step / learning_rate
  double stage2_start = 0.5;        // fraction of the steps; two_stage: the drop, wsd: the decay
  double stage2_ratio = 0.65;       // two_stage: peak of the second stage / learning_rate
  double weight_decay_until = 0.5;  // fraction of the steps; no weight decay afterwards

  bool operator==(const ScheduleConfig&) const = default;
};

struct CheckpointConfig {
  int64_t every = 500;    // steps; 0: at the end only
  int64_t keep = 2;       // latest ones that stay; 0: all
  bool keep_best = true;  // save where the validation loss is the lowest so far, and keep that too
  std::string init;       // where the initial weights are (LoadWeights, or a run); empty: random

  bool operator==(const CheckpointConfig&) const = default;
};

// Questions asked at every evaluation.
struct EvaluationConfig {
  std::vector<std::string> multiple_choice;  // files (multiple_choice.h)
  std::vector<std::string> exact_match;      // files (exact_match.h); needs data.chat_template
  int64_t max_items = 200;                   // of each file, the first ones; 0: all

  bool operator==(const EvaluationConfig&) const = default;
};

struct TrainingConfig {
  ModelConfig model;  // vocab_size 0: the tokenizer's
  QuantizationConfig quantizer;
  DataConfig data;
  TrainConfig train;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  CheckpointConfig checkpoint;
  EvaluationConfig evaluation;

  // Passes of micro_batch sequences that make one update.
  int64_t MicroBatchesPerStep() const {
    return train.batch_tokens / (train.micro_batch * data.sequence_length);
  }

  bool operator==(const TrainingConfig&) const = default;
};

// The config of a TOML file (all keys are optional), or of its text, changed by overrides such as
// "train.steps=100" or "quantizer.weights=none": values are TOML, a bare word is a string. Keys
// that depend on others and are not given are filled in, so that the result holds what the run will
// use. Throws UsageError with file and line, key, expected and found.
TrainingConfig ReadTrainingConfig(const std::string& path, std::span<const std::string> overrides);
TrainingConfig ParseTrainingConfig(std::string_view toml, const std::string& file,
                                   std::span<const std::string> overrides);

// The file that reads as this config: every key with its value.
std::string TrainingConfigToToml(const TrainingConfig& config);
// Every key with its default and a line that explains it.
std::string AnnotatedDefaults();

// A hash over the keys that make a run what it is: checkpoints of a run with another one cannot be
// continued. Paths, step counts, schedules and intervals may change.
std::string ConfigFingerprint(const TrainingConfig& config);
// Throws UsageError naming the first such key whose value is not `before`'s.
void RequireSameRun(const TrainingConfig& before, const TrainingConfig& now);

// What data.tokenizer says.
struct TokenizerChoice {
  enum class Kind : uint8_t { kNone, kBytes, kTrain, kFile };
  Kind kind = Kind::kNone;
  int64_t vocab_size = 0;  // kTrain
  std::string path;        // kFile
};
// "", "bytes", "train:4096" or a path. Throws UsageError.
TokenizerChoice ParseTokenizerChoice(const std::string& text);

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_TRAINING_CONFIG_H_
