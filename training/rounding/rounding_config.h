// Which quantizers a model in full precision is rounded with: the tables [quantizer] and
// [[quantizer.rule]] of a training config, from a file and from single settings.
#ifndef TRIT_TRAINING_ROUNDING_ROUNDING_CONFIG_H_
#define TRIT_TRAINING_ROUNDING_ROUNDING_CONFIG_H_

#include <optional>
#include <span>
#include <string>

#include "training/quantizers/quantization_config.h"

namespace trit {

// file: TOML; what it has besides [quantizer] must be a training config's, and is not read.
// overrides: as in ReadTrainingConfig. rules: "PATTERN=int8" or "PATTERN=int8,activations=…", in
// the order in which they are tried, before those of the file. Scales that training learns, be it
// that the file says so or that it is usual with a width, become "mse"; overrides and rules that
// ask for them are refused. Throws UsageError.
QuantizationConfig ReadRoundingConfig(const std::optional<std::string>& file,
                                      std::span<const std::string> overrides,
                                      std::span<const std::string> rules);

// Resolves all choices; scales that training would learn are by "mse".
void ResolveWithoutTraining(QuantizationConfig& quantizers);

// Throws UsageError if one of the settings, "quantizer.scale=learned", asks for what only training
// finds.
void RequireNoLearnedScales(std::span<const std::string> overrides);

}  // namespace trit

#endif  // TRIT_TRAINING_ROUNDING_ROUNDING_CONFIG_H_
