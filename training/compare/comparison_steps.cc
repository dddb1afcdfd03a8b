#include "training/compare/comparison_steps.h"

#include <fmt/format.h>

#include "training/fingerprint.h"

namespace trit {
namespace {

// Without the files of the comparison itself.
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

std::string TokenizerFingerprint(const TrainingConfig& config) {
  Fingerprint fingerprint;
  fingerprint.Add(config.data.tokenizer);
  for (const std::string& path : config.data.train) fingerprint.Add(path);
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
