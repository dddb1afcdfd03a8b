// What a run would take, without running it: the data is read, and models of its shape with one and
// with three layers are trained for some steps. Memory and time grow by the same amount with every
// layer, so the two say what all layers take.
#ifndef TRIT_TRAINING_DRY_RUN_H_
#define TRIT_TRAINING_DRY_RUN_H_

#include <cstdint>
#include <optional>

#include "training/config/training_config.h"

namespace trit {

struct DryRunResult {
  int64_t num_parameters = 0;
  int64_t num_ternary_parameters = 0;  // of quantized matrices, whatever their quantizer
  int64_t vocab_size = 0;
  int64_t train_tokens = 0;       // in the data
  int64_t validation_tokens = 0;  // that an evaluation predicts, were it of all
  double epochs = 0;              // of the data that the run sees; of conversations by their tokens
  double step_seconds = 0;
  double evaluation_seconds = 0;       // one; without questions
  double total_seconds = 0;            // steps and evaluations
  std::optional<int64_t> peak_memory;  // bytes; nothing where the system cannot tell
  int64_t checkpoint_bytes = 0;        // one
  int64_t kept_checkpoints = 0;        // at most at once, with the one being written; 0: all
};

// Seconds of a run of so many steps, evaluations included, from a dry run of the same config with
// any number of them.
double RunSeconds(const DryRunResult& result, const TrainConfig& train);

// Writes nothing. Throws what the run would throw for its config and data.
DryRunResult DryRun(TrainingConfig config);

}  // namespace trit

#endif  // TRIT_TRAINING_DRY_RUN_H_
