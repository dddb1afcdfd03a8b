#include "engine/tokenizers/vocabulary_tokenizer.h"

#include <utility>

#include "engine/error.h"

namespace trit {

int32_t ParseByteToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  int32_t byte = 0;
  for (const char c : text.substr(3, 2)) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return -1;
    byte = byte * 16 + static_cast<int32_t>(digit);
  }
  return byte;
}

VocabularyTokenizer::VocabularyTokenizer(TokenizerData data, SpecialTokens special)
    : data_(std::move(data)), special_(std::move(special)), splitter_(data_) {}

std::vector<int32_t> VocabularyTokenizer::Encode(std::string_view text, bool parse_special) const {
  std::vector<int32_t> ids;
  for (const auto& fragment : splitter_.Split(text, parse_special)) {
    if (fragment.token >= 0) {
      ids.push_back(fragment.token);
    } else {
      EncodeFragment(fragment.text, ids);
    }
  }
  return ids;
}

std::string VocabularyTokenizer::Decode(int32_t token, bool show_special) const {
  if (token < 0 || token >= vocab_size()) {
    throw Error({.what = "no such token",
                 .expected = "0 to " + std::to_string(vocab_size() - 1),
                 .found = std::to_string(token)});
  }
  const TokenType kind = type(token);
  const bool special =
      kind == TokenType::kControl || kind == TokenType::kUnknown || kind == TokenType::kUnused;
  if (special && !show_special) return {};
  return token_bytes_[static_cast<size_t>(token)];
}

}  // namespace trit
