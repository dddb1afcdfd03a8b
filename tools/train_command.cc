// trit train: a training run from a config file.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "engine/error.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/progress_line.h"
#include "training/run_files.h"
#include "training/training_config.h"
#include "training/training_run.h"

namespace trit {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnInterrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);  // the second one ends the program at once
}

}  // namespace

void RunTrain(const Command& command, std::span<const std::string> arguments) {
  std::string config_path;
  std::optional<std::string> out;
  std::optional<std::string> init;
  std::optional<std::string> gradients;
  std::vector<std::string> overrides;
  bool resume = false;
  bool overfit_batch = false;
  bool print_config = false;
  Options options(command, "trit train config.toml --set train.steps=2000 --out runs/first");
  options.Group("Input");
  options.RequiredArgument("CONFIG", config_path, "TOML file; --print-config shows every key");
  options.TextList("set", "KEY=VALUE", overrides,
                   "change a key of the config, such as train.steps=100; may be repeated");
  options.Text("init", "FILE", init,
               "begin with the weights of a safetensors file, directory or checkpoint");
  options.Group("Run");
  options.Text("o,out", "DIR", out, "directory of the run: config, metrics, checkpoints");
  options.Flag("resume", resume, "go on from the latest checkpoint in --out");
  options.Flag("overfit-batch", overfit_batch,
               "train on the first batch alone, to see whether the model can learn at all");
  options.Group("Output");
  options.Flag("print-config", print_config, "print the resolved config and stop");
  options.Text("dump-gradients", "FILE", gradients,
               "write the first step's gradients, before clipping, as safetensors");
  if (!options.Parse(arguments)) return;

  TrainingConfig config = ReadTrainingConfig(config_path, overrides);
  if (init) config.checkpoint.init = *init;
  if (overfit_batch) config.train.overfit_batch = true;
  if (print_config) {
    Print(TrainingConfigToToml(config));
    return;
  }
  if (!out) {
    throw UsageError(
        ErrorInfo{.what = "missing", .key = "--out", .hint = "it names the directory of the run"});
  }
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
  const RunOutcome outcome =
      RunTraining(std::move(config), {.directory = *out,
                                      .resume = resume,
                                      .program = "trit " TRIT_VERSION,
                                      .dump_gradients = gradients.value_or(""),
                                      .progress = &std::cerr,
                                      .progress_width = [] { return TerminalWidth(STDERR_FILENO); },
                                      .stop_requested = [] { return interrupted != 0; }});
  if (outcome.interrupted) {
    std::cerr << fmt::format(
        "stopped after step {}; go on with: trit train {}/{} --out {} --resume\n",
        outcome.steps_done, *out, kRunConfigFile, *out);
  }
  std::string result = fmt::format("steps {}, loss {:.6f}", outcome.steps_done, outcome.loss);
  if (outcome.validation_loss) {
    result += fmt::format(", validation loss {:.6f}", *outcome.validation_loss);
  }
  Print(result + fmt::format("\n{}\n", outcome.checkpoint));
}

}  // namespace trit
