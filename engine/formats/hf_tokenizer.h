// The tokenizer files of a Hugging Face model directory: tokenizer.json, or tokenizer.model with
// added_tokens.json; tokenizer_config.json, generation_config.json and chat_template.jinja.
#ifndef TRIT_ENGINE_FORMATS_HF_TOKENIZER_H_
#define TRIT_ENGINE_FORMATS_HF_TOKENIZER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "engine/formats/hf_config.h"
#include "engine/tokenizers/tokenizer.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

struct HfTokenizer {
  std::optional<TokenizerData> data;  // nothing if the directory has no tokenizer
  std::string chat_template;          // empty if there is none
};

// With as many tokens as the model has embeddings: ids beyond become unused tokens. Throws Error
// with file and key; MakeTokenizer checks the rest.
HfTokenizer ReadHfTokenizer(const std::string& directory, const HfConfig& config);

// A file with a tokenizer of its own: tokenizer.json, a SentencePiece model, a GGUF, or llama2.c's
// tokenizer.bin. vocab_size, if given: tokens there must be (fewer are padded with unused ones).
TokenizerData ReadTokenizerFile(const std::string& path, std::optional<int64_t> vocab_size);

// Writes what ReadHfTokenizer reads into a directory: tokenizer.json or, if `data` is a
// SentencePiece vocabulary, tokenizer.model; and what goes with it. tokenizer: of the model.
void WriteHfTokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                      const std::string& directory);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_HF_TOKENIZER_H_
