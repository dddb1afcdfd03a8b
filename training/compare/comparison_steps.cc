#include "training/compare/comparison_steps.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "training/data/data_files.h"
#include "training/data/fingerprint.h"

namespace trit {
namespace {

// Without what InputsFingerprint has, which plans replace by files of the comparison itself.
void AddConfig(TrainingConfig config, Fingerprint& fingerprint) {
  config.data.tokenizer.clear();
  config.checkpoint.init.clear();
  fingerprint.Add(TrainingConfigToToml(config));
}

}  // namespace

std::string RecordsDirectory(const std::string& directory) { return directory + "/records"; }

std::string TrainStepName(const PlannedRun& run) { return "train-" + run.id; }

std::string MeasureStepName(const PlannedModel& model) { return "measure-" + model.id; }

bool TrainsTokenizer(const TrainingConfig& config) {
  return ParseTokenizerChoice(config.data.tokenizer).kind == TokenizerChoice::Kind::kTrain;
}

std::string InputsFingerprint(const TrainingConfig& config) {
  Fingerprint fingerprint;
  const auto add_file = [&](const std::string& path) {
    std::error_code error;  // what cannot be read says so when it is
    fingerprint.Add(fmt::format("{} {}", path, std::filesystem::file_size(path, error)));
  };
  for (const auto* files : {&config.data.train, &config.data.validation,
                            &config.evaluation.multiple_choice, &config.evaluation.exact_match}) {
    fingerprint.Add(fmt::format("{} names", files->size()));
    for (const std::string& path : ExpandDataFiles(*files)) add_file(path);
  }
  fingerprint.Add(config.data.chat_template);
  fingerprint.Add(config.data.tokenizer);
  if (ParseTokenizerChoice(config.data.tokenizer).kind == TokenizerChoice::Kind::kFile) {
    add_file(config.data.tokenizer);
  }
  fingerprint.Add(config.checkpoint.init);
  return fingerprint.Hex();
}

std::string RunFingerprint(const ComparisonPlan& plan, size_t run) {
  const PlannedRun& planned = plan.runs[run];
  Fingerprint fingerprint;
  AddConfig(planned.config, fingerprint);
  if (planned.parent) fingerprint.Add(RunFingerprint(plan, *planned.parent));
  return fingerprint.Hex();
}

std::string ModelFingerprint(const ComparisonPlan& plan, size_t model, TensorType embeddings) {
  const PlannedModel& planned = plan.models[model];
  Fingerprint fingerprint;
  AddConfig(planned.config, fingerprint);
  fingerprint.Add(RunFingerprint(plan, planned.run));
  fingerprint.Add(InfoOf(embeddings).name);
  return fingerprint.Hex();
}

}  // namespace trit
