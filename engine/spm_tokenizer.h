// SentencePiece's byte-pair encoding (Llama 2, …): spaces are written as U+2581, and starting from
// characters the adjacent pair whose joined text is the token with the highest score is merged (the
// leftmost of equal ones) until none is a token. Characters without a token become byte tokens.
// Two things are not given back as they were: a U+2581 in the text decodes to a space, and what a
// vocabulary without byte tokens does not know becomes the unknown token.
#ifndef TRIT_ENGINE_SPM_TOKENIZER_H_
#define TRIT_ENGINE_SPM_TOKENIZER_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/vocabulary_tokenizer.h"

namespace trit {

class SpmTokenizer : public VocabularyTokenizer {
 public:
  // `data` is checked and has every default filled in.
  SpmTokenizer(TokenizerData data, SpecialTokens special);

  // Without the spaces that add_space_prefix put at the beginning and after special tokens.
  std::string DecodeText(std::span<const int32_t> tokens, bool show_special) const override;

 protected:
  void EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const override;

 private:
  struct Workspace;
  // Encodes a stretch of escaped text on its own.
  void EncodeStretch(std::string_view text, Workspace& workspace, std::vector<int32_t>& ids) const;
  // Appends what a text that was merged as far as it goes becomes.
  void EmitSymbol(std::string_view symbol, const Workspace& workspace,
                  std::vector<int32_t>& ids) const;

  std::unordered_map<std::string_view, int32_t> pieces_;  // what merging can make
  std::array<int32_t, 256> byte_ids_;
  bool has_bytes_ = false;
  // No piece holds a U+2581 after another character. Then no merge crosses such a place, and the
  // text can be encoded word by word, which keeps the heap small.
  bool words_are_separate_ = true;
};

}  // namespace trit

#endif  // TRIT_ENGINE_SPM_TOKENIZER_H_
