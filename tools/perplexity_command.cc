// trit perplexity: how likely a model finds a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "engine/error.h"
#include "engine/score.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"
#include "training/evaluation/scored_text.h"

namespace trit {
void RunPerplexity(const Command& command, std::span<const std::string> arguments) {
  ModelSource model_source;
  std::string text_path;
  ScoringWindow window;
  bool json = false;
  Options options(command, "trit perplexity -m model.gguf -f text.txt --ctx 512");
  options.Group("Input");
  model_source.Declare(options);
  options.RequiredText("f,file", "FILE", text_path,
                       "what to score: text, .jsonl with {\"text\": …}, or .bin with token ids");
  window.Declare(options);
  options.Group("Output");
  options.Flag("json", json, "print an object");
  if (!options.Parse(arguments)) return;

  const std::unique_ptr<Model> model = LoadModelFor(model_source);
  const int64_t context = window.For(*model);
  const std::vector<int32_t> tokens = ReadScoredText(text_path, *model);
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
