#include "training/compare/comparison_plan.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "training/checkpoint.h"
#include "training/config/config_values.h"
#include "training/config/quantizer_text.h"

namespace trit {
namespace {

// Continued training sees the data in an order of its own.
constexpr int64_t kContinuedSeedOffset = 1'000'000;

// "INT4, by row" -> "int4-by-row": a name for files, without what shells or file systems mind.
std::string FileName(const std::string& name) {
  std::string file_name;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (upper || kept) {
      file_name += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!file_name.empty() && file_name.back() != '-') {
      file_name += '-';
    }
  }
  while (!file_name.empty() && file_name.back() == '-') file_name.pop_back();
  return file_name.empty() || file_name.front() == '.' ? "method" + file_name : file_name;
}

class Planner {
 public:
  Planner(const ComparisonConfig& config, const std::string& directory,
          const std::string& tokenizer)
      : config_(config), directory_(directory) {
    // What is kept of a run is its end: what a comparison measures.
    common_ = {"checkpoint.keep=1", "checkpoint.keep_best=false"};
    if (!tokenizer.empty()) common_.push_back("data.tokenizer=" + TomlString(tokenizer));
  }

  ComparisonPlan Make() {
    AddRows();
    for (const int64_t seed : config_.seeds) AddSeed(seed);
    return std::move(plan_);
  }

 private:
  void AddRows() {
    const std::string full = QuantizerText(FullPrecisionTrainingConfig(config_, {}).quantizer);
    AddRow({.name = kFullPrecision, .how = "trained", .quantizer = full, .baseline = true});
    for (const ComparisonMethod& method : config_.methods) {
      const int64_t steps = method.continued_steps;
      if (steps == 0 || baseline_rows_.contains(steps)) continue;
      baseline_rows_[steps] = plan_.rows.size();
      AddRow({.name = fmt::format("{}, {} more steps", kFullPrecision, steps),
              .how = "continued",
              .quantizer = full,
              .continued_steps = steps,
              .baseline = true});
    }
    for (const ComparisonMethod& method : config_.methods) {
      method_rows_.push_back(plan_.rows.size());
      const int64_t steps = method.continued_steps;
      const std::string how = MethodKindName(method.kind);
      AddRow({.name = method.name,
              .how = steps > 0 ? fmt::format("{}, {} more steps", how, steps) : how,
              .quantizer = QuantizerText(MethodTrainingConfig(config_, method, {}).quantizer),
              .continued_steps = steps,
              .nearest = method.kind == MethodKind::kNearest});
    }
  }

  void AddRow(PlannedRow row) {
    std::string file_name = FileName(row.name);
    // Different names may look alike in files.
    for (int i = 2; !file_names_.insert(file_name).second; ++i) {
      file_name = fmt::format("{}-{}", FileName(row.name), i);
    }
    row_files_.push_back(file_name);
    plan_.rows.push_back(std::move(row));
  }

  void AddSeed(int64_t seed) {
    const size_t base_run = AddRun(0, seed, FullPrecisionTrainingConfig(config_, Seeded(seed)), {});
    const size_t base = AddModel(0, seed, base_run, plan_.runs[base_run].config, {});
    std::map<int64_t, size_t> baselines = {{0, base}};  // by continued steps
    for (size_t i = 0; i < config_.methods.size(); ++i) {
      const ComparisonMethod& method = config_.methods[i];
      const int64_t steps = method.continued_steps;
      if (method.kind == MethodKind::kNearest) {
        AddModel(method_rows_[i], seed, base_run,
                 MethodTrainingConfig(config_, method, Seeded(seed)), base);
        continue;
      }
      if (!baselines.contains(steps)) {
        const size_t row = baseline_rows_.at(steps);
        const size_t run = AddRun(
            row, seed, FullPrecisionTrainingConfig(config_, Continued(seed, steps, base_run)),
            base_run);
        baselines[steps] = AddModel(row, seed, run, plan_.runs[run].config, base);
      }
      const bool continues = steps > 0;
      const size_t run =
          AddRun(method_rows_[i], seed,
                 MethodTrainingConfig(config_, method,
                                      continues ? Continued(seed, steps, base_run) : Seeded(seed)),
                 continues ? std::optional(base_run) : std::nullopt);
      AddModel(method_rows_[i], seed, run, plan_.runs[run].config, baselines.at(steps));
    }
  }

  std::vector<std::string> Seeded(int64_t seed) const {
    std::vector<std::string> overrides = common_;
    overrides.push_back(fmt::format("train.seed={}", seed));
    return overrides;
  }

  std::vector<std::string> Continued(int64_t seed, int64_t steps, size_t parent) const {
    std::vector<std::string> overrides = Seeded(seed + kContinuedSeedOffset);
    const PlannedRun& from = plan_.runs[parent];
    overrides.push_back(fmt::format("train.steps={}", steps));
    overrides.push_back("checkpoint.init=" + TomlString(CheckpointPath(RunPath(directory_, from),
                                                                       from.config.train.steps)));
    return overrides;
  }

  std::string Id(size_t row, int64_t seed) const {
    return fmt::format("{}-seed-{}", row_files_[row], seed);
  }
  std::string Label(size_t row, int64_t seed) const {
    const std::string& name = plan_.rows[row].name;
    return config_.seeds.size() == 1 ? name : fmt::format("{}, seed {}", name, seed);
  }

  size_t AddRun(size_t row, int64_t seed, TrainingConfig config, std::optional<size_t> parent) {
    const size_t index = plan_.runs.size();
    plan_.runs.push_back({.id = Id(row, seed),
                          .label = Label(row, seed),
                          .config = std::move(config),
                          .parent = parent});
    plan_.steps.push_back({PlannedStep::Kind::kTrain, index});
    return index;
  }

  size_t AddModel(size_t row, int64_t seed, size_t run, const TrainingConfig& config,
                  std::optional<size_t> reference) {
    const size_t index = plan_.models.size();
    plan_.models.push_back({.id = Id(row, seed),
                            .label = Label(row, seed),
                            .row = row,
                            .seed = seed,
                            .run = run,
                            .config = config,
                            .reference = reference});
    plan_.steps.push_back({PlannedStep::Kind::kMeasure, index});
    return index;
  }

  const ComparisonConfig& config_;
  const std::string& directory_;
  std::vector<std::string> common_;          // overrides of every config
  std::set<std::string> file_names_;         // used
  std::vector<std::string> row_files_;       // by row
  std::map<int64_t, size_t> baseline_rows_;  // of continued baselines, by their steps
  std::vector<size_t> method_rows_;          // by method
  ComparisonPlan plan_;
};

}  // namespace

std::string RunPath(const std::string& directory, const PlannedRun& run) {
  return directory + "/runs/" + run.id;
}

std::string ModelPath(const std::string& directory, const PlannedModel& model) {
  return directory + "/models/" + model.id + ".gguf";
}

ComparisonPlan MakeComparisonPlan(const ComparisonConfig& config, const std::string& directory,
                                  const std::string& tokenizer) {
  return Planner(config, directory, tokenizer).Make();
}

}  // namespace trit
