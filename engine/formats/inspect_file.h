// What is in a model file or a checkpoint, for people to look at.
#ifndef TRIT_ENGINE_FORMATS_INSPECT_FILE_H_
#define TRIT_ENGINE_FORMATS_INSPECT_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/gguf_metadata.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// The codes of a tensor of trits or integers, and its scales.
struct CodeFacts {
  int32_t min_code = 0, max_code = 0;  // that the type has
  int32_t num_codes = 0;               // that a matrix of the type can have, of q2_0 4 or 5 of them
  int32_t codes_used = 0;              // of them, how many there are
  double zero_share = 0;               // of the codes, 0 to 1
  bool has_offsets = false;
  ScaleKind scale_kind = ScaleKind::kTensor;
  int64_t group_size = 0;  // kGroup only
  float min_scale = 0;
  float max_scale = 0;
};

// The kernels that would run a matrix on this machine.
struct KernelFacts {
  std::string one_token;
  std::string many_tokens;
};

struct TensorFacts {
  std::string name;
  std::string type;            // "tq2_0", "BF16"
  std::vector<int64_t> shape;  // as the format has it: GGUF {cols, rows}, safetensors {rows, cols}
  int64_t num_elements = 0;
  uint64_t bytes = 0;
  std::optional<CodeFacts> codes;      // if of a type of codes, and weights were read
  std::optional<KernelFacts> kernels;  // if a matrix of a model that runs
};

struct FileFacts {
  std::string format;                         // "GGUF version 3", "safetensors", "checkpoint"
  uint64_t bytes = 0;                         // of all its files
  std::vector<GgufMetadata::Entry> metadata;  // of a checkpoint: what its JSON files say
  std::vector<TensorFacts> tensors;           // in the order of the file
  std::optional<std::string> cannot_run;      // why Trit cannot run it; GGUF only
};

// `path`: a GGUF or safetensors file, or a directory with model.safetensors. read_weights: whether
// to read the weights, for what is found out by that. Throws Error if it is none of these or
// damaged.
FileFacts InspectFile(const std::string& path, bool read_weights);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_INSPECT_FILE_H_
