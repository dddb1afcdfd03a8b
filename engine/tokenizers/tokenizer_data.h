// What files carry of a tokenizer, whatever their format: the loaders of GGUF, tokenizer.json and
// SentencePiece models fill this in, MakeTokenizer (make_tokenizer.h) checks it and makes a
// Tokenizer of it, and exporters get it back from Tokenizer::data().
#ifndef TRIT_ENGINE_TOKENIZERS_TOKENIZER_DATA_H_
#define TRIT_ENGINE_TOKENIZERS_TOKENIZER_DATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trit {

// Numbered as in GGUF and in SentencePiece models.
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,      // stands for text that has no token
  kControl = 3,      // special: text only becomes it when special tokens are asked for
  kUserDefined = 4,  // its text always becomes this token, before any merging
  kUnused = 5,       // merging passes through it on the way to longer tokens, no more
  kByte = 6,         // "<0x0A>"
};

// An optional that is empty: the file does not say.
struct TokenizerData {
  std::string model;  // "gpt2": byte-level BPE; "llama": SentencePiece BPE
  std::string pre;    // gpt2: name of the pre-tokenizer (pre_tokenizer.h); may be empty

  // By id. gpt2: normal tokens in the byte alphabet (byte_alphabet.h); llama: a space is U+2581.
  std::vector<std::string> tokens;
  std::vector<float> scores;        // llama: the pair with the highest score merges first
  std::vector<TokenType> types;     // gpt2: all normal if empty
  std::vector<std::string> merges;  // gpt2: "left right", first merges first

  // Ids; -1: there is none.
  std::optional<int32_t> bos, eos, unknown, padding;
  std::optional<int32_t> end_of_turn, end_of_message;  // GGUF: eot, eom
  std::optional<bool> add_bos, add_eos;
  std::optional<bool> add_space_prefix;  // llama: a space before the text
  std::optional<bool> ignore_merges;     // gpt2: a word that is a token is not split further
  // Ids, ascending, of control and user-defined tokens that take along the white space before
  // (tokenizer.json's lstrip) and behind them (rstrip).
  std::vector<int32_t> strip_left, strip_right;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_TOKENIZER_DATA_H_
