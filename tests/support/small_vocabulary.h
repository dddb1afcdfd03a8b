// Small vocabularies for tests of tokenizers.
#ifndef TRIT_TESTS_SUPPORT_SMALL_VOCABULARY_H_
#define TRIT_TESTS_SUPPORT_SMALL_VOCABULARY_H_

#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizers/byte_tokenizer.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

inline void AddToken(TokenizerData& data, std::string text, TokenType type, float score = 0) {
  data.tokens.push_back(std::move(text));
  data.types.push_back(type);
  if (data.model == "llama") data.scores.push_back(score);
}

// Byte-level BPE: ids 0 to 255 are the bytes, then one token a merge ("left right", in the byte
// alphabet), then control tokens.
inline TokenizerData BpeVocabulary(const std::vector<std::string>& merges,
                                   const std::vector<std::string>& controls = {}) {
  TokenizerData data = ByteVocabulary();
  for (const std::string& merge : merges) {
    const size_t space = merge.find(' ');
    AddToken(data, merge.substr(0, space) + merge.substr(space + 1), TokenType::kNormal);
  }
  data.merges = merges;
  for (const std::string& control : controls) AddToken(data, control, TokenType::kControl);
  return data;
}

// SPM: unknown 0, bos 1, eos 2, bytes 3 to 258, then the pieces in the order of their scores.
inline TokenizerData SpmVocabulary(const std::vector<std::string>& pieces) {
  TokenizerData data;
  data.model = "llama";
  AddToken(data, "<unk>", TokenType::kUnknown);
  AddToken(data, "<s>", TokenType::kControl);
  AddToken(data, "</s>", TokenType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    AddToken(data, std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + '>', TokenType::kByte);
  }
  float score = 0;
  for (const std::string& piece : pieces) AddToken(data, piece, TokenType::kNormal, score--);
  return data;
}

// Bytes of every kind: ASCII words and spaces, characters of all lengths, and bytes at random.
inline std::string RandomText(std::mt19937& random, size_t num_parts) {
  constexpr std::string_view kParts[] = {
      " ",      "  ",     "\n",     "\r\n", "\t",         "a",   "the",  "The",
      "'s",     "'LL",    "12345",  "x1",   "é",          "ß",   "日本", "\U0001F600",
      "\u2581", "\u180E", "\u00A0", "!?",   "<|im_end|>", "</s>"};
  std::string text;
  for (size_t i = 0; i < num_parts; ++i) {
    const size_t choice = random() % (std::size(kParts) + 4);
    if (choice < std::size(kParts)) {
      text += kParts[choice];
    } else {
      text += static_cast<char>(random());
    }
  }
  return text;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_SMALL_VOCABULARY_H_
