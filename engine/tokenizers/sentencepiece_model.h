// Reads and writes SentencePiece models (tokenizer.model): a serialized ModelProto, a protocol
// buffer, of which only the fields that decide how text is encoded are looked at.
#ifndef TRIT_ENGINE_TOKENIZERS_SENTENCEPIECE_MODEL_H_
#define TRIT_ENGINE_TOKENIZERS_SENTENCEPIECE_MODEL_H_

#include <string>
#include <string_view>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// The vocabulary of a BPE model, for MakeTokenizer, which checks it further; whether bos is added
// is not said in these files. Throws Error, with `file` and the place, if the bytes are no such
// model, or if it is one that the engine would not encode exactly as SentencePiece does: a unigram,
// word or character model, or one that normalizes text.
TokenizerData ParseSentencePieceModel(std::string_view serialized, const std::string& file);

// A vocabulary of model "llama" as such a file: what ParseSentencePieceModel reads, and
// SentencePiece and transformers with it.
std::string SerializeSentencePieceModel(const TokenizerData& data);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_SENTENCEPIECE_MODEL_H_
