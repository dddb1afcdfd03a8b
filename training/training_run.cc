#include "training/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/output_file.h"
#include "engine/formats/safetensors.h"
#include "engine/tokenizers/tokenizer.h"
#include "training/bad_batch.h"
#include "training/checkpoint.h"
#include "training/data/text_source.h"
#include "training/evaluation/run_questions.h"
#include "training/logs/layers_log.h"
#include "training/logs/line_log.h"
#include "training/logs/metrics_log.h"
#include "training/logs/progress_line.h"
#include "training/logs/step_telemetry.h"
#include "training/model_flops.h"
#include "training/run_files.h"
#include "training/run_sample.h"
#include "training/run_tokenizer.h"
#include "training/trainer.h"

namespace trit {
namespace {

constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr int64_t kSampleTokens = 128;  // of a text shown during training

double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void WriteGradients(const Parameters& parameters, const std::string& path) {
  std::vector<SafetensorsInfo> tensors;
  for (const WeightInfo& info : parameters.table().weights()) {
    SafetensorsInfo tensor;
    tensor.name = info.name;
    tensor.shape = info.IsVector() ? std::vector<int64_t>{info.cols}
                                   : std::vector<int64_t>{info.rows, info.cols};
    tensors.push_back(std::move(tensor));
  }
  TensorFileWriter writer = CreateSafetensors(path, tensors);
  for (const WeightInfo& info : parameters.table().weights()) {
    const std::span<const float> gradient = parameters.Gradients(info.id);
    writer.WriteTensor(info.name,
                       {reinterpret_cast<const uint8_t*>(gradient.data()), gradient.size_bytes()});
  }
  writer.Commit();
}

class Run {
 public:
  Run(TrainingConfig config, const RunOptions& options)
      : config_(std::move(config)),
        options_(options),
        questions_(config_),
        progress_(*options.progress, options.progress_width) {
    PrepareDirectory();
    PrepareTokenizer();
    PrepareTrainer();
    const int64_t step = trainer_->state().step;
    metrics_log_ = std::make_unique<MetricsLog>(options_.directory, step);
    layers_log_ = std::make_unique<LineLog>(File(kLayersFile), step);
    // A sample's step is the number of updates done, so that of the checkpoint stays.
    samples_log_ = std::make_unique<LineLog>(File(kSamplesFile), step + 1);
  }

  RunOutcome Execute() {
    const double earlier_seconds = trainer_->state().elapsed_seconds;
    const double start = SecondsNow();
    if (trainer_->state().step >= config_.train.steps) {
      outcome_.checkpoint = ListCheckpoints(options_.directory).back();
      News("the run is complete already");
    }
    while (trainer_->state().step < config_.train.steps && !outcome_.interrupted) {
      const double step_start = SecondsNow();
      const StepMetrics metrics = StepAndMeasure(step_start, earlier_seconds - start);
      metrics_log_->Append(metrics);
      ShowProgress(metrics);
      outcome_.loss = metrics.loss;
      outcome_.interrupted = trainer_->state().step < config_.train.steps &&
                             options_.stop_requested && options_.stop_requested();
      trainer_->set_elapsed_seconds(earlier_seconds + SecondsNow() - start);
      const int64_t done = trainer_->state().step;
      const bool samples = config_.train.sample_every > 0 && !outcome_.interrupted;
      if (samples && IsDue(config_.train.sample_every, done)) ShowSample();
      const bool best = metrics.validation_loss && trainer_->state().best_validation_step == done;
      if (IsDue(config_.checkpoint.every, done) || outcome_.interrupted ||
          (best && config_.checkpoint.keep_best)) {
        Save();
      }
    }
    progress_.Finish();
    outcome_.steps_done = trainer_->state().step;
    if (BestStep()) {
      const std::string best = CheckpointPath(options_.directory, *BestStep());
      if (std::filesystem::exists(best)) outcome_.best_checkpoint = best;
    }
    return outcome_;
  }

 private:
  std::string File(const std::string& name) const { return options_.directory + "/" + name; }

  // What is no news where the run is one of several.
  void News(const std::string& text) {
    if (options_.label.empty()) progress_.Message(text);
  }

  // Every `interval` steps, and after the last one. 0: after the last one only.
  bool IsDue(int64_t interval, int64_t steps_done) const {
    return steps_done == config_.train.steps || (interval > 0 && steps_done % interval == 0);
  }

  void PrepareDirectory() {
    MakeDirectories(options_.directory);
    checkpoints_ = ListCheckpoints(options_.directory);
    if (!options_.resume && std::filesystem::exists(File(kMetricsFile))) {
      throw UsageError(ErrorInfo{.what = "the directory has a run already",
                                 .file = options_.directory,
                                 .hint = "go on with --resume, or name another directory"});
    }
  }

