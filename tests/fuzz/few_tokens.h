// A vocabulary of seven tokens for seeds of fuzz targets.
#ifndef TRIT_TESTS_FUZZ_FEW_TOKENS_H_
#define TRIT_TESTS_FUZZ_FEW_TOKENS_H_

#include <string>

#include "engine/tokenizer_data.h"
#include "tests/support/small_vocabulary.h"

namespace trit {

// "gpt2" or "llama", without a token for every byte: a vocabulary is as large as the embedding,
// which is most of a small model.
inline TokenizerData FewTokens(const std::string& model) {
  TokenizerData data;
  data.model = model;
  AddToken(data, "<unk>", TokenType::kUnknown);
  AddToken(data, "<s>", TokenType::kControl);
  AddToken(data, "</s>", TokenType::kControl);
  AddToken(data, "<tool>", TokenType::kUserDefined);
  for (const char* text : {"a", "b", "ab"}) AddToken(data, text, TokenType::kNormal);
  if (model == "gpt2") {
    data.pre = "llama-bpe";
    data.merges = {"a b"};
    data.bos = 1;
    data.eos = 2;
  }
  return data;
}

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_FEW_TOKENS_H_
