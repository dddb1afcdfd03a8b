// trit tokenize: text on stdin to ids on stdout, and back.
#include <fmt/format.h>

#include "engine/error.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"

namespace trit {

void RunTokenize(const Command& command, std::span<const std::string> arguments) {
  std::string model_path;
  bool decode = false;
  bool special = false;
  bool bos = false;
  Options options(command, "echo \"Once upon a time\" | trit tokenize -m model.gguf");
  options.Group("Input");
  options.RequiredText(
      "m,model", "FILE", model_path,
      "model as for other commands, or a file with a tokenizer alone: GGUF, tokenizer.json, a "
      "SentencePiece .model");
  options.Flag("decode", decode, "read ids, separated by blanks or commas, and print their text");
  options.Group("Special tokens");
  options.Flag("special", special,
               "special tokens written out in the text (<|im_end|>) become one id; with --decode, "
               "write them out");
  options.Flag("bos", bos, "begin as the model's prompts do");
  if (!options.Parse(arguments)) return;
  if (decode && bos) {
    throw UsageError(ErrorInfo{.what = "does not go with --decode", .key = "--bos"});
  }

  const std::shared_ptr<const Tokenizer> tokenizer = LoadTokenizerFor(model_path);
  const std::string input = ReadStandardInput(decode ? "the ids" : "the text");
  if (decode) {
    const std::vector<int32_t> ids = ParseTokenIds(input, "standard input");
    Print(tokenizer->DecodeText(ids, special));
    return;
  }
  std::vector<int32_t> ids;
  if (bos && tokenizer->special().add_bos) ids.push_back(tokenizer->special().bos);
  const std::vector<int32_t> encoded = tokenizer->Encode(input, special);
  ids.insert(ids.end(), encoded.begin(), encoded.end());
  Print(fmt::format("{}\n", fmt::join(ids, " ")));
}

}  // namespace trit
