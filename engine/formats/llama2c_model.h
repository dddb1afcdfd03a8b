// llama2.c checkpoints (github.com/karpathy/llama2.c), version 0: seven int32 (dim, hidden_dim,
// n_layers, n_heads, n_kv_heads, vocab_size, seq_len; a negative vocab_size means a head of its
// own), then the weights as float32. Their tokenizers are files beside them: uint32 longest token,
// then a float32 score, an int32 length and the bytes of each token.
#ifndef TRIT_ENGINE_FORMATS_LLAMA2C_MODEL_H_
#define TRIT_ENGINE_FORMATS_LLAMA2C_MODEL_H_

#include <memory>
#include <string>

#include "engine/formats/model_file.h"
#include "engine/model.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// Whether the file's header and size are those of such a checkpoint. Throws Error if it cannot be
// read at all.
bool IsLlama2cModel(const std::string& path);

// The tokenizer is options.tokenizer, else tok<vocab_size>.bin or tokenizer.bin in the directory of
// the checkpoint; without any the model has none. Throws Error naming file and tensor.
std::unique_ptr<Model> LoadLlama2cModel(const std::string& path, const LoadOptions& options);

// Throws Error with the offset if the file does not consist of tokens.
TokenizerData ReadLlama2cTokenizer(const std::string& path);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_LLAMA2C_MODEL_H_
