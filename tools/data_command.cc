// trit data: text and conversations to token files.
#include <fmt/format.h>

#include <chrono>

#include "engine/error.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"
#include "training/data/data_preparation.h"

namespace trit {

void RunData(const Command& command, std::span<const std::string> arguments) {
  DataPreparation preparation;
  std::optional<std::string> tokenizer;
  std::optional<std::string> chat_template;
  Options options(command,
                  "trit data books/ 'stories/*.jsonl' --out tokens --tokenizer train:4096");
  options.Group("Input");
  options.RequiredArguments("INPUT…", preparation.inputs,
                            ".txt and .jsonl files, directories of them, or patterns");
  options.Text("chat-template", "NAME", chat_template,
               "lines are conversations (messages, ShareGPT, Alpaca), written in this format");
  options.Text("tokenizer", "WHAT", tokenizer,
               "bytes, train:4096 (a new one of 4096 tokens), or a tokenizer's file (.gguf, .json, "
               ".model, .bin; default: bytes)");
  options.Group("Output");
  options.RequiredText("o,out", "DIR", preparation.out, "directory for shards and tokenizer");
  options.Integer("shard-tokens", "N", preparation.shard_tokens, 1, INT32_MAX,
                  "tokens a file, at most");
  options.Number("validation-fraction", "P", preparation.validation_fraction, 0, 1,
                 "how much of the data, from its end, goes to validation files");
  if (!options.Parse(arguments)) return;
  if (tokenizer) preparation.tokenizer = *tokenizer;
  if (chat_template) preparation.chat_template = *chat_template;

  const auto start = std::chrono::steady_clock::now();
  PreparedData data;
  {
    StatusLine status;
    data = PrepareData(preparation, [&](const PreparationProgress& progress) {
      const double percent = 100.0 * static_cast<double>(progress.bytes_done) /
                             static_cast<double>(std::max<uint64_t>(1, progress.bytes_total));
      status.Update(fmt::format("{}: {:.0f} % of {:.1f} MB, {} tokens", progress.stage, percent,
                                static_cast<double>(progress.bytes_total) / 1e6, progress.tokens));
    });
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t tokens = data.train_tokens + data.validation_tokens;
  Print(fmt::format(
      "{} documents, {:.1f} MB of text: {} tokens ({:.2f} bytes each) in {:.1f} s\n",
      data.documents, static_cast<double>(data.text_bytes) / 1e6, tokens,
      static_cast<double>(data.text_bytes) / static_cast<double>(std::max<int64_t>(1, tokens)),
      seconds));
  Print(fmt::format("training: {} tokens in {} files; validation: {} in {}; vocabulary: {}\n\n",
                    data.train_tokens, data.train_files.size(), data.validation_tokens,
                    data.validation_files.size(), data.tokenizer->vocab_size()));
  Print(fmt::format("[data]\ntrain = [\"{}/train_*.bin\"]\n", preparation.out));
  if (!data.validation_files.empty()) {
    Print(fmt::format("validation = [\"{}/validation_*.bin\"]\n", preparation.out));
  }
  Print(fmt::format("tokenizer = \"{}\"\n", data.tokenizer_file));
}

}  // namespace trit
