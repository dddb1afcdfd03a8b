#include "training/run_sample.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/error.h"
#include "engine/generation.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "engine/tokenizers/tokenizer.h"
#include "engine/tokenizers/utf8_stream.h"

namespace trit {

std::string WriteSample(const Model& model, const std::string& prompt, int64_t context_length,
                        int64_t max_tokens, uint64_t seed) {
  const Tokenizer& tokenizer = *model.tokenizer;
  const SpecialTokens& special = tokenizer.special();
  std::vector<int32_t> tokens = tokenizer.Encode(prompt, /*parse_special=*/true);
  if (special.bos >= 0 && (special.add_bos || prompt.empty())) {
    tokens.insert(tokens.begin(), special.bos);
  }
  if (tokens.empty()) tokens = tokenizer.Encode("\n", false);
  const int64_t room = context_length - static_cast<int64_t>(tokens.size());
  if (room < 1) {
    throw UsageError(
        ErrorInfo{.what = "longer than a row",
                  .key = "train.sample_prompt",
                  .expected = "fewer than " + std::to_string(context_length) + " tokens",
                  .found = std::to_string(tokens.size())});
  }
  Session session(model, {.context_length = context_length});
  Sampler sampler({.seed = seed});
  Utf8Stream stream;
  std::string text;
  Generate(session, tokens, sampler, {.max_tokens = std::min(max_tokens, room)},
           [&](int32_t token) {
             text += stream.Push(tokenizer.Decode(token, false));
             return true;
           });
  return text + stream.Flush();
}

std::string SampleToJson(int64_t step, const std::string& prompt, const std::string& text) {
  return nlohmann::ordered_json{{"step", step}, {"prompt", prompt}, {"text", text}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace trit
