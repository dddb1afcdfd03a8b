// Safetensors files: header and tensors. What is accepted is written and read back the same.
#include <vector>

#include "engine/formats/safetensors.h"
#include "engine/tensors/float_codec.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  SetNumThreads(1);
  const FuzzFile file(TextOf(data, size));
  Accepts([&] {
    const SafetensorsReader reader(file.path());
    for (const SafetensorsInfo& tensor : reader.tensors()) {
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
      Accepts([&] { CheckFinite(reader.FloatView(tensor, bytes.span())); });
      Promise(reader.FindTensor(tensor.name) != nullptr);
    }
  });
  return 0;
}
