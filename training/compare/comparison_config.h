// What `trit compare` is told: a training config, and the methods whose models are to be compared
// with its model in full precision. The file is a training config (training_config.h) with two
// more kinds of tables, or one that names a training config:
//
//   [compare]   config, seeds, embeddings
//   [[method]]  name, how, start, steps, and any key of the training config's [quantizer]
//
// What the file itself has under [quantizer] holds for every method that does not say otherwise.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_CONFIG_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_CONFIG_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensors/tensor_type.h"
#include "training/config/training_config.h"

namespace trit {

// The row that methods are compared with; no method's name.
inline constexpr const char* kFullPrecision = "full precision";

enum class MethodKind : uint8_t {
  kAware,    // trained with its quantizers in every forward pass
  kNearest,  // the full-precision weights, rounded after training
};
const char* MethodKindName(MethodKind kind);  // "aware"

struct ComparisonMethod {
  std::string name;
  MethodKind kind = MethodKind::kAware;
  // kAware: 0: trained from scratch; else so many steps from the full-precision weights on.
  int64_t continued_steps = 0;
  std::vector<std::string> overrides;  // of the training config: "quantizer.weights=\"int4\""
};

struct ComparisonConfig {
  std::string file;                    // that has the training config
  std::string training;                // TOML
  std::vector<std::string> overrides;  // of both, from the command line
  std::vector<int64_t> seeds;
  TensorType embeddings = TensorType::kF32;  // of exported files
  std::vector<ComparisonMethod> methods;
};

// `overrides` change the training config, as in ReadTrainingConfig. Throws UsageError with file and
// line, key, expected and found; an unknown key with the nearest known one.
ComparisonConfig ReadComparisonConfig(const std::string& path,
                                      std::span<const std::string> overrides);
ComparisonConfig ParseComparisonConfig(std::string_view toml, const std::string& file,
                                       std::span<const std::string> overrides);

// The training config of a method's model, or of the one in full precision, with further overrides.
TrainingConfig MethodTrainingConfig(const ComparisonConfig& config, const ComparisonMethod& method,
                                    std::span<const std::string> overrides);
TrainingConfig FullPrecisionTrainingConfig(const ComparisonConfig& config,
                                           std::span<const std::string> overrides);

// A config that works, with every key of [compare] and [[method]] explained.
std::string ComparisonExample();

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_CONFIG_H_
