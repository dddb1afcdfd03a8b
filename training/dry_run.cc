#include "training/dry_run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "engine/weight_table.h"
#include "training/data/text_source.h"
#include "training/evaluation/run_questions.h"
#include "training/logs/process_memory.h"
#include "training/logs/step_telemetry.h"
#include "training/run_sample.h"
#include "training/run_tokenizer.h"
#include "training/trainer.h"

namespace trit {
namespace {

constexpr int kTimedSteps = 3;  // the fastest counts
constexpr int64_t kSampleTokens = 4;
constexpr int64_t kSeveralLayers = 3;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Probe {
  double step_seconds = 0;
  double evaluation_seconds = 0;
  std::optional<int64_t> peak_memory;
};

// A number that grows by the same amount with every layer, of which two values are known: for one
// layer, and for `several`.
double Extrapolated(double one, double more, int64_t several, int64_t layers) {
  if (several == 1) return one;
  const double per_layer = std::max(0.0, more - one) / static_cast<double>(several - 1);
  return one + static_cast<double>(layers - 1) * per_layer;
}

class DryRunner {
 public:
  explicit DryRunner(TrainingConfig config) : config_(std::move(config)) {
    questions_ = std::make_unique<RunQuestions>(config_);
    tokenizer_ = MakeRunTokenizer(config_);
    SettleVocabSize(tokenizer_.get(), config_);
    data_ = LoadTrainingData(config_, tokenizer_.get());
    if (tokenizer_ != nullptr) {
      token_bytes_ = TokenByteCounts(*tokenizer_, config_.model.vocab_size);
    }
    preparation_peak_ = PeakMemory();
  }

  DryRunResult Run() {
    DryRunResult result;
    CountParameters(result);
    result.train_tokens = data_.train->num_tokens();
    const int64_t all_rows = data_.validation->num_rows();
    result.validation_tokens = data_.validation->NumTargets(all_rows);
    const double steps = static_cast<double>(config_.train.steps);
    result.epochs = steps * static_cast<double>(config_.train.batch_tokens) /
                    static_cast<double>(result.train_tokens);

    const int64_t layers = config_.model.num_hidden_layers;
    const int64_t several = std::min(layers, kSeveralLayers);
    Measure(1);  // what the process takes once and for all must not look like a layer's
    const Probe one = Measure(1);
    const Probe more = Measure(several);
    const auto extrapolated = [&](double of_one, double of_more) {
      return Extrapolated(of_one, of_more, several, layers);
    };
    result.step_seconds = extrapolated(one.step_seconds, more.step_seconds);
    result.evaluation_seconds = extrapolated(one.evaluation_seconds, more.evaluation_seconds);
    result.total_seconds = RunSeconds(result, config_.train);
    if (one.peak_memory && more.peak_memory && preparation_peak_) {
      const double peak = extrapolated(static_cast<double>(*one.peak_memory),
                                       static_cast<double>(*more.peak_memory));
      result.peak_memory = std::max(*preparation_peak_, static_cast<int64_t>(peak));
    }
    result.checkpoint_bytes = 3 * 4 * result.num_parameters;  // weights and both moments, f32
    if (config_.checkpoint.keep > 0) {
      result.kept_checkpoints =
          config_.checkpoint.keep + 1 + (config_.checkpoint.keep_best ? 1 : 0);
    }
    return result;
  }

 private:
  void CountParameters(DryRunResult& result) const {
    const WeightTable table(config_.model);
    result.vocab_size = config_.model.vocab_size;
    result.num_parameters = table.NumParameters();
    for (const WeightInfo& info : table.weights()) {
      if (info.kind == WeightKind::kLinear && config_.quantizer.For(info.name).weights != "none") {
        result.num_ternary_parameters += info.NumElements();
      }
    }
  }

  // What a run does, with so many layers.
  Probe Measure(int64_t layers) {
    const bool counts_memory = ResetPeakMemory();
    TrainingConfig config = config_;
    config.model.num_hidden_layers = layers;
    // An evaluation of two passes is enough: its time is that of the tokens it predicts.
    const int64_t pass_tokens = config.train.micro_batch * config.data.sequence_length;
    config.train.eval_tokens = std::min(EvaluatedTokens(), 2 * pass_tokens);
    Probe probe;
    Trainer trainer(config, UsablePrecision(config), std::move(data_), token_bytes_);
    trainer.Initialize();
    for (int step = 0; step <= kTimedSteps; ++step) {
      std::optional<StepObserver> observer;
      if (step == 0 && config.train.telemetry_every > 0) observer.emplace(trainer.model()).Begin();
      const double start = Now();
      trainer.Step();
      const double seconds = Now() - start;
      if (observer) observer->Finish();
      // Steps before and after an evaluation find the memory in different states.
      if (step == 0 && trainer.has_validation()) trainer.Evaluate();
      if (step == 1 || (step > 1 && seconds < probe.step_seconds)) probe.step_seconds = seconds;
    }
    if (trainer.has_validation()) {
      const double start = Now();
      trainer.Evaluate();
      const int64_t rows = trainer.data().validation->RowsFor(config.train.eval_tokens);
      probe.evaluation_seconds = (Now() - start) *
                                 static_cast<double>(EvaluatedTokens(*trainer.data().validation)) /
                                 static_cast<double>(trainer.data().validation->NumTargets(rows));
    }
    if (tokenizer_ != nullptr && (config.train.sample_every > 0 || !questions_->empty())) {
      Model model = trainer.model().MakeInferenceModel();
      model.tokenizer = tokenizer_;
      WriteSample(model, config.train.sample_prompt, config.data.sequence_length, kSampleTokens, 0);
    }
    if (counts_memory) probe.peak_memory = PeakMemory();
    data_ = trainer.TakeData();
    return probe;
  }

  // Of an evaluation of the run.
  int64_t EvaluatedTokens() const { return EvaluatedTokens(*data_.validation); }
  int64_t EvaluatedTokens(const EvaluationSource& validation) const {
    return validation.NumTargets(validation.RowsFor(config_.train.eval_tokens));
  }

  TrainingConfig config_;
  std::unique_ptr<RunQuestions> questions_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  TrainingData data_;
  std::vector<int32_t> token_bytes_;
  std::optional<int64_t> preparation_peak_;
};

}  // namespace

double RunSeconds(const DryRunResult& result, const TrainConfig& train) {
  const double steps = static_cast<double>(train.steps);
  const double evaluations =
      train.eval_every > 0 ? steps / static_cast<double>(train.eval_every) : 1;
  return steps * result.step_seconds + evaluations * result.evaluation_seconds;
}

DryRunResult DryRun(TrainingConfig config) { return DryRunner(std::move(config)).Run(); }

}  // namespace trit
