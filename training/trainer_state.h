// What a run must remember besides weights and moments: trainer_state.json of a checkpoint.
#ifndef TRIT_TRAINING_TRAINER_STATE_H_
#define TRIT_TRAINING_TRAINER_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

struct TrainerState {
  int64_t step = 0;      // updates done; the next step has this number
  int64_t next_row = 0;  // of the training rows (dataset.h): the first one not seen
  int64_t seed = 0;
  std::string config_fingerprint;  // ConfigFingerprint
  std::string data_fingerprint;    // TrainingData::fingerprint
  double elapsed_seconds = 0;      // spent training, in all sessions
  std::optional<double> best_validation_loss;
  int64_t best_validation_step = 0;
  // Of the last batches, the latest last; kept while train.spike_zscore is on (bad_batch.h).
  std::vector<double> recent_losses, recent_grad_norms;
  int64_t skipped_in_a_row = 0;  // bad batches passed over since the last update

  bool operator==(const TrainerState&) const = default;
};

// Numbers are written so that they read back to the bit.
std::string TrainerStateToJson(const TrainerState& state);
// Throws Error with file and key; `file` goes into messages.
TrainerState ParseTrainerState(std::string_view json, const std::string& file);

// Throws Error unless the state belongs to a run of this config and data.
void RequireResumable(const TrainerState& state, const std::string& config_fingerprint,
                      const std::string& data_fingerprint, const std::string& file);

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINER_STATE_H_
