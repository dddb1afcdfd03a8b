// What tokenizers with a learned vocabulary have in common: special tokens are cut out of the text
// before the rest is encoded, and every token stands for fixed bytes.
#ifndef TRIT_ENGINE_TOKENIZERS_VOCABULARY_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_VOCABULARY_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/special_token_splitter.h"
#include "engine/tokenizers/tokenizer.h"

namespace trit {

// The byte of a byte token's text, "<0x0A>"; -1 if it reads otherwise.
int32_t ParseByteToken(std::string_view text);

class VocabularyTokenizer : public Tokenizer {
 public:
  VocabularyTokenizer(const VocabularyTokenizer&) = delete;  // there are views into data_
  VocabularyTokenizer& operator=(const VocabularyTokenizer&) = delete;

  int64_t vocab_size() const override { return static_cast<int64_t>(data_.tokens.size()); }
  const SpecialTokens& special() const override { return special_; }
  const TokenizerData& data() const override { return data_; }
  std::vector<int32_t> Encode(std::string_view text, bool parse_special) const override;
  std::string Decode(int32_t token, bool show_special) const override;

 protected:
  // `data` is checked and has its types filled in.
  VocabularyTokenizer(TokenizerData data, SpecialTokens special);

  // Appends the ids of a text that is not empty and holds no special tokens; it stands at the
  // beginning or after a special token.
  virtual void EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const = 0;

  TokenType type(int32_t token) const { return data_.types[static_cast<size_t>(token)]; }
  // By token; implementations fill it in.
  std::vector<std::string> token_bytes_;

 private:
  const TokenizerData data_;
  const SpecialTokens special_;
  const SpecialTokenSplitter splitter_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_VOCABULARY_TOKENIZER_H_
