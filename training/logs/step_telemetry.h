// What happens inside the layers in one step, for people who look at a run: of every quantized
// matrix the share of zeros, how many codes the update flips, and the scale; of every layer how far
// its activations reach.
#ifndef TRIT_TRAINING_LOGS_STEP_TELEMETRY_H_
#define TRIT_TRAINING_LOGS_STEP_TELEMETRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "training/trainable_model.h"

namespace trit {

struct MatrixTelemetry {
  std::string name;       // ShortWeightName
  double zero_share = 0;  // weights that are 0, of those the step computed with
  double flip_rate = 0;   // share of codes that the step's update changed
  double scale = 0;       // mean over the matrix's scales
};

// Largest absolute values over all tokens of the step.
struct LayerActivations {
  float residual_max = 0;   // the layer's input
  float attention_max = 0;  // heads concatenated, before attn_sub_norm
  float gated_max = 0;      // the gated unit's output, before ffn_sub_norm
};

struct StepTelemetry {
  std::vector<MatrixTelemetry> matrices;  // quantized ones, in the order of the weight table
  std::vector<LayerActivations> layers;
  double zero_share = 0;  // over all matrices
  double flip_rate = 0;
};

class StepObserver {
 public:
  // `model` outlives this.
  explicit StepObserver(TrainableModel& model) : model_(model) {}

  // Before a step's first pass: keeps the codes, a byte a weight, and watches activations.
  void Begin();
  // After its update.
  StepTelemetry Finish();

 private:
  TrainableModel& model_;
  AlignedBuffer<int8_t> codes_before_;  // of all quantized matrices, in the table's order
  std::vector<double> scales_before_;   // their means
  std::vector<LayerActivations> layers_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_STEP_TELEMETRY_H_
