// Token ids in memory: two bytes each where the vocabulary allows it, else four.
#ifndef TRIT_TRAINING_DATA_TOKEN_ARRAY_H_
#define TRIT_TRAINING_DATA_TOKEN_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trit {

// A token's id in a file of tokens, and in memory, for vocabularies up to this size.
inline constexpr int64_t kMaxNarrowVocab = 65536;

class TokenArray {
 public:
  // For ids in [0, vocab_size).
  explicit TokenArray(int64_t vocab_size) : vocab_size_(vocab_size) {}

  int64_t vocab_size() const { return vocab_size_; }
  bool narrow() const { return vocab_size_ <= kMaxNarrowVocab; }
  int64_t size() const;
  int32_t operator[](int64_t index) const;
  // ids [first, first + out.size())
  void CopyTo(int64_t first, std::span<int32_t> out) const;

  void Append(std::span<const int32_t> ids);
  void Append(const TokenArray& other);
  // Removes the ids from `first` on and returns them.
  TokenArray SplitOff(int64_t first);

  // Room for `count` more ids, as they lie in memory, to be read into: (count) uint16 or int32.
  uint8_t* Extend(int64_t count);
  // All ids as they lie in memory: uint16 if narrow(), else int32.
  std::span<const uint8_t> Bytes() const;

  // The same for the same ids, however they are stored.
  std::string Fingerprint() const;

 private:
  int64_t vocab_size_;
  std::vector<uint16_t> narrow_;  // one of the two is empty
  std::vector<int32_t> wide_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_TOKEN_ARRAY_H_
