// Which quantizers a model is trained with: a default, and rules by weight name.
#ifndef TRIT_TRAINING_QUANTIZERS_QUANTIZATION_CONFIG_H_
#define TRIT_TRAINING_QUANTIZERS_QUANTIZATION_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weight_table.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

inline constexpr double kStandardPercentile = 99.9;
inline constexpr double kStandardActivationPercentile = 99.99;

// The quantizers of one matrix. Names as in the config file; weight_width.h knows those of weights
// and scales, and what goes together.
struct QuantizerChoice {
  // "ternary" | "binary" | "int2" | "int3" | "int4" | "int8" | "none"
  std::string weights = "ternary";
  std::string activations = "int8";  // "int8" | "int4" | "int8_static" | "none"
  ScaleKind granularity = ScaleKind::kTensor;
  int64_t group_size = 0;  // kGroup only
  // "absmean" | "minmax" | "percentile" | "mse" | "learned"; empty: the usual one of `weights`.
  std::string scale;
  bool symmetric = true;  // else an offset beside every scale
  // Of the weights, in percent, that scale "percentile" does not clip.
  double percentile = kStandardPercentile;
  // Static activations: "minmax" | "percentile" | "mse" (activation_choice.h).
  std::string activation_range = "mse";
  double activation_percentile = kStandardActivationPercentile;

  bool operator==(const QuantizerChoice&) const = default;
};

struct QuantizerRule {
  std::string match;  // glob over names without "model." and ".weight": "layers.0.*", "*.q_proj"
  QuantizerChoice choice;

  bool operator==(const QuantizerRule&) const = default;
};

// When training begins to quantize: nothing before start_step, then within ramp_steps more and more
// (StepWeights::share), linearly.
struct QuantizationRamp {
  int64_t start_step = 0;
  int64_t ramp_steps = 0;

  // Of a step, 0 to 1.
  float ShareAt(int64_t step) const;
  // The first step whose share is 1.
  int64_t CompleteFrom() const { return start_step + ramp_steps; }

  bool operator==(const QuantizationRamp&) const = default;
};

struct QuantizationConfig {
  QuantizerChoice standard;          // of linear layers
  std::vector<QuantizerRule> rules;  // the first that matches wins; of embeddings and the head too
  // Of a run, no part of a model:
  QuantizationRamp ramp = {};
  int64_t calibration_tokens = 8192;  // static activations are calibrated on

  // For a linear layer's Hugging Face name.
  const QuantizerChoice& For(const std::string& weight_name) const;
  // By a rule alone; null if none matches.
  const QuantizerChoice* RuleFor(const std::string& weight_name) const;

  bool operator==(const QuantizationConfig&) const = default;
};

// Throws UsageError if a rule matches no matrix of the table: its pattern is a mistake.
void RequireRulesMatch(const QuantizationConfig& quantizers, const WeightTable& table);

// What globs over weights are matched with: "layers.0.mlp.up_proj" for
// "model.layers.0.mlp.up_proj.weight".
std::string ShortWeightName(std::string_view weight_name);

// '*' matches any characters, '?' one.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_QUANTIZATION_CONFIG_H_
