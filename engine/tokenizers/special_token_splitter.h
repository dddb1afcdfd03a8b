// Cuts text at the special tokens written out in it, before any other tokenization: the leftmost
// first, of several that begin at the same place the longest.
#ifndef TRIT_ENGINE_TOKENIZERS_SPECIAL_TOKEN_SPLITTER_H_
#define TRIT_ENGINE_TOKENIZERS_SPECIAL_TOKEN_SPLITTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

class SpecialTokenSplitter {
 public:
  // A special token, or text (never empty) without any.
  struct Fragment {
    std::string_view text;
    int32_t token = -1;  // -1: text
  };

  // `data` outlives the splitter.
  explicit SpecialTokenSplitter(const TokenizerData& data);

  // User-defined tokens are always cut out, control tokens and unknown only if parse_special. A
  // token's fragment has the white space that it takes along too; the fragments' texts joined are
  // `text`.
  std::vector<Fragment> Split(std::string_view text, bool parse_special) const;

 private:
  struct Table {
    std::unordered_map<std::string_view, int32_t> ids;
    std::vector<size_t> lengths;  // of the texts, each once, descending
    std::array<bool, 256> begins_one{};

    void Add(std::string_view text, int32_t id);
    void Finish();
    // The token `text` (not empty) begins with; token -1 if none.
    Fragment Match(std::string_view text) const;
  };

  const TokenizerData& data_;
  Table user_defined_;
  Table all_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_SPECIAL_TOKEN_SPLITTER_H_
