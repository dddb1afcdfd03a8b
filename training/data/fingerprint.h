// A 64-bit hash of bytes that tells whether two things are the same; not a cryptographic one.
// FNV-1a (Fowler, Noll, Vo) over 64-bit words, each addition padded with zeros and followed by its
// length; the fold after each multiplication carries high bits down, which a byte-wise FNV-1a need
// not do.
#ifndef TRIT_TRAINING_DATA_FINGERPRINT_H_
#define TRIT_TRAINING_DATA_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trit {

class Fingerprint {
 public:
  void Add(const void* bytes, size_t size);
  void Add(std::string_view text) { Add(text.data(), text.size()); }
  std::string Hex() const;  // 16 digits

 private:
  void AddWord(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3u;
    hash_ ^= hash_ >> 32;
  }

  uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_FINGERPRINT_H_
