// GGUF models written again. The first byte, which is not the file's, chooses how: with matrices in
// a type; with embeddings in a type; as a Hugging Face directory; or exactly, so that the logits
// stay the same to the bit. What is written is read.
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/fuzz/fuzz_file.h"

namespace trit {
namespace {

using enum TensorType;
constexpr TensorType kTypes[] = {kF32,   kF16,   kBF16,   kQ8_0,   kQ6_K, kQ4_0, kQ4_1,
                                 kTQ1_0, kTQ2_0, kIQ1_BN, kIQ2_BN, kI2_S, kQ2_0};

constexpr size_t kNumTypes = std::size(kTypes);
constexpr size_t kNumFloatTypes = 5;  // the first ones

std::vector<float> LogitsOf(const Model& model) {
  std::vector<float> all;
  const std::vector<int32_t> tokens = {0, static_cast<int32_t>(model.config.vocab_size - 1)};
  ComputeLogits(model, tokens, [&](int64_t, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
  });
  return all;
}

// Integers may become floats that hold the same weights, and those have other kernels.
bool HasIntegers(const Model& model) {
  for (const WeightInfo& info : model.table.weights()) {
    if (info.IsVector()) continue;
    const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
    if (HoldsIntegers(matrix) && !HoldsTrits(matrix)) return true;
  }
  return false;
}

void WriteAgain(const Model& model, const GgufModelOptions& options) {
  const std::string path = FuzzFolder() / "again.gguf";
  if (!Accepts([&] { WriteGgufModel(model, path, options); })) return;
  const std::unique_ptr<Model> again = LoadModel(path, {});
  if (options.linear_type || options.embedding_type || HasIntegers(model)) return;
  const std::vector<float> before = LogitsOf(model), after = LogitsOf(*again);
  Promise(before.size() == after.size());
  Promise(std::memcmp(before.data(), after.data(), before.size() * sizeof(float)) == 0);
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  SetNumThreads(1);
  if (size == 0) return 0;
  const FuzzFile file(TextOf(data + 1, size - 1));
  std::unique_ptr<Model> model;
  if (!Accepts([&] { model = LoadModel(file.path(), {}); })) return 0;
  // The work of a pass is the input's to choose; this much of it shows what there is to see.
  if (model->config.max_position_embeddings > 4096 || model->table.NumParameters() > 1 << 20) {
    return 0;
  }
  const size_t choice = data[0] % (kNumTypes + kNumFloatTypes + 2);
  GgufModelOptions options = {.embedding_type = std::nullopt};
  if (choice < kNumTypes) {
    options.linear_type = kTypes[choice];
  } else if (choice < kNumTypes + kNumFloatTypes) {
    options.embedding_type = kTypes[choice - kNumTypes];
  } else if (choice == kNumTypes + kNumFloatTypes) {
    const std::string directory = FuzzFolder() / "again";
    if (Accepts([&] { WriteHfModel(*model, directory); })) LoadModel(directory, {});
    return 0;
  }
  WriteAgain(*model, options);
  return 0;
}
