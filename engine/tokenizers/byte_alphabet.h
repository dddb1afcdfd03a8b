// GPT-2's byte alphabet: byte-level BPE vocabularies write every byte as one printable character.
// The bytes 21-7E, A1-AC and AE-FF stand for the code points of the same number, the other 68, in
// order, for U+0100 and up (a space is U+0120, a newline U+010A).
#ifndef TRIT_ENGINE_TOKENIZERS_BYTE_ALPHABET_H_
#define TRIT_ENGINE_TOKENIZERS_BYTE_ALPHABET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trit {

// The UTF-8 text of the characters that stand for `bytes`.
std::string ToByteAlphabet(std::string_view bytes);

// The bytes `text` stands for; none if a character is not of the alphabet.
std::optional<std::string> FromByteAlphabet(std::string_view text);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_BYTE_ALPHABET_H_
