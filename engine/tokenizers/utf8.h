// UTF-8, one character at a time (Unicode 15, table 3-7).
#ifndef TRIT_ENGINE_TOKENIZERS_UTF8_H_
#define TRIT_ENGINE_TOKENIZERS_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trit {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// What a text begins with.
struct Utf8Char {
  enum class Status : uint8_t {
    kValid,
    kInvalid,     // bytes no character can begin with: the part U+FFFD stands for
    kIncomplete,  // the text ends inside what may yet become a character
  };
  Status status;
  size_t length;        // in bytes, at least 1
  char32_t code_point;  // of a valid one
};

// `text` is not empty.
Utf8Char DecodeUtf8(std::string_view text);

// Bytes of white space (of Unicode's property) that a text begins and ends with.
size_t LeadingSpaceBytes(std::string_view text);
size_t TrailingSpaceBytes(std::string_view text);

// code_point: a Unicode scalar value.
void AppendUtf8(char32_t code_point, std::string& text);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_UTF8_H_
