// What commands read: models and standard input.
#ifndef TRIT_TOOLS_COMMAND_INPUT_H_
#define TRIT_TOOLS_COMMAND_INPUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/model.h"

namespace trit {

class Options;

// Which model to load, and what its files do not say.
struct ModelSource {
  std::string path;
  std::optional<std::string> tokenizer;
  std::string i2s_layout = "auto";

  // -m, in the group "Input", and the layout.
  void Declare(Options& options);
  void DeclareLayout(Options& options);
};

// A model in a file or directory or, quantized as it was trained, of a run or checkpoint. Shows how
// far it is on a terminal.
std::unique_ptr<Model> LoadModelFor(const ModelSource& source);
// Says on the error stream if a run has not been trained fully quantized yet, which it is loaded as.
void WarnOfShare(const std::string& run_or_checkpoint);
// The tokenizer alone, likewise.
std::shared_ptr<const Tokenizer> LoadTokenizerFor(const std::string& path);

// How much text a model that is scored sees at once.
struct ScoringWindow {
  std::optional<int64_t> ctx;

  void Declare(Options& options);
  // Tokens. Throws UsageError if it is longer than the model's context.
  int64_t For(const Model& model) const;
};

// All of standard input. Says so on a terminal, where a program that waits for input looks as if it
// had died. `what`: "the prompt".
std::string ReadStandardInput(const std::string& what);

// Throws UsageError naming the option unless all ids are tokens of the model.
void CheckTokenIds(const Model& model, std::span<const int32_t> ids, const std::string& option);

}  // namespace trit

#endif  // TRIT_TOOLS_COMMAND_INPUT_H_
