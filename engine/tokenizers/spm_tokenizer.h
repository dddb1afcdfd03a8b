// SentencePiece's byte-pair encoding (Llama 2, …): spaces are written as U+2581, and starting from
// characters the adjacent pair whose joined text is the token with the highest score is merged (the
// leftmost of equal ones) until none is a token. Characters without a token become byte tokens, and
// so does a U+2581 in the text itself, so that it is given back (SentencePiece makes a space of
// it). What a vocabulary without byte tokens does not know becomes the unknown token.
//
// Special tokens are cut out first, as llama.cpp does it; the text after any of them gets the space
// that is put before a text. (SentencePiece does not treat user-defined tokens as special there.)
#ifndef TRIT_ENGINE_TOKENIZERS_SPM_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_SPM_TOKENIZER_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizers/vocabulary_tokenizer.h"

namespace trit {

class SpmTokenizer : public VocabularyTokenizer {
 public:
  // `data` is checked and has every default filled in.
  SpmTokenizer(TokenizerData data, SpecialTokens special);

  // Without the spaces that add_space_prefix put at the beginning and after special tokens.
  std::string DecodeNext(int32_t previous, int32_t token, bool show_special) const override;

 protected:
  void EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const override;

 private:
  struct Workspace;
  // Encodes text whose spaces are U+2581.
  void EncodeEscaped(std::string_view rest, Workspace& workspace, std::vector<int32_t>& ids) const;
  // Encodes a stretch of it on its own.
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

#endif  // TRIT_ENGINE_TOKENIZERS_SPM_TOKENIZER_H_
