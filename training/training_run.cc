#include "training/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "engine/generation.h"
#include "engine/input_file.h"
#include "engine/output_file.h"
#include "engine/safetensors.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "engine/tokenizer.h"
#include "engine/utf8_stream.h"
#include "ternary_kernels/gemm.h"
#include "training/checkpoint.h"
#include "training/metrics_log.h"
#include "training/progress_line.h"
#include "training/run_tokenizer.h"
#include "training/text_source.h"
#include "training/trainer.h"

namespace trit {
namespace {

constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr int64_t kSampleTokens = 64;  // a text shown during training

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
        progress_(*options.progress, options.progress_width) {
    PrepareDirectory();
    PrepareTokenizer();
    PrepareTrainer();
    log_ = std::make_unique<MetricsLog>(File("metrics.jsonl"), trainer_->state().step);
  }

  RunOutcome Execute() {
    const double earlier_seconds = trainer_->state().elapsed_seconds;
    const double start = SecondsNow();
    if (trainer_->state().step >= config_.train.steps) {
      outcome_.checkpoint = ListCheckpoints(options_.directory).back();
      progress_.Message("the run is complete already");
    }
    while (trainer_->state().step < config_.train.steps && !outcome_.interrupted) {
      const double step_start = SecondsNow();
      const StepMetrics metrics = StepAndMeasure(step_start, earlier_seconds - start);
      log_->Append(metrics);
      ShowProgress(metrics);
      outcome_.loss = metrics.loss;
      outcome_.interrupted = trainer_->state().step < config_.train.steps &&
                             options_.stop_requested && options_.stop_requested();
      trainer_->set_elapsed_seconds(earlier_seconds + SecondsNow() - start);
      const int64_t done = trainer_->state().step;
      if (IsDue(config_.train.sample_every, done) && !outcome_.interrupted) ShowSample();
      if (IsDue(config_.checkpoint.every, done) || outcome_.interrupted) Save();
    }
    progress_.Finish();
    outcome_.steps_done = trainer_->state().step;
    return outcome_;
  }

 private:
  std::string File(const std::string& name) const { return options_.directory + "/" + name; }

  // Every `interval` steps, and after the last one. 0: after the last one only.
  bool IsDue(int64_t interval, int64_t steps_done) const {
    return steps_done == config_.train.steps || (interval > 0 && steps_done % interval == 0);
  }

  void PrepareDirectory() {
    std::error_code error;
    std::filesystem::create_directories(options_.directory, error);
    if (error) {
      throw Error(ErrorInfo{.what = "cannot make the directory: " + error.message(),
                            .file = options_.directory});
    }
    checkpoints_ = ListCheckpoints(options_.directory);
    if (!options_.resume && std::filesystem::exists(File("metrics.jsonl"))) {
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
    Precision precision = config_.train.precision;
    if (precision == Precision::kBF16 && !HasBF16Gemm()) {
      progress_.Message("this CPU has no bf16 products: computing in f32");
      precision = Precision::kF32;
    }
    TrainingData data = LoadTrainingData(config_, tokenizer_.get());
    std::vector<int32_t> token_bytes;
    if (tokenizer_ != nullptr) {
      token_bytes = TokenByteCounts(*tokenizer_, config_.model.vocab_size);
    }
    progress_.Message(fmt::format("{} training tokens, {} validation tokens",
                                  data.train->num_tokens(),
                                  data.validation->NumTargets(data.validation->num_rows())));
    trainer_ =
        std::make_unique<Trainer>(config_, precision, std::move(data), std::move(token_bytes));
    if (!checkpoints_.empty() && options_.resume) {
      trainer_->Resume(checkpoints_.back());
      progress_.Message("resumed from " + checkpoints_.back());
    } else if (!config_.checkpoint.init.empty()) {
      trainer_->InitializeFrom(config_.checkpoint.init);
    } else {
      trainer_->Initialize();
    }
    WriteTextFile(File("config.toml"), TrainingConfigToToml(config_));
    progress_.Message(fmt::format("{} parameters", trainer_->model().table().NumParameters()));
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
    const StepResult result = trainer_->Step(before_clipping);
    metrics.loss = result.loss;
    metrics.grad_norm = result.grad_norm;
    metrics.learning_rate = result.learning_rate;
    const double step_tokens = static_cast<double>(config_.train.batch_tokens);
    metrics.tokens_per_second = step_tokens / (SecondsNow() - step_start);
    if (trainer_->has_validation() && IsDue(config_.train.eval_every, trainer_->state().step)) {
      const EvaluationResult evaluation = trainer_->Evaluate();
      metrics.validation_loss = evaluation.loss;
      metrics.bits_per_byte = evaluation.bits_per_byte;
      outcome_.validation_loss = evaluation.loss;
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
    progress_.Update({.step = done,
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
      progress_.Message(news);
    }
  }

  // A text out of nothing, as inference would write it.
  void ShowSample() {
    if (tokenizer_ == nullptr) return;
    const Model model = trainer_->model().MakeInferenceModel();
    Session session(model, {.context_length = config_.data.sequence_length});
    Sampler sampler({.seed = static_cast<uint64_t>(trainer_->state().step)});
    const int32_t bos = tokenizer_->special().bos;
    std::vector<int32_t> prompt = tokenizer_->Encode("\n", false);
    if (bos >= 0) prompt = {bos};
    Utf8Stream stream;
    std::string text;
    Generate(session, prompt, sampler,
             {.max_tokens = std::min(kSampleTokens, config_.data.sequence_length - 2)},
             [&](int32_t token) {
               text += stream.Push(tokenizer_->Decode(token, false));
               return true;
             });
    text += stream.Flush();
    std::replace(text.begin(), text.end(), '\n', ' ');
    progress_.Message("sample: " + text);
  }

  void Save() {
    std::vector<NamedBytes> files;
    if (tokenizer_ != nullptr) {
      files.push_back({kTokenizerFile, ReadTextFile(File(kTokenizerFile), kMaxTokenizerBytes)});
    }
    const SpecialTokens special = tokenizer_ != nullptr ? tokenizer_->special() : SpecialTokens();
    outcome_.checkpoint = SaveCheckpoint(options_.directory,
                                         {.state = trainer_->state(),
                                          .model = config_.model,
                                          .quantizer = config_.quantizer,
                                          .special = special,
                                          .parameters = trainer_->model().parameters(),
                                          .files = files},
                                         config_.checkpoint.keep);
  }

  TrainingConfig config_;
  const RunOptions& options_;
  ProgressLine progress_;
  std::vector<std::string> checkpoints_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<MetricsLog> log_;
  RunOutcome outcome_;
  double smooth_rate_ = 0;  // tokens a second
};

}  // namespace

RunOutcome RunTraining(TrainingConfig config, const RunOptions& options) {
  return Run(std::move(config), options).Execute();
}

}  // namespace trit
