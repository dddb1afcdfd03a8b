// A model under training: its table of weights, parameters, quantizers and executor, tied together.
#ifndef TRIT_TRAINING_TRAINABLE_MODEL_H_
#define TRIT_TRAINING_TRAINABLE_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/batch.h"
#include "engine/model.h"
#include "engine/model_config.h"
#include "engine/weight_table.h"
#include "training/parameters.h"
#include "training/precision.h"
#include "training/quantizers/quantization_config.h"
#include "training/step_weights.h"
#include "training/training_executor.h"

namespace trit {

class TrainableModel {
 public:
  // max_positions: the longest segment it will see. Throws UsageError where a quantizer does not
  // fit a weight.
  TrainableModel(const ModelConfig& config, const QuantizationConfig& quantization,
                 Precision precision, int64_t max_positions);
  TrainableModel(const TrainableModel&) = delete;

  const ModelConfig& config() const { return config_; }
  const WeightTable& table() const { return table_; }
  Parameters& parameters() { return *parameters_; }
  const Parameters& parameters() const { return *parameters_; }
  const StepWeights& weights() const { return *step_weights_; }
  TrainingExecutor& executor() { return *executor_; }

  // Sets the learned scales of quantizers from the latent weights: once, for weights that are new.
  void InitializeLearnedScales();
  // To be called after every change of the parameters, before the next pass.
  void ParametersChanged();
  // How far training is quantized (StepWeights::share) from the next ParametersChanged on; 1 at
  // first. While it is 0, learned scales start anew with every change of the weights.
  void set_quantized_share(float share);

  // Forward and backward: adds the gradient of sum_r weights[r] * loss[r] to the parameters'
  // gradients, through the quantizers if this is the step's `last` pass; returns that sum.
  // targets, weights: (rows); rows of weight 0 are skipped.
  double AccumulateGradients(const Batch& batch, std::span<const int32_t> targets,
                             std::span<const float> weights, bool last);

  // Losses of one pass without gradients, with the bits inference has; masked rows give 0.
  void Evaluate(const Batch& batch, std::span<const int32_t> targets,
                std::span<const float> weights, std::span<float> losses);

  // The model as inference runs it: exact f32 scales and embeddings.
  Model MakeInferenceModel() const;

  // Whether any matrix has static activations, whose ranges are to be calibrated.
  bool HasStaticInputs() const;
  // What calibration runs: weights as training computes with them now, all activations as floats.
  Model MakeFloatModel() const;
  // By WeightId, as CalibrateActivations gives them.
  void SetInputRanges(std::span<const float> ranges);

 private:
  struct LossRows {
    std::vector<int32_t> rows, targets;
    std::vector<float> weights, losses;
  };
  // Takes the complete gradient of a quantized weight to the latent weight and learned scales.
  void PassGradientThroughQuantizer(WeightId id);
  Model MakeModel(const std::function<void(WeightId, ModelWeight&)>& make_matrix) const;
  // The rows that count.
  void SelectRows(std::span<const int32_t> targets, std::span<const float> weights);

  ModelConfig config_;
  WeightTable table_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<StepWeights> step_weights_;
  std::unique_ptr<TrainingExecutor> executor_;
  LossRows selected_;
  std::vector<float> kept_gradient_;
  bool restart_learned_scales_ = false;  // with the next ParametersChanged
};

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINABLE_MODEL_H_
