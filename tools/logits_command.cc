// trit logits: one JSON array of logits a position.
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "engine/error.h"
#include "engine/score.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"

namespace trit {
namespace {

// Nine digits are what a float needs to be read back as it was.
void PrintRow(int64_t position, std::span<const float> logits) {
  fmt::memory_buffer line;
  for (const float logit : logits) {
    if (!std::isfinite(logit)) {
      throw Error(ErrorInfo{
          .what = fmt::format("the model gives no number for a logit at position {}", position),
          .found = fmt::format("{}", logit)});
    }
    fmt::format_to(std::back_inserter(line), "{}{:.9g}", line.size() == 0 ? '[' : ',', logit);
  }
  fmt::format_to(std::back_inserter(line), "]\n");
  Print({line.data(), line.size()});
}

}  // namespace

void RunLogits(const Command& command, std::span<const std::string> arguments) {
  ModelSource model_source;
  std::vector<int32_t> tokens;
  bool last = false;
  Options options(command, "trit logits -m model.gguf --tokens 1,5,9 > logits.jsonl");
  options.Group("Input");
  model_source.Declare(options);
  options.RequiredTokenIds("tokens", tokens, "token ids to read");
  options.Group("Output");
  options.Flag("last", last, "only the last position");
  if (!options.Parse(arguments)) return;

  const std::unique_ptr<Model> model = LoadModelFor(model_source);
  CheckTokenIds(*model, tokens, "--tokens");
  const int64_t count = static_cast<int64_t>(tokens.size());
  if (count > model->config.max_position_embeddings) {
    throw UsageError(
        ErrorInfo{.what = "more tokens than the model's context",
                  .key = "--tokens",
                  .expected = fmt::format("at most {}", model->config.max_position_embeddings),
                  .found = std::to_string(count)});
  }
  ComputeLogits(*model, tokens, [&](int64_t position, std::span<const float> logits) {
    if (!last || position == count - 1) PrintRow(position, logits);
  });
}

}  // namespace trit
