// trit compare: methods of quantization side by side.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/compare/comparison.h"
#include "training/compare/comparison_table.h"
#include "training/logs/progress_line.h"

namespace trit {
namespace {

void PrintEstimate(const ComparisonConfig& config, const std::string& out) {
  double total = 0;
  for (const EstimatedStep& step : EstimateComparison(config, out)) {
    Print(fmt::format("{:<48} {:>8}\n", step.what,
                      step.is_done ? "done" : FormatDuration(step.seconds)));
    total += step.seconds;
  }
  Print(
      fmt::format("{:<48} {:>8}\n", "all, without questions and decoding", FormatDuration(total)));
}

}  // namespace

void RunCompare(const Command& command, std::span<const std::string> arguments) {
  std::string config_path;
  std::string out;
  std::vector<std::string> overrides;
  bool dry_run = false;
  Options options(command, "trit compare comparison.toml --out comparisons/first");
  options.Group("Input");
  options.RequiredArgument("CONFIG", config_path, "TOML file, as below");
  options.TextList("set", "KEY=VALUE", overrides,
                   "change a key of the training config, such as train.steps=100; may be repeated");
  options.Group("Output");
  options.RequiredText("o,out", "DIR", out,
                       "directory of the comparison: comparison.md, .json and .html, runs, models; "
                       "one that was stopped goes on where it was");
  options.Flag("dry-run", dry_run,
               "print the steps and how long each would take, and stop; nothing is written");
  options.Appendix("Config", ComparisonExample());
  if (!options.Parse(arguments)) return;

  const ComparisonConfig config = ReadComparisonConfig(config_path, overrides);
  if (dry_run) {
    PrintEstimate(config, out);
    return;
  }
  CatchInterrupts();
  const std::optional<ComparisonResult> result =
      RunComparison(config, {.directory = out,
                             .program = "trit " TRIT_VERSION,
                             .progress = &std::cerr,
                             .progress_width = [] { return TerminalWidth(STDERR_FILENO); },
                             .stop_requested = Interrupted});
  if (!result) {
    std::cerr << "stopped; the same command goes on\n";
    throw ReceivedSignal();
  }
  Print(ComparisonMarkdown(*result));
  Print(fmt::format("\n{}/comparison.html\n", out));
}

}  // namespace trit
