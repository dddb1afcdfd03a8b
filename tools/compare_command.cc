// trit compare: methods of quantization side by side.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "engine/error.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/compare/comparison.h"
#include "training/compare/comparison_table.h"
#include "training/progress_line.h"

namespace trit {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnInterrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);  // the second one ends the program at once
}

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
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
  const std::optional<ComparisonResult> result =
      RunComparison(config, {.directory = out,
                             .program = "trit " TRIT_VERSION,
                             .progress = &std::cerr,
                             .progress_width = [] { return TerminalWidth(STDERR_FILENO); },
                             .stop_requested = [] { return interrupted != 0; }});
  if (!result) {
    std::cerr << fmt::format("stopped; go on with the same command: trit compare {} --out {}\n",
                             config_path, out);
    return;
  }
  Print(ComparisonMarkdown(*result));
  Print(fmt::format("\n{}/comparison.html\n", out));
}

}  // namespace trit
