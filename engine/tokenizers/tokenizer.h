// Text to token ids and back. Implementations: bytes, SentencePiece-style (SPM), byte-level BPE;
// all made by MakeTokenizer (make_tokenizer.h). Immutable: threads may share one.
#ifndef TRIT_ENGINE_TOKENIZERS_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_TOKENIZER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// Special ids; -1 where a tokenizer has none.
struct SpecialTokens {
  int32_t bos = -1;
  int32_t eos = -1;
  int32_t unknown = -1;
  int32_t padding = -1;
  bool add_bos = false;  // a prompt begins with bos
  bool add_eos = false;
  std::vector<int32_t> end_of_generation;  // eos, end of turn, …: what stops an answer; ascending
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual int64_t vocab_size() const = 0;
  virtual const SpecialTokens& special() const = 0;
  // What it was made of, with the defaults filled in; special ids it does not have stay empty.
  virtual const TokenizerData& data() const = 0;

  // Ids of `text`, any bytes; neither bos nor eos is added. Special tokens written out in the text
  // ("<|im_end|>") become their ids if parse_special, else they are text like any other.
  virtual std::vector<int32_t> Encode(std::string_view text, bool parse_special) const = 0;

  // The bytes a token stands for; possibly a part of a UTF-8 sequence. Special tokens give nothing
  // unless show_special. Throws Error if there is no such token.
  virtual std::string Decode(int32_t token, bool show_special) const = 0;

  // The bytes that a token adds to a text after `previous` (-1: it is the first): as Decode, less
  // what Encode itself would put between the two. For streaming.
  virtual std::string DecodeNext(int32_t /*previous*/, int32_t token, bool show_special) const {
    return Decode(token, show_special);
  }

  // The bytes of a whole text: its tokens' bytes, less what Encode itself put before it.
  std::string DecodeText(std::span<const int32_t> tokens, bool show_special) const {
    std::string text;
    int32_t previous = -1;
    for (const int32_t token : tokens) {
      text += DecodeNext(previous, token, show_special);
      previous = token;
    }
    return text;
  }
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_TOKENIZER_H_
