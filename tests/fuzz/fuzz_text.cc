// Any bytes as text, through a tokenizer of each kind: they come back as they were.
#include <memory>
#include <string>
#include <vector>

#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/utf8_stream.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

std::vector<std::unique_ptr<Tokenizer>> MakeAll() {
  std::vector<std::unique_ptr<Tokenizer>> all;
  all.push_back(MakeTokenizer(ByteVocabulary(), ""));
  for (const char* pre : {"default", "llama-bpe", "qwen2", "gpt-2", "falcon", "smollm"}) {
    TokenizerData data =
        BpeVocabulary({"a b", "ab c", "Ġ a", "Ġ Ġ", "1 2", "Ċ Ċ"}, {"<|im_start|>", "<|im_end|>"});
    data.pre = pre;
    all.push_back(MakeTokenizer(data, ""));
  }
  for (const bool prefix : {false, true}) {
    TokenizerData data = SpmVocabulary({"th", "▁t", "▁th", "▁▁", "a", "é", "t", "h", "▁"});
    AddToken(data, "<|im_end|>", TokenType::kControl);
    AddToken(data, "<tool>", TokenType::kUserDefined);
    data.add_space_prefix = prefix;
    all.push_back(MakeTokenizer(data, ""));
  }
  return all;
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  static const std::vector<std::unique_ptr<Tokenizer>> kTokenizers = MakeAll();
  const std::string_view text = TextOf(data, size);
  for (const auto& tokenizer : kTokenizers) {
    for (const bool special : {false, true}) {
      const std::vector<int32_t> ids = tokenizer->Encode(text, special);
      Promise(tokenizer->DecodeText(ids, true) == text);
    }
  }
  Utf8Stream whole, bytewise;
  const std::string at_once = whole.Push(text) + whole.Flush();
  std::string one_by_one;
  for (const char byte : text) one_by_one += bytewise.Push({&byte, 1});
  Promise(one_by_one + bytewise.Flush() == at_once);
  return 0;
}
