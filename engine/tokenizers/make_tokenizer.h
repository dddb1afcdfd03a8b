// The one place where tokenizers are checked and made, whatever file they come from.
#ifndef TRIT_ENGINE_TOKENIZERS_MAKE_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_MAKE_TOKENIZER_H_

#include <memory>
#include <string>

#include "engine/tokenizers/tokenizer.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// Throws Error, with `file` in the message, unless: tokens are there, unique and neither empty nor
// longer than 4096 bytes; scores and types are as many as tokens, finite and of a known type; byte
// tokens read <0xHH>, and a llama vocabulary has all 256 of them or none and an unknown token;
// every merge joins two tokens to a third; special ids, those by default too, are tokens; the model
// and the pre-tokenizer are known. That the vocabulary is as large as the embedding is the caller's
// to check.
//
// Defaults. llama: bos 1, eos 2, unknown 0, a space before the text, bos added. gpt2: no special
// ids; whether bos is added depends on the pre-tokenizer, and an empty pre means llama-bpe for a
// vocabulary of 128256 tokens (the Llama-3 vocabulary; files of ternary models often lack the
// name). Tokens whose text ends a turn in a known chat format ("<|im_end|>", "<|eot_id|>", …) end
// the generation and become control tokens.
std::unique_ptr<Tokenizer> MakeTokenizer(const TokenizerData& data, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_MAKE_TOKENIZER_H_
