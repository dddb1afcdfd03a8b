// A tokenizer in the metadata of a GGUF file.
#ifndef TRIT_ENGINE_FORMATS_GGUF_TOKENIZER_H_
#define TRIT_ENGINE_FORMATS_GGUF_TOKENIZER_H_

#include <optional>

#include "engine/formats/gguf_metadata.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// Nothing if the file has no tokenizer. Throws Error if a key is of the wrong type or a special id
// is no token; MakeTokenizer checks the rest.
std::optional<TokenizerData> ReadGgufTokenizer(const GgufMetadata& metadata);

void AppendGgufTokenizer(const TokenizerData& data, GgufMetadata& metadata);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_TOKENIZER_H_
