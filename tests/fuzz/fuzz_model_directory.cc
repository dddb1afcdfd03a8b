// Hugging Face directories: config.json, the weights, and the tokenizer's files. The input is the
// files of directory_files.h one after the other, each after its length as u32; 0: it is not there.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/fuzz/directory_files.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  SetNumThreads(1);
  const std::filesystem::path& directory = FuzzFolder();
  for (const char* name : kDirectoryFiles) {
    std::filesystem::remove(directory / name);
    uint32_t length = 0;
    if (size < sizeof(length)) continue;
    std::memcpy(&length, data, sizeof(length));
    data += sizeof(length);
    size -= sizeof(length);
    if (length > size) length = static_cast<uint32_t>(size);
    if (length == 0) continue;
    std::ofstream(directory / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), length);
    data += length;
    size -= length;
  }
  Accepts([&] { LoadTokenizer(directory.string())->Encode("a b\n", true); });
  std::unique_ptr<Model> model;
  if (!Accepts([&] { model = LoadModel(directory.string(), {}); })) return 0;
  if (model->config.max_position_embeddings > 4096) return 0;
  const std::vector<int32_t> tokens = {0};
  Accepts([&] { ComputeLogits(*model, tokens, [](int64_t, std::span<const float>) {}); });
  return 0;
}
