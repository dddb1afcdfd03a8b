// The tokenizer of a run: made or read when it begins, kept beside its checkpoints, and the same
// whenever the run goes on or is exported.
#ifndef TRIT_TRAINING_RUN_TOKENIZER_H_
#define TRIT_TRAINING_RUN_TOKENIZER_H_

#include <memory>
#include <string>

#include "engine/tokenizers/tokenizer.h"
#include "training/config/training_config.h"

namespace trit {

// Its file in a run's directory and in each checkpoint: a GGUF file without tensors.
inline constexpr const char* kTokenizerFile = "tokenizer.gguf";

// What data.tokenizer asks for: the byte vocabulary, one trained on the training files, or one read
// from a file of any kind ReadTokenizerFile knows; null if data comes as token files alone. Throws
// Error or UsageError.
std::shared_ptr<const Tokenizer> MakeRunTokenizer(const TrainingConfig& config);

// Writes the file atomically. chat_template: the format's name, or empty.
void SaveRunTokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                      const std::string& path);
// Null if there is no such file.
std::shared_ptr<const Tokenizer> LoadRunTokenizer(const std::string& path);
// The Jinja text of the chat format in such a file; empty if there is none.
std::string LoadRunChatTemplate(const std::string& path);

}  // namespace trit

#endif  // TRIT_TRAINING_RUN_TOKENIZER_H_
