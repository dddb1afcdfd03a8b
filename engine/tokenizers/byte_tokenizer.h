// The byte vocabulary: 256 tokens, the id is the byte, nothing is special.
#ifndef TRIT_ENGINE_TOKENIZERS_BYTE_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_BYTE_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer.h"

namespace trit {

// As files carry it: model "gpt2", the byte alphabet in order, no merges.
TokenizerData ByteVocabulary();

class ByteTokenizer : public Tokenizer {
 public:
  // Whether a BPE vocabulary is the byte vocabulary.
  static bool Fits(const TokenizerData& data);

  // `data` fits.
  ByteTokenizer(TokenizerData data, SpecialTokens special);

  int64_t vocab_size() const override { return 256; }
  const SpecialTokens& special() const override { return special_; }
  const TokenizerData& data() const override { return data_; }
  std::vector<int32_t> Encode(std::string_view text, bool parse_special) const override;
  std::string Decode(int32_t token, bool show_special) const override;

 private:
  TokenizerData data_;
  SpecialTokens special_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_BYTE_TOKENIZER_H_
