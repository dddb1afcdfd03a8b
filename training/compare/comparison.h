// A comparison and its directory:
//
//   DIR/tokenizer.gguf   where data.tokenizer has one trained: the same for all runs
//   DIR/runs/            training runs (training_run.h)
//   DIR/models/          the exported files
//   DIR/records/         what each finished step found out: a step that has one is not done again
//   DIR/comparison.json  all figures; .md has the table, .html the page
//
// A comparison that was stopped or killed goes on where it was: records are written atomically, and
// a run that is not finished continues from its checkpoint.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_H_

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "training/compare/comparison_config.h"
#include "training/compare/comparison_result.h"

namespace trit {

struct ComparisonOptions {
  std::string directory;
  std::string program;                  // "trit 1.2.3"
  std::ostream* progress = nullptr;     // live line, and a line a finished step
  std::function<int()> progress_width;  // TerminalWidth
  // Asked between steps, of training too: true ends with everything saved.
  std::function<bool()> stop_requested;
};

// Does what has not been done yet, and writes comparison.*. Nothing if it was stopped. Throws Error
// or UsageError; what was saved before stays good.
std::optional<ComparisonResult> RunComparison(const ComparisonConfig& config,
                                              const ComparisonOptions& options);

// A step of the plan, and how long it would take.
struct EstimatedStep {
  std::string what;    // "train int4 aware"
  double seconds = 0;  // evaluations of data alone, without questions; 0 if it is done
  bool is_done = false;
};
// Writes nothing, but tries every model, as a dry run of a training run does. `directory` may not
// be there.
std::vector<EstimatedStep> EstimateComparison(const ComparisonConfig& config,
                                              const std::string& directory);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_H_
