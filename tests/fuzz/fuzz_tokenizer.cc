// Tokenizer files: tokenizer.json, SentencePiece models and llama2.c's. The first byte chooses.
// What is accepted gives back any text of its vocabulary, and what is written of it is read back.
#include <iterator>
#include <memory>
#include <string>

#include "engine/formats/model_file.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "engine/tokenizers/tokenizer_json.h"
#include "tests/fuzz/fuzz_file.h"

namespace trit {
namespace {

constexpr const char* kTexts[] = {"", " ", "a  b\n\tc", "the 123'S d\xC3\xA9j\xC3\xA0 \xE2\x96\x81",
                                  "\xF0\x9F\x98\x80<|im_end|></s>"};

constexpr const char* kNames[] = {"tokenizer.json", "tokenizer.model", "tokenizer.bin"};

bool GivesBack(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.DecodeText(tokenizer.Encode(text, true), true) == text;
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  if (size == 0) return 0;
  const NamedFuzzFile file(TextOf(data + 1, size - 1), kNames[data[0] % std::size(kNames)]);
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!Accepts([&] { tokenizer = LoadTokenizer(file.path()); })) return 0;
  for (const char* text : kTexts) tokenizer->Encode(text, false);
  const TokenizerData& parsed = tokenizer->data();
  std::unique_ptr<Tokenizer> again;
  const bool written = Accepts([&] {
    const bool byte_level = parsed.model == "gpt2";
    again = MakeTokenizer(byte_level
                              ? ParseTokenizerJson(TokenizerToJson(parsed, "f"), "f")
                              : ParseSentencePieceModel(SerializeSentencePieceModel(parsed), "f"),
                          "f");
  });
  if (!written) return 0;
  for (const char* text : kTexts) {
    Promise(again->Encode(text, true) == tokenizer->Encode(text, true));
    Promise(GivesBack(*again, text) == GivesBack(*tokenizer, text));
  }
  return 0;
}