  void PrepareTokenizer() {
    if (options_.resume) tokenizer_ = LoadRunTokenizer(File(kTokenizerFile));
    if (tokenizer_ != nullptr) return;
    tokenizer_ = MakeRunTokenizer(config_);
    if (tokenizer_ != nullptr) {
      SaveRunTokenizer(*tokenizer_, config_.data.chat_template, File(kTokenizerFile));
    }
  }

  void PrepareTrainer() {
    SettleVocabSize(tokenizer_.get(), config_);
    if (tokenizer_ == nullptr && !questions_.empty()) {
      throw UsageError(ErrorInfo{.what = "questions need a tokenizer", .key = "data.tokenizer"});
    }
    const bool resumes = options_.resume && !checkpoints_.empty();
    if (resumes && std::filesystem::exists(File(kRunConfigFile))) {
      RequireSameRun(ReadTrainingConfig(File(kRunConfigFile), {}), config_);
    }
    const Precision precision = UsablePrecision(config_);
    if (precision != config_.train.precision) {
      progress_.Message("this CPU has no bf16 products: computing in f32");
    }
    TrainingData data = LoadTrainingData(config_, tokenizer_.get());
    std::vector<int32_t> token_bytes;
    if (tokenizer_ != nullptr) {
      token_bytes = TokenByteCounts(*tokenizer_, config_.model.vocab_size);
    }
    News(fmt::format("{} training tokens, {} validation tokens", data.train->num_tokens(),
                     data.validation->NumTargets(data.validation->num_rows())));
    trainer_ =
        std::make_unique<Trainer>(config_, precision, std::move(data), std::move(token_bytes));
    if (resumes) {
      trainer_->Resume(checkpoints_.back());
      progress_.Message("resumed from " + checkpoints_.back());
    } else if (!config_.checkpoint.init.empty()) {
      trainer_->InitializeFrom(config_.checkpoint.init);
    } else {
      trainer_->Initialize();
    }
    WriteTextFile(File(kRunConfigFile),
                  fmt::format("# {}\n{}", options_.program, TrainingConfigToToml(config_)));
    flops_per_token_ = FlopsPerToken(trainer_->model(), config_.data.sequence_length);
    peaks_ = MeasureProductPeaks(precision);
    const int64_t complete_from = config_.quantizer.ramp.CompleteFrom();
    if (complete_from >= config_.train.steps) {
      progress_.Message(fmt::format(
          "training ends before it is fully quantized, as what is evaluated and exported is: "
          "quantizer.start_step + ramp_steps = {}, train.steps = {}",
          complete_from, config_.train.steps));
    }
    News(fmt::format("{} parameters", trainer_->model().table().NumParameters()));
  }

  // seconds_offset: what makes a clock reading the run's elapsed seconds.
  StepMetrics StepAndMeasure(double step_start, double seconds_offset) {
    std::function<void()> before_clipping;
    if (!options_.dump_gradients.empty() && trainer_->state().step == 0) {
      before_clipping = [this] {
        WriteGradients(trainer_->model().parameters(), options_.dump_gradients);
      };
    }
    StepMetrics metrics{.step = trainer_->state().step};
    const int64_t telemetry_every = config_.train.telemetry_every;
    std::optional<StepObserver> observer;
    if (telemetry_every > 0 && metrics.step % telemetry_every == 0) {
      observer.emplace(trainer_->model()).Begin();
    }
    const StepResult result = trainer_->Step(before_clipping);
    if (!result.bad_batch.empty()) ReportBadBatch(metrics.step, result.bad_batch);
    metrics.skipped = !result.bad_batch.empty();
    metrics.loss = result.loss;
    metrics.grad_norm = result.grad_norm;
    metrics.learning_rate = result.learning_rate;
    const double step_tokens = static_cast<double>(config_.train.batch_tokens);
    if (observer) {
      const StepTelemetry telemetry = observer->Finish();
      layers_log_->Append(TelemetryToJson(metrics.step, telemetry));
      if (!telemetry.matrices.empty()) {
        metrics.zero_share = telemetry.zero_share;
        metrics.flip_rate = telemetry.flip_rate;
      }
    }
    metrics.tokens_per_second = step_tokens / (SecondsNow() - step_start);
    metrics.model_flops_utilization =
        SecondsAtPeak(flops_per_token_, peaks_) * metrics.tokens_per_second;
    if (trainer_->has_validation() && IsDue(config_.train.eval_every, trainer_->state().step)) {
      const EvaluationResult evaluation = trainer_->Evaluate();
      metrics.validation_loss = evaluation.loss;
      metrics.bits_per_byte = evaluation.bits_per_byte;
      outcome_.validation_loss = evaluation.loss;
    }
    if (!questions_.empty() && IsDue(config_.train.eval_every, trainer_->state().step)) {
      const RunQuestions::Score score = questions_.Ask(InferenceModel());
      metrics.multiple_choice = score.multiple_choice;
      metrics.exact_match = score.exact_match;
    }
    metrics.elapsed_seconds = seconds_offset + SecondsNow();
    return metrics;
  }

