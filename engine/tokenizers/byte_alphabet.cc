#include "engine/tokenizers/byte_alphabet.h"

#include <array>

#include "engine/tokenizers/utf8.h"

namespace trit {
namespace {

constexpr char32_t kFirstShifted = 0x100;
constexpr size_t kNumShifted = 68;

struct Alphabet {
  std::array<char32_t, 256> code_points{};                       // by byte
  std::array<uint8_t, kFirstShifted + kNumShifted> bytes{};      // by code point
  std::array<bool, kFirstShifted + kNumShifted> is_character{};  // by code point
};

constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet;
  char32_t next_shifted = kFirstShifted;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    const char32_t code_point = printable ? byte : next_shifted++;
    alphabet.code_points[byte] = code_point;
    alphabet.bytes[code_point] = static_cast<uint8_t>(byte);
    alphabet.is_character[code_point] = true;
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

std::string ToByteAlphabet(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) AppendUtf8(kAlphabet.code_points[static_cast<uint8_t>(c)], text);
  return text;
}

std::optional<std::string> FromByteAlphabet(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Char next = DecodeUtf8(text);
    if (next.status != Utf8Char::Status::kValid ||
        next.code_point >= kAlphabet.is_character.size() ||
        !kAlphabet.is_character[next.code_point]) {
      return std::nullopt;
    }
    bytes += static_cast<char>(kAlphabet.bytes[next.code_point]);
    text.remove_prefix(next.length);
  }
  return bytes;
}

}  // namespace trit
