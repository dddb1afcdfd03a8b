#include "training/compare/comparison.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/files/output_file.h"
#include "training/checkpoint.h"
#include "training/compare/comparison_page.h"
#include "training/compare/comparison_steps.h"
#include "training/compare/comparison_table.h"
#include "training/compare/measurement.h"
#include "training/compare/step_records.h"
#include "training/export_run.h"
#include "training/layer_outputs.h"
#include "training/run_tokenizer.h"
#include "training/training_run.h"

namespace trit {
namespace {

class Comparison {
 public:
  Comparison(const ComparisonConfig& config, const ComparisonOptions& options)
      : config_(config), options_(options), records_(RecordsDirectory(options.directory)) {
    MakeDirectories(options_.directory + "/models");
    MakeDirectories(RecordsDirectory(options_.directory));
    Begin("inputs", InputsFingerprint(FullPrecisionTrainingConfig(config_, {})));
    result_.program = options.program;
    result_.plan = MakeComparisonPlan(config_, options_.directory, PrepareTokenizer());
    result_.runs.resize(result_.plan.runs.size());
    result_.models.resize(result_.plan.models.size());
  }

  std::optional<ComparisonResult> Execute() {
    const std::vector<PlannedStep>& steps = result_.plan.steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (options_.stop_requested && options_.stop_requested()) return std::nullopt;
      const std::string number = fmt::format("[{}/{}] ", i + 1, steps.size());
      if (steps[i].kind == PlannedStep::Kind::kMeasure) {
        Measure(steps[i].index, number);
      } else if (!Train(steps[i].index, number)) {
        return std::nullopt;
      }
    }
    const std::string name = options_.directory + "/comparison";
    WriteTextFile(name + ".json", ComparisonJson(result_));
    WriteTextFile(name + ".md", ComparisonMarkdown(result_));
    WriteTextFile(name + ".html", ComparisonPage(result_).Text());
    return std::move(result_);
  }

 private:
  // Notes what a step starts from, or refuses to go on with it from something else.
  void Begin(const std::string& step, const std::string& fingerprint) {
    if (!records_.Find(step, fingerprint)) records_.Save(step, fingerprint, true);
  }

  // One that data.tokenizer would have every run train is trained once; else empty.
  std::string PrepareTokenizer() {
    const TrainingConfig config = FullPrecisionTrainingConfig(config_, {});
    if (!TrainsTokenizer(config)) return "";
    const std::string path = options_.directory + "/" + kTokenizerFile;
    const std::string fingerprint = InputsFingerprint(config);
    if (!records_.Find("tokenizer", fingerprint)) {
      SaveRunTokenizer(*MakeRunTokenizer(config), config.data.chat_template, path);
      records_.Save("tokenizer", fingerprint, true);
    }
    return path;
  }

  void Tell(const std::string& text) const { *options_.progress << text << '\n' << std::flush; }

  // False if it was stopped.
  bool Train(size_t index, const std::string& number) {
    const PlannedRun& run = result_.plan.runs[index];
    const std::string step = TrainStepName(run);
    const std::string fingerprint = RunFingerprint(result_.plan, index);
    const std::string directory = RunPath(options_.directory, run);
    if (const auto record = records_.Find(step, fingerprint)) {
      result_.runs[index] = TrainingRecordFromJson(*record, records_.Path(step));
      return true;
    }
    // A run may be continued with another schedule; a comparison's may not.
    Begin("begin-" + run.id, fingerprint);
    const RunOutcome outcome = RunTraining(run.config, {.directory = directory,
                                                        .resume = true,
                                                        .program = options_.program,
                                                        .dump_gradients = "",
                                                        .progress = options_.progress,
                                                        .label = number + run.label,
                                                        .progress_width = options_.progress_width,
                                                        .stop_requested = options_.stop_requested});
    if (outcome.interrupted) return false;
    result_.runs[index] = ReadTrainingRecord(directory, run.config);
    records_.Save(step, fingerprint, TrainingRecordToJson(result_.runs[index]));
    return true;
  }

  void Measure(size_t index, const std::string& number) {
    const PlannedModel& model = result_.plan.models[index];
    const std::string step = MeasureStepName(model);
    const std::string fingerprint = ModelFingerprint(result_.plan, index, config_.embeddings);
    Measurement& measurement = result_.models[index];
    // What happens inside is shown of one seed.
    const bool profiled = model.seed == config_.seeds.front();
    if (const auto record = records_.Find(step, fingerprint)) {
      measurement = MeasurementFromJson(*record, records_.Path(step));
      if (!profiled || measurement.profile) return;
    }
    const PlannedRun& run = result_.plan.runs[model.run];
    const std::string directory = RunPath(options_.directory, run);
    const std::string tokenizer_file = directory + "/" + kTokenizerFile;
    TrainingConfig config = model.config;
    PrepareQuality(tokenizer_file, config);
    measurement = MeasureModel(
        {.config = config,
         .checkpoint = CheckpointPath(directory, run.config.train.steps),
         .tokenizer_file = tokenizer_file,
         .gguf_path = ModelPath(options_.directory, model),
         .embeddings = config_.embeddings,
         .wants_profile = profiled,
         .reference = profiled && model.reference ? &OutputsOf(*model.reference) : nullptr},
        *questions_, data_);
    records_.Save(step, fingerprint, MeasurementToJson(measurement));
    Tell(fmt::format("{}{}: {:.4f} nats a token, {:.3f} MB", number, model.label,
                     measurement.validation_loss, static_cast<double>(measurement.bytes) / 1e6));
  }

  // What a model's layers give for the profiled text, computed once: many are compared with it.
  const LayerOutputs& OutputsOf(size_t index) {
    const auto found = outputs_.find(index);
    if (found != outputs_.end()) return found->second;
    const PlannedModel& model = result_.plan.models[index];
    const std::unique_ptr<Model> loaded =
        LoadTrainedModel(RunPath(options_.directory, result_.plan.runs[model.run]));
    return outputs_
        .emplace(index, ComputeLayerOutputs(*loaded, ProfiledText(*data_.validation), {}))
        .first->second;
  }

  // Data and questions are the same for all models, and read when the first is measured.
  void PrepareQuality(const std::string& tokenizer_file, TrainingConfig& config) {
    const std::shared_ptr<const Tokenizer> tokenizer = LoadRunTokenizer(tokenizer_file);
    SettleVocabSize(tokenizer.get(), config);
    if (questions_ != nullptr) return;
    questions_ = std::make_unique<RunQuestions>(config);
    data_ = LoadTrainingData(config, tokenizer.get());
    if (data_.validation->num_rows() > 0) return;
    throw UsageError(ErrorInfo{.what = "there is no validation data to measure models on",
                               .file = config_.file,
                               .key = "data.validation_fraction",
                               .expected = "more than 0, or data.validation"});
  }

  const ComparisonConfig& config_;
  const ComparisonOptions& options_;
  StepRecords records_;
  ComparisonResult result_;
  std::unique_ptr<RunQuestions> questions_;
  TrainingData data_;
  std::map<size_t, LayerOutputs> outputs_;  // by model
};

}  // namespace

std::optional<ComparisonResult> RunComparison(const ComparisonConfig& config,
                                              const ComparisonOptions& options) {
  return Comparison(config, options).Execute();
}

}  // namespace trit
