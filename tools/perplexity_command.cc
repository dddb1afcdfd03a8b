// trit perplexity: how likely a model finds a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "engine/error.h"
#include "engine/input_file.h"
#include "engine/score.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"
#include "training/text_source.h"
#include "training/token_file.h"

namespace trit {
namespace {

constexpr int64_t kDefaultContext = 2048;
constexpr uint64_t kMaxTextBytes = uint64_t{4} << 30;

std::vector<int32_t> ReadTokens(const std::string& path, const Model& model) {
  TokenArray tokens(model.config.vocab_size);
  if (IsTokenFile(path)) {
    ReadTokenFile(path, tokens);
  } else if (!model.tokenizer) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer, so text cannot be scored",
                          .file = path,
                          .expected = "a .bin file of token ids"});
  } else if (path.ends_with(".jsonl")) {
    AppendFiles({&path, 1}, model.tokenizer.get(), tokens);
  } else {
    AppendDocument(*model.tokenizer, ReadTextFile(path, kMaxTextBytes), tokens);
  }
  if (tokens.size() < 2) {
    throw Error(ErrorInfo{.what = "too little text to score",
                          .file = path,
                          .expected = "at least 2 tokens",
                          .found = std::to_string(tokens.size())});
  }
  std::vector<int32_t> ids(static_cast<size_t>(tokens.size()));
  tokens.CopyTo(0, ids);
  return ids;
}

// Of the text that scored tokens stand for: all but the first; 0 if nobody knows.
int64_t CountScoredBytes(const Model& model, std::span<const int32_t> tokens) {
  if (!model.tokenizer) return 0;
  const std::vector<int32_t> bytes = TokenByteCounts(*model.tokenizer, model.config.vocab_size);
  int64_t total = 0;
  for (const int32_t token : tokens.subspan(1)) total += bytes[static_cast<size_t>(token)];
  return total;
}

}  // namespace

void RunPerplexity(const Command& command, std::span<const std::string> arguments) {
  ModelSource model_source;
  std::string text_path;
  std::optional<int64_t> ctx;
  bool json = false;
  Options options(command, "trit perplexity -m model.gguf -f text.txt --ctx 512");
  options.Group("Input");
  model_source.Declare(options);
  options.RequiredText("f,file", "FILE", text_path,
                       "what to score: text, .jsonl with {\"text\": …}, or .bin with token ids");
  options.Integer("ctx", "N", ctx, 2, std::numeric_limits<int32_t>::max(),
                  fmt::format("tokens a window; each is read from its beginning (default: the "
                              "model's context, at most {})",
                              kDefaultContext));
  options.Group("Output");
  options.Flag("json", json, "print an object");
  if (!options.Parse(arguments)) return;

  const std::unique_ptr<Model> model = LoadModelFor(model_source);
  const int64_t max_context = model->config.max_position_embeddings;
  const int64_t context = ctx.value_or(std::min(max_context, kDefaultContext));
  if (context < 2 || context > max_context) {
    throw UsageError(ErrorInfo{.what = "out of range",
                               .key = "--ctx",
                               .expected = fmt::format("2 to {}, the model's", max_context),
                               .found = std::to_string(context)});
  }
  const std::vector<int32_t> tokens = ReadTokens(text_path, *model);
  TextScore score;
  {
    StatusLine status;
    score = ScoreTokens(*model, tokens, context, [&](const TextScore& so_far) {
      status.Update(fmt::format(
          "{} of {} tokens, perplexity {:.4f}", so_far.num_tokens, tokens.size(),
          std::exp(so_far.negative_log_likelihood / static_cast<double>(so_far.num_tokens))));
    });
  }
  const double nll = score.negative_log_likelihood / static_cast<double>(score.num_tokens);
  const int64_t bytes = CountScoredBytes(*model, tokens);
  const double bits = score.negative_log_likelihood / std::numbers::ln2;
  if (!std::isfinite(nll)) {
    throw Error(ErrorInfo{.what = "the model gives no number for the text's likelihood",
                          .found = fmt::format("{}", nll)});
  }
  if (json) {
    nlohmann::ordered_json result = {
        {"model", model_source.path}, {"file", text_path}, {"context_length", context},
        {"tokens", score.num_tokens}, {"bytes", bytes},    {"nll_per_token", nll},
        {"perplexity", std::exp(nll)}};
    if (bytes > 0) result["bits_per_byte"] = bits / static_cast<double>(bytes);
    PrintJson(result);
    return;
  }
  Print(fmt::format("tokens scored:  {}, in windows of {}\n", score.num_tokens, context));
  Print(fmt::format("nll per token:  {:.6f} nats\n", nll));
  Print(fmt::format("perplexity:     {:.4f}\n", std::exp(nll)));
  if (bytes > 0) {
    Print(fmt::format("bits per byte:  {:.6f}, of {} bytes\n", bits / static_cast<double>(bytes),
                      bytes));
  }
}

}  // namespace trit
