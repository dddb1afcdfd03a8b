// Hugging Face's tokenizer.json, to and from TokenizerData. Two kinds are read: byte-level BPE
// (Llama 3, Falcon 3, GPT-NeoX, …), whose pre-tokenizer must be one that pre_tokenizer.h knows, and
// SentencePiece BPE with byte fallback (Llama 2). A normalizer to Unicode's form NFC is passed
// over, as llama.cpp does: text comes back as it was.
// https://huggingface.co/docs/tokenizers
#ifndef TRIT_ENGINE_TOKENIZERS_TOKENIZER_JSON_H_
#define TRIT_ENGINE_TOKENIZERS_TOKENIZER_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// For MakeTokenizer, which checks it further. Special ids beyond what the post-processor says (bos)
// are in other files. Ids without a token become unused tokens "[PAD7]". Throws Error with `file`
// and key.
TokenizerData ParseTokenizerJson(std::string_view json, const std::string& file);

// A byte-level BPE vocabulary (model "gpt2") as such a file; `file` goes into messages.
std::string TokenizerToJson(const TokenizerData& data, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_TOKENIZER_JSON_H_
