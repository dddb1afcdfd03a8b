// A training run and its directory:
//
//   RUN/config.toml       the resolved config, and which Trit wrote it
//   RUN/tokenizer.gguf    run_tokenizer.h
//   RUN/metrics.jsonl     metrics_log.h; metrics.csv is the same
//   RUN/layers.jsonl      layers_log.h
//   RUN/samples.jsonl     run_sample.h
//   RUN/checkpoints/      checkpoint.h
#ifndef TRIT_TRAINING_TRAINING_RUN_H_
#define TRIT_TRAINING_TRAINING_RUN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "training/config/training_config.h"

namespace trit {

struct RunOptions {
  std::string directory;
  // Go on from the latest checkpoint; without one, from the beginning. Not resuming, a directory
  // that has a run already is refused.
  bool resume = false;
  std::string program;  // "trit 1.2.3", kept in the run
  // Where the first step's gradients go, before clipping, as safetensors; empty: nowhere.
  std::string dump_gradients;
  std::ostream* progress = nullptr;  // live line and news
  // For one run of several: stands before the live line, beside which there is little news.
  std::string label;
  std::function<int()> progress_width;  // TerminalWidth
  // Asked between steps: true ends the run with a checkpoint.
  std::function<bool()> stop_requested;
};

struct RunOutcome {
  int64_t steps_done = 0;
  bool interrupted = false;
  double loss = 0;                        // of the last step
  std::optional<double> validation_loss;  // the last
  std::string checkpoint;                 // the last one's path
  std::string best_checkpoint;            // that of the lowest validation loss; empty if not kept
};

// Throws Error or UsageError; what was saved before stays good.
RunOutcome RunTraining(TrainingConfig config, const RunOptions& options);

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINING_RUN_H_
