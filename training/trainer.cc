#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ternary_kernels/gemm.h"
#include "training/bad_batch.h"
#include "training/checkpoint.h"
#include "training/optimizer.h"
#include "training/quantizers/calibrate_activations.h"
#include "training/schedule.h"

namespace trit {
namespace {

// The factor that brings a gradient of this norm to the limit (PyTorch's clip_grad_norm_).
double ClipFactor(double norm, double limit) {
  constexpr double kEpsilon = 1e-6;
  return limit > 0 ? std::min(1.0, limit / (norm + kEpsilon)) : 1.0;
}

}  // namespace

Precision UsablePrecision(const TrainingConfig& config) {
  const bool bf16 = config.train.precision == Precision::kBF16 && HasBF16Gemm();
  return bf16 ? Precision::kBF16 : Precision::kF32;
}

Trainer::Trainer(const TrainingConfig& config, Precision precision, TrainingData data,
                 std::vector<int32_t> token_bytes)
    : config_(config),
      data_(std::move(data)),
      token_bytes_(std::move(token_bytes)),
      model_(config.model, config.quantizer, precision, config.data.sequence_length) {
  model_.executor().set_activation_checkpointing(config.train.activation_checkpointing);
  state_.seed = config.train.seed;
  state_.config_fingerprint = ConfigFingerprint(config);
  state_.data_fingerprint = data_.fingerprint;
}

void Trainer::Initialize() {
  model_.parameters().InitializeRandom(static_cast<uint64_t>(config_.train.seed));
  model_.InitializeLearnedScales();
  ParametersChanged();
  CalibrateInputs();
}

void Trainer::InitializeFrom(const std::string& run_or_weights) {
  const std::vector<std::string> checkpoints = ListCheckpoints(run_or_weights);
  const std::string& path = checkpoints.empty() ? run_or_weights : checkpoints.back();
  bool scales_missing = false, ranges_missing = false;
  for (const WeightId id : LoadWeights(path, model_.parameters())) {
    const bool range = model_.table()[id].kind == WeightKind::kInputRange;
    (range ? ranges_missing : scales_missing) = true;
  }
  if (scales_missing) model_.InitializeLearnedScales();
  ParametersChanged();
  if (ranges_missing) CalibrateInputs();
}

void Trainer::Resume(const std::string& checkpoint) {
  TrainerState saved = LoadCheckpoint(checkpoint, model_.parameters());
  RequireResumable(saved, state_.config_fingerprint, state_.data_fingerprint, checkpoint);
  state_ = std::move(saved);
  ParametersChanged();
}

void Trainer::ParametersChanged() {
  const QuantizationRamp& ramp = config_.quantizer.ramp;
  model_.set_quantized_share(ramp.ShareAt(state_.step));
  model_.ParametersChanged();
  const bool turns = state_.step == ramp.start_step || state_.step == ramp.CompleteFrom();
  if (turns && state_.step > 0) CalibrateInputs();
}

void Trainer::CalibrateInputs() {
  if (!model_.HasStaticInputs()) return;
  const int64_t rows = config_.train.micro_batch;
  const int64_t tokens = rows * config_.data.sequence_length;
  std::vector<Batch> batches;
  for (int64_t seen = 0; seen < config_.quantizer.calibration_tokens; seen += tokens) {
    LabeledBatch labeled;
    data_.train->Fill(state_.next_row + static_cast<int64_t>(batches.size()) * rows, rows, 1.0f,
                      labeled);
    batches.push_back(std::move(labeled.batch));
  }
  model_.SetInputRanges(CalibrateActivations(model_.MakeFloatModel(), batches, config_.quantizer));
}

StepResult Trainer::Step(const std::function<void()>& before_clipping) {
  const int64_t rows = config_.train.micro_batch;
  passes_.resize(static_cast<size_t>(config_.MicroBatchesPerStep()));
  double num_targets = 0;
  for (size_t pass = 0; pass < passes_.size(); ++pass) {
    const int64_t step_row = config_.train.overfit_batch ? 0 : state_.next_row;
    const int64_t first_row = step_row + static_cast<int64_t>(pass) * rows;
    data_.train->Fill(first_row, rows, 1.0f, passes_[pass]);
    for (const float weight : passes_[pass].weights) num_targets += weight;
  }
  // The mean over the tokens of all passes that count.
  const float token_weight = static_cast<float>(1.0 / num_targets);
  model_.parameters().ZeroGradients();
  StepResult result;
  for (LabeledBatch& pass : passes_) {
    for (float& weight : pass.weights) weight *= token_weight;
    result.loss += model_.AccumulateGradients(pass.batch, pass.targets, pass.weights,
                                              &pass == &passes_.back());
  }
  result.grad_norm = GradientNorm(model_.parameters());
  if (before_clipping) before_clipping();
  result.learning_rate = LearningRate(config_.schedule, state_.step, config_.train.steps);
  const double zscore = config_.train.spike_zscore;
  result.bad_batch = BadBatchReason(result.loss, result.grad_norm, zscore, state_.recent_losses,
                                    state_.recent_grad_norms);
  const int64_t step_rows = static_cast<int64_t>(passes_.size()) * rows;
  if (!result.bad_batch.empty()) {
    if (config_.train.on_bad_batch == BadBatchPolicy::kSkip &&
        state_.skipped_in_a_row < kMaxSkippedInARow) {
      ++state_.step;
      state_.next_row += step_rows;
      ++state_.skipped_in_a_row;
      ParametersChanged();  // the next step may quantize further
    }
    return result;
  }
  if (zscore > 0) {
    Remember(result.loss, state_.recent_losses);
    Remember(result.grad_norm, state_.recent_grad_norms);
  }
  state_.skipped_in_a_row = 0;
  AdamWStepAll(
      config_.optimizer,
      {.step = state_.step,
       .learning_rate = result.learning_rate,
       .weight_decay_ratio = WeightDecayFactor(config_.schedule, state_.step, config_.train.steps),
       .gradient_scale = ClipFactor(result.grad_norm, config_.train.clip_grad_norm)},
      model_.parameters());
  ++state_.step;
  state_.next_row += step_rows;
  ParametersChanged();
  return result;
}

EvaluationResult Trainer::Evaluate() {
  const EvaluationResult result =
      trit::Evaluate(*data_.validation,
                     {.num_targets = config_.train.eval_tokens,
                      .rows_at_once = config_.train.micro_batch,
                      .token_bytes = token_bytes_},
                     [this](const LabeledBatch& labeled, std::span<float> losses) {
                       model_.Evaluate(labeled.batch, labeled.targets, labeled.weights, losses);
                     });
  if (!state_.best_validation_loss || result.loss < *state_.best_validation_loss) {
    state_.best_validation_loss = result.loss;
    state_.best_validation_step = state_.step;
  }
  return result;
}

}  // namespace trit
