// Trains a byte-pair vocabulary on text, with SentencePiece.
#ifndef TRIT_TRAINING_DATA_TOKENIZER_TRAINING_H_
#define TRIT_TRAINING_DATA_TOKENIZER_TRAINING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

struct TokenizerTrainingOptions {
  // At most; a small text does not give as many. Unknown, bos, eos, the control symbols and 256
  // byte tokens come first, in this order; every character of the text is a token too.
  int64_t vocab_size = 4096;
  std::vector<std::string> control_symbols;  // "<|im_start|>", …
  bool add_bos = false;                      // whether texts are to begin with bos
};

class TokenizerTrainer {
 public:
  // Throws UsageError if an option is out of range or a symbol is empty, twice there or has a comma
  // or a control character.
  explicit TokenizerTrainer(TokenizerTrainingOptions options);

  // A text to learn from, of any length. Its lines, and what lies between other control characters
  // and bytes that are not UTF-8, are learned from one by one; line ends and tabs stay byte tokens.
  void Add(std::string_view text);

  // Once, after the last text. A vocabulary (model "llama", no space before the text) whose
  // encoding of any text decodes to the same bytes, but for U+2581, which becomes a space. The same
  // options and texts give the same vocabulary. Throws Error if there is no text to learn from,
  // UsageError if the vocabulary has no room for its characters.
  TokenizerData Train();

 private:
  void AddLine(std::string_view line);

  TokenizerTrainingOptions options_;
  std::vector<std::string> lines_;
  std::vector<bool> has_character_;  // by code point
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_TOKENIZER_TRAINING_H_
