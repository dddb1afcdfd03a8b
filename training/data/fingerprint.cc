#include "training/data/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace trit {

void Fingerprint::Add(const void* bytes, size_t size) {
  const char* from = static_cast<const char*>(bytes);
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, from + i, std::min(sizeof(word), size - i));
    AddWord(word);
  }
  AddWord(size);
}

std::string Fingerprint::Hex() const { return fmt::format("{:016x}", hash_); }

}  // namespace trit
