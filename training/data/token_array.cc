#include "training/data/token_array.h"

#include <algorithm>

#include "ternary_kernels/check.h"
#include "training/data/fingerprint.h"

namespace trit {

int64_t TokenArray::size() const {
  return static_cast<int64_t>(narrow() ? narrow_.size() : wide_.size());
}

int32_t TokenArray::operator[](int64_t index) const {
  TRIT_CHECK(index >= 0 && index < size());
  const size_t i = static_cast<size_t>(index);
  return narrow() ? narrow_[i] : wide_[i];
}

void TokenArray::CopyTo(int64_t first, std::span<int32_t> out) const {
  TRIT_CHECK(first >= 0 && static_cast<int64_t>(out.size()) <= size() - first);
  if (narrow()) {
    std::copy_n(narrow_.begin() + first, out.size(), out.begin());
  } else {
    std::copy_n(wide_.begin() + first, out.size(), out.begin());
  }
}

void TokenArray::Append(std::span<const int32_t> ids) {
  for (const int32_t id : ids) TRIT_CHECK(id >= 0 && id < vocab_size_);
  if (narrow()) {
    narrow_.insert(narrow_.end(), ids.begin(), ids.end());
  } else {
    wide_.insert(wide_.end(), ids.begin(), ids.end());
  }
}

void TokenArray::Append(const TokenArray& other) {
  TRIT_CHECK(other.vocab_size_ == vocab_size_);
  narrow_.insert(narrow_.end(), other.narrow_.begin(), other.narrow_.end());
  wide_.insert(wide_.end(), other.wide_.begin(), other.wide_.end());
}

TokenArray TokenArray::SplitOff(int64_t first) {
  TRIT_CHECK(first >= 0 && first <= size());
  TokenArray rest(vocab_size_);
  if (narrow()) {
    rest.narrow_.assign(narrow_.begin() + first, narrow_.end());
    narrow_.resize(static_cast<size_t>(first));
  } else {
    rest.wide_.assign(wide_.begin() + first, wide_.end());
    wide_.resize(static_cast<size_t>(first));
  }
  return rest;
}

uint8_t* TokenArray::Extend(int64_t count) {
  TRIT_CHECK(count >= 0);
  const size_t old_size = static_cast<size_t>(size());
  const size_t new_size = old_size + static_cast<size_t>(count);
  if (narrow()) {
    narrow_.resize(new_size);
    return reinterpret_cast<uint8_t*>(narrow_.data() + old_size);
  }
  wide_.resize(new_size);
  return reinterpret_cast<uint8_t*>(wide_.data() + old_size);
}

std::span<const uint8_t> TokenArray::Bytes() const {
  if (narrow()) {
    return {reinterpret_cast<const uint8_t*>(narrow_.data()), narrow_.size() * sizeof(uint16_t)};
  }
  return {reinterpret_cast<const uint8_t*>(wide_.data()), wide_.size() * sizeof(int32_t)};
}

std::string TokenArray::Fingerprint() const {
  constexpr int64_t kBlock = 4096;
  trit::Fingerprint fingerprint;
  std::vector<int32_t> block;
  for (int64_t first = 0; first < size(); first += kBlock) {
    block.resize(static_cast<size_t>(std::min(kBlock, size() - first)));
    CopyTo(first, block);
    fingerprint.Add(block.data(), block.size() * sizeof(int32_t));
  }
  return fingerprint.Hex();
}

}  // namespace trit
