// trit train: a training run from a config file.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "engine/error.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/config/training_config.h"
#include "training/dry_run.h"
#include "training/logs/progress_line.h"
#include "training/run_files.h"
#include "training/training_run.h"

namespace trit {
namespace {

void PrintDryRun(const TrainingConfig& config) {
  const DryRunResult result = DryRun(config);
  const auto millions = [](double count) { return fmt::format("{:.2f} M", count / 1e6); };
  const auto megabytes = [](double bytes) { return fmt::format("{:.0f} MB", bytes / 1e6); };
  const double step_tokens = static_cast<double>(config.train.batch_tokens);
  const double parameters = static_cast<double>(result.num_parameters);
  Print(fmt::format(
      "parameters:   {}, of which {} are quantized; vocabulary {}\n", millions(parameters),
      millions(static_cast<double>(result.num_ternary_parameters)), result.vocab_size));
  Print(fmt::format("data:         {} training tokens, seen {:.2f} times; {} validation tokens\n",
                    result.train_tokens, result.epochs, result.validation_tokens));
  Print(fmt::format("step:         {:.0f} tokens in {:.3f} s: {:.0f} tokens/s\n", step_tokens,
                    result.step_seconds, step_tokens / result.step_seconds));
  Print(fmt::format(
      "run:          {} steps, {} tokens: about {}, evaluations of {} included\n",
      config.train.steps, millions(step_tokens * static_cast<double>(config.train.steps)),
      FormatDuration(result.total_seconds), FormatDuration(result.evaluation_seconds)));
  Print("peak memory:  " +
        (result.peak_memory ? megabytes(static_cast<double>(*result.peak_memory))
                            : std::string("not known on this system")) +
        "\n");
  const std::string kept = result.kept_checkpoints > 0
                               ? fmt::format("up to {} at once", result.kept_checkpoints)
                               : std::string("all are kept");
  Print(fmt::format("checkpoints:  {} each on disk, {}\n",
                    megabytes(static_cast<double>(result.checkpoint_bytes)), kept));
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
  bool dry_run = false;
  Options options(command, "trit train config.toml --set train.steps=2000 --out runs/first");
  options.Group("Input");
  options.RequiredArgument("CONFIG", config_path, "TOML file; --print-config shows every key");
  options.TextList("set", "KEY=VALUE", overrides,
                   "change a key of the config, such as train.steps=100; may be repeated");
  options.Text("init", "PATH", init,
               "begin with the weights of a safetensors file, a directory of them, or a run");
  options.Group("Run");
  options.Text("o,out", "DIR", out, "directory of the run: config, metrics, checkpoints");
  options.Flag("resume", resume, "go on from the latest checkpoint in --out");
  options.Flag("overfit-batch", overfit_batch,
               "train on the first batch alone, to see whether the model can learn at all");
  options.Group("Output");
  options.Flag("print-config", print_config, "print the resolved config and stop");
  options.Flag("dry-run", dry_run,
               "state parameters, memory and time of the run, and stop; it reads the data and "
               "writes nothing");
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
  if (dry_run) {
    PrintDryRun(config);
    return;
  }
  if (!out) {
    throw UsageError(
        ErrorInfo{.what = "missing", .key = "--out", .hint = "it names the directory of the run"});
  }
  CatchInterrupts();
  const RunOutcome outcome =
      RunTraining(std::move(config), {.directory = *out,
                                      .resume = resume,
                                      .program = "trit " TRIT_VERSION,
                                      .dump_gradients = gradients.value_or(""),
                                      .progress = &std::cerr,
                                      .progress_width = [] { return TerminalWidth(STDERR_FILENO); },
                                      .stop_requested = Interrupted});
  if (outcome.interrupted) {
    std::cerr << fmt::format(
        "stopped after step {}; go on with: trit train {}/{} --out {} --resume\n",
        outcome.steps_done, *out, kRunConfigFile, *out);
  }
  std::string result = fmt::format("steps {}, loss {:.6f}", outcome.steps_done, outcome.loss);
  if (outcome.validation_loss) {
    result += fmt::format(", validation loss {:.6f}", *outcome.validation_loss);
  }
  result += fmt::format("\n{}\n", outcome.checkpoint);
  if (!outcome.best_checkpoint.empty() && outcome.best_checkpoint != outcome.checkpoint) {
    result += fmt::format("{} has the lowest validation loss\n", outcome.best_checkpoint);
  }
  Print(result);
  if (outcome.interrupted) {
    FlushOutput();
    throw ReceivedSignal();
  }
}

}  // namespace trit