  void ShowProgress(const StepMetrics& metrics) {
    // The rate of the last steps, so that one slow step does not upset the time left.
    constexpr double kNewest = 0.1;
    smooth_rate_ = smooth_rate_ == 0
                       ? metrics.tokens_per_second
                       : smooth_rate_ + kNewest * (metrics.tokens_per_second - smooth_rate_);
    const int64_t done = trainer_->state().step;
    const double tokens_left = static_cast<double>(config_.train.steps - done) *
                               static_cast<double>(config_.train.batch_tokens);
    progress_.Update({.label = options_.label,
                      .step = done,
                      .num_steps = config_.train.steps,
                      .loss = metrics.loss,
                      .validation_loss = outcome_.validation_loss,
                      .learning_rate = metrics.learning_rate,
                      .tokens_per_second = smooth_rate_,
                      .seconds_left = tokens_left / smooth_rate_},
                     SecondsNow());
    if (metrics.validation_loss) {
      std::string news =
          fmt::format("step {}: validation loss {:.4f}", done, *metrics.validation_loss);
      if (metrics.bits_per_byte) {
        news += fmt::format(", {:.4f} bits a byte", *metrics.bits_per_byte);
      }
      if (metrics.multiple_choice) {
        news += fmt::format(", multiple choice {:.1f} %", 100 * *metrics.multiple_choice);
      }
      if (metrics.exact_match) {
        news += fmt::format(", exact match {:.1f} %", 100 * *metrics.exact_match);
      }
      News(news);
    }
  }

  // Says why a batch was passed over, or ends the run.
  void ReportBadBatch(int64_t step, const std::string& reason) {
    const std::string what = fmt::format("step {}: {}", step, reason);
    if (trainer_->state().step > step) {
      progress_.Message(what + "; the batch is skipped");
      return;
    }
    progress_.Finish();
    const std::vector<std::string> checkpoints = ListCheckpoints(options_.directory);
    throw Error(ErrorInfo{
        .what = what + (trainer_->state().skipped_in_a_row > 0
                            ? fmt::format(", as in {} batches before", kMaxSkippedInARow)
                            : ""),
        .file = options_.directory,
        .hint = checkpoints.empty()
                    ? "there is no checkpoint yet: lower schedule.learning_rate"
                    : fmt::format("the last good checkpoint is {}; --resume with --set "
                                  "train.on_bad_batch=skip, or a lower schedule.learning_rate",
                                  checkpoints.back())});
  }

  Model InferenceModel() {
    Model model = trainer_->model().MakeInferenceModel();
    model.tokenizer = tokenizer_;
    return model;
  }

  void ShowSample() {
    if (tokenizer_ == nullptr) return;
    const int64_t step = trainer_->state().step;
    const std::string& prompt = config_.train.sample_prompt;
    std::string text = WriteSample(InferenceModel(), prompt, config_.data.sequence_length,
                                   kSampleTokens, static_cast<uint64_t>(step));
    samples_log_->Append(SampleToJson(step, prompt, text));
    std::replace(text.begin(), text.end(), '\n', ' ');
    News("sample: " + prompt + text);
  }

  // Of the checkpoint to keep beside the latest.
  std::optional<int64_t> BestStep() const {
    const TrainerState& state = trainer_->state();
    if (!config_.checkpoint.keep_best || !state.best_validation_loss) return std::nullopt;
    return state.best_validation_step;
  }

  void Save() {
    std::vector<NamedBytes> files;
    if (tokenizer_ != nullptr) {
      files.push_back({kTokenizerFile, ReadTextFile(File(kTokenizerFile), kMaxTokenizerBytes)});
    }
    const SpecialTokens special = tokenizer_ != nullptr ? tokenizer_->special() : SpecialTokens();
    outcome_.checkpoint =
        SaveCheckpoint(options_.directory,
                       {.state = trainer_->state(),
                        .model = config_.model,
                        .quantizer = config_.quantizer,
                        .special = special,
                        .parameters = trainer_->model().parameters(),
                        .files = files},
                       {.latest = config_.checkpoint.keep, .best_step = BestStep()});
  }

  TrainingConfig config_;
  const RunOptions& options_;
  RunQuestions questions_;
  ProgressLine progress_;
  std::vector<std::string> checkpoints_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<MetricsLog> metrics_log_;
  std::unique_ptr<LineLog> layers_log_;
  std::unique_ptr<LineLog> samples_log_;
  ModelFlops flops_per_token_;
  ProductPeaks peaks_;
  RunOutcome outcome_;
  double smooth_rate_ = 0;  // tokens a second
};

}  // namespace

RunOutcome RunTraining(TrainingConfig config, const RunOptions& options) {
  return Run(std::move(config), options).Execute();
}

}  // namespace trit
