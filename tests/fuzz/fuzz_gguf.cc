// GGUF files as far as they go: every tensor's payload, the model and its logits.
#include <algorithm>
#include <memory>
#include <vector>

#include "engine/formats/gguf_reader.h"
#include "engine/formats/inspect_file.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/fuzz/fuzz_file.h"

namespace trit {
namespace {

void ReadTensors(const GgufReader& reader) {
  for (const GgufTensorInfo& tensor : reader.tensors()) {
    Accepts([&] {
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
      const TensorView view = reader.View(tensor, bytes.span());
      RequireDecodable(tensor.type, view.origin);
      const TensorTypeInfo& type = InfoOf(tensor.type);
      Promise(FindTensorType(type.name) == &type);
      const I2sLayout layout = ChooseI2sLayout(reader, I2sLayout::kAuto);
      // What a type does not hold is never read from it.
      if (type.float_codec == nullptr) Promise(!Accepts([&] { CheckFinite(view); }));
      if (type.ternary_codec == nullptr) {
        Promise(!Accepts([&] { TernaryTensor(view, layout); }));
        CheckFinite(view);
        return;
      }
      const TernaryTensor ternary(view, layout);
      ternary.CheckAndReadScales();
      std::vector<int8_t> trits(static_cast<size_t>(view.cols));
      std::vector<float> values(trits.size());
      for (int64_t row = 0; row < view.rows; ++row) {
        ternary.DecodeTrits(row, trits.data());
        Promise(std::all_of(trits.begin(), trits.end(), [](int8_t t) { return t * t <= 1; }));
        ternary.DecodeFloats(row, values.data());
        for (size_t i = 0; i < trits.size(); ++i) {
          Promise(trits[i] == (values[i] > 0) - (values[i] < 0) || values[i] == 0);
        }
      }
    });
  }
}

void RunModel(const std::string& path) {
  std::unique_ptr<Model> model;
  if (!Accepts([&] { model = LoadModel(path, {}); })) return;
  // The work of a pass is the input's to choose; this much of it shows what there is to see.
  if (model->config.max_position_embeddings > 4096 || model->table.NumParameters() > 1 << 20)
    return;
  const std::vector<int32_t> tokens = {0, static_cast<int32_t>(model->config.vocab_size - 1)};
  Accepts([&] { ComputeLogits(*model, tokens, [](int64_t, std::span<const float>) {}); });
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  SetNumThreads(1);
  const FuzzFile file(TextOf(data, size));
  Accepts([&] {
    const GgufReader reader(file.path());
    ReadTensors(reader);
  });
  Accepts([&] { InspectFile(file.path(), /*read_weights=*/true); });
  RunModel(file.path());
  return 0;
}
