// Checkpoints of llama2.c with their tokenizer. The input is the tokenizer, after its length as
// u32, and the checkpoint.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  SetNumThreads(1);
  uint32_t length = 0;
  if (size < sizeof(length)) return 0;
  std::memcpy(&length, data, sizeof(length));
  data += sizeof(length);
  size -= sizeof(length);
  length = static_cast<uint32_t>(std::min<size_t>(length, size));
  const NamedFuzzFile tokenizer(TextOf(data, length), "tokenizer.bin");
  const NamedFuzzFile file(TextOf(data + length, size - length), "model.bin");
  Accepts([&] { LoadTokenizer(file.path())->Encode("a b\n", true); });
  std::unique_ptr<Model> model;
  if (!Accepts([&] { model = LoadModel(file.path(), {}); })) return 0;
  if (model->config.max_position_embeddings > 4096) return 0;
  const std::vector<int32_t> tokens = {0, static_cast<int32_t>(model->config.vocab_size - 1)};
  Accepts([&] { ComputeLogits(*model, tokens, [](int64_t, std::span<const float>) {}); });
  return 0;
}
