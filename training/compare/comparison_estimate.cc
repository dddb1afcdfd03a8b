// How long a comparison would take.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "training/compare/comparison.h"
#include "training/compare/comparison_steps.h"
#include "training/compare/step_records.h"
#include "training/dry_run.h"
#include "training/run_tokenizer.h"
#include "training/temporary_directory.h"

namespace trit {
namespace {

// Dry runs. Those of which a step takes as long, since they differ in seed, initial weights, length
// and schedule alone, are made once.
class Estimator {
 public:
  const DryRunResult& Of(TrainingConfig config) {
    config.train.seed = 0;
    config.train.steps = 1;
    config.schedule = {};
    config.checkpoint.init.clear();
    const std::string key = TrainingConfigToToml(config);
    const auto found = results_.find(key);
    if (found != results_.end()) return found->second;
    return results_.emplace(key, DryRun(std::move(config))).first->second;
  }

 private:
  std::map<std::string, DryRunResult> results_;
};

}  // namespace

std::vector<EstimatedStep> EstimateComparison(const ComparisonConfig& config,
                                              const std::string& directory) {
  // A tokenizer that is to be trained is trained here, too, but only once.
  std::unique_ptr<TemporaryDirectory> scratch;
  std::string tokenizer;
  const TrainingConfig base = FullPrecisionTrainingConfig(config, {});
  if (TrainsTokenizer(base)) {
    tokenizer = directory + "/" + kTokenizerFile;
    if (!std::filesystem::exists(tokenizer)) {
      scratch = std::make_unique<TemporaryDirectory>(std::filesystem::temp_directory_path() /
                                                     fmt::format("trit-compare-{}", getpid()));
      tokenizer = (scratch->path() / kTokenizerFile).string();
      SaveRunTokenizer(*MakeRunTokenizer(base), base.data.chat_template, tokenizer);
    }
  }
  const ComparisonPlan plan = MakeComparisonPlan(config, directory, tokenizer);
  const StepRecords records(RecordsDirectory(directory));
  records.Find("inputs", InputsFingerprint(base));  // refuses another comparison's directory
  Estimator estimator;
  std::vector<EstimatedStep> steps;
  for (const PlannedStep& step : plan.steps) {
    EstimatedStep estimate;
    if (step.kind == PlannedStep::Kind::kTrain) {
      const PlannedRun& run = plan.runs[step.index];
      estimate.what = "train " + run.label;
      estimate.is_done =
          records.Find(TrainStepName(run), RunFingerprint(plan, step.index)).has_value();
      if (!estimate.is_done) {
        estimate.seconds = RunSeconds(estimator.Of(run.config), run.config.train);
      }
    } else {
      const PlannedModel& model = plan.models[step.index];
      estimate.what = "measure " + model.label;
      estimate.is_done =
          records
              .Find(MeasureStepName(model), ModelFingerprint(plan, step.index, config.embeddings))
              .has_value();
      // The trainer's evaluation and the file's.
      if (!estimate.is_done) estimate.seconds = 2 * estimator.Of(model.config).evaluation_seconds;
    }
    steps.push_back(std::move(estimate));
  }
  return steps;
}

}  // namespace trit
