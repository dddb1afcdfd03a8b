#include "engine/tokenizers/byte_tokenizer.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/tokenizers/byte_alphabet.h"
#include "ternary_kernels/check.h"

namespace trit {

TokenizerData ByteVocabulary() {
  TokenizerData data;
  data.model = "gpt2";
  data.pre = "gpt-2";
  data.add_bos = false;
  data.add_eos = false;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    data.tokens.push_back(ToByteAlphabet(std::string_view(&c, 1)));
  }
  data.types.assign(256, TokenType::kNormal);
  return data;
}

bool ByteTokenizer::Fits(const TokenizerData& data) {
  return data.model == "gpt2" && data.merges.empty() && data.tokens == ByteVocabulary().tokens &&
         std::all_of(data.types.begin(), data.types.end(),
                     [](TokenType type) { return type == TokenType::kNormal; });
}

ByteTokenizer::ByteTokenizer(TokenizerData data, SpecialTokens special)
    : data_(std::move(data)), special_(std::move(special)) {
  TRIT_CHECK(Fits(data_));
}

std::vector<int32_t> ByteTokenizer::Encode(std::string_view text, bool /*parse_special*/) const {
  std::vector<int32_t> ids(text.size());
  std::transform(text.begin(), text.end(), ids.begin(),
                 [](char c) { return static_cast<uint8_t>(c); });
  return ids;
}

std::string ByteTokenizer::Decode(int32_t token, bool /*show_special*/) const {
  if (token < 0 || token > 255) {
    throw Error({.what = "no such token", .expected = "0 to 255", .found = std::to_string(token)});
  }
  return std::string(1, static_cast<char>(token));
}

}  // namespace trit
