// What commands read: models and standard input.
#ifndef TRIT_TOOLS_COMMAND_INPUT_H_
#define TRIT_TOOLS_COMMAND_INPUT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/model.h"

namespace trit {

// Help of every -m.
inline constexpr char kModelHelp[] =
    "GGUF file; or the directory of a training run or a checkpoint";

// A model in a file or, quantized as it was trained, of a run or checkpoint. Shows how far it is on
// a terminal.
std::unique_ptr<Model> LoadModelFor(const std::string& path);
// The tokenizer alone, likewise.
std::shared_ptr<const Tokenizer> LoadTokenizerFor(const std::string& path);

// All of standard input. Says so on a terminal, where a program that waits for input looks as if it
// had died. `what`: "the prompt".
std::string ReadStandardInput(const std::string& what);

// Throws UsageError naming the option unless all ids are tokens of the model.
void CheckTokenIds(const Model& model, std::span<const int32_t> ids, const std::string& option);

}  // namespace trit

#endif  // TRIT_TOOLS_COMMAND_INPUT_H_
