// A tokenizer whose documents show their borders: id 0 begins one, id 1 ends one, byte b is id b
// + 2.
#ifndef TRIT_TESTS_SUPPORT_MARKING_TOKENIZER_H_
#define TRIT_TESTS_SUPPORT_MARKING_TOKENIZER_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer.h"

namespace trit {

class MarkingTokenizer : public Tokenizer {
 public:
  MarkingTokenizer(bool add_bos, bool has_eos) {
    special_.bos = 0;
    special_.add_bos = add_bos;
    special_.eos = has_eos ? 1 : -1;
  }

  int64_t vocab_size() const override { return 258; }
  const SpecialTokens& special() const override { return special_; }
  const TokenizerData& data() const override { return data_; }
  std::vector<int32_t> Encode(std::string_view text, bool) const override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      pieces_.emplace_back(text);
    }
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c) + 2);
    return ids;
  }
  std::string Decode(int32_t token, bool) const override {
    return token < 2 ? std::string() : std::string(1, static_cast<char>(token - 2));
  }

  // Every text that was to be encoded, in the order of the calls.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  SpecialTokens special_;
  TokenizerData data_;
  mutable std::mutex mutex_;
  mutable std::vector<std::string> pieces_;
};

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_MARKING_TOKENIZER_H_
