// GGUF headers: metadata, list of tensors, config and tokenizer.
#include "engine/formats/gguf_config.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/model_file.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  const FuzzFile file(TextOf(data, size));
  Accepts([&] {
    const GgufReader reader(file.path());
    for (const GgufTensorInfo& tensor : reader.tensors()) {
      Promise(reader.FindTensor(tensor.name) == &tensor);
      Promise(tensor.offset <= reader.file_size() &&
              tensor.size <= reader.file_size() - tensor.offset);
    }
    Accepts([&] { ReadGgufConfig(reader); });
    LoadTokenizer(file.path())->Encode("a b\n", true);
  });
  return 0;
}
