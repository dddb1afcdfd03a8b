// Checkpoints of a run. Each is a directory RUN/checkpoints/step-000123 (at least six digits: the
// number of updates done), a Hugging Face model directory and more:
//
//   model.safetensors      latent weights under their Hugging Face names, f32; learned quantizer
//                          scales as "<weight>_scale"
//   config.json            checkpoint_config.h
//   (tokenizer files)      as the caller gives them
//   optimizer.safetensors  both Adam moments: "<weight>.exp_avg", "<weight>.exp_avg_sq", f32
//   trainer_state.json     trainer_state.h
//
// A directory under such a name is complete, whenever the process was killed: it is written under a
// name that begins with ".tmp-", every file and the directory are synchronized, and only then it is
// renamed; one to be removed is renamed back first. Leftovers of a killed process are ignored, and
// removed by the next save.
#ifndef TRIT_TRAINING_CHECKPOINT_H_
#define TRIT_TRAINING_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model_config.h"
#include "engine/tokenizers/tokenizer.h"
#include "engine/weight_table.h"
#include "training/parameters.h"
#include "training/quantizers/quantization_config.h"
#include "training/trainer_state.h"

namespace trit {

// A file to be stored in a checkpoint as it is, such as a tokenizer's.
struct NamedBytes {
  std::string name;  // without a directory
  std::string bytes;
};

// What is saved. References must live until the save is done.
struct CheckpointContents {
  const TrainerState& state;
  const ModelConfig& model;
  const QuantizationConfig& quantizer;
  const SpecialTokens& special;
  const Parameters& parameters;
  std::span<const NamedBytes> files;
};

// All checkpoints of a run as paths, the earliest step first; none if there is no such directory.
std::vector<std::string> ListCheckpoints(const std::string& run);
// The checkpoint of a step, whether it is there or not.
std::string CheckpointPath(const std::string& run, int64_t step);

// What a save does not remove.
struct Retention {
  int64_t latest = 0;                // so many; 0: all
  std::optional<int64_t> best_step;  // and this one
};

// Saves, then removes what the retention does not keep; returns the path. A step
// that has a checkpoint already is not saved again: the same step of the same run has the same
// contents. Throws Error; then no earlier checkpoint is lost.
std::string SaveCheckpoint(const std::string& run, const CheckpointContents& contents,
                           const Retention& retention);

// Reads weights and moments. Throws Error with file and tensor unless every weight of the table is
// there with its shape and nothing else, all values are finite, second moments are not negative,
// and the state is sound.
TrainerState LoadCheckpoint(const std::string& directory, Parameters& parameters);

// Reads weights alone, from a safetensors file, a sharded model's index or a model's directory:
// F32, F16 or BF16. The same checks. Learned scales and ranges of quantizers may be missing;
// returns those that are, which keep their values.
std::vector<WeightId> LoadWeights(const std::string& path, Parameters& parameters);

}  // namespace trit

#endif  // TRIT_TRAINING_CHECKPOINT_H_
