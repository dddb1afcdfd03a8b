#include "engine/generation.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"

namespace trit {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The candidates, tokens of `excluded` (ascending) ruled out.
Candidates Without(Candidates candidates, const std::vector<int32_t>& excluded) {
  for (size_t i = 0; i < candidates.ids.size(); ++i) {
    if (std::binary_search(excluded.begin(), excluded.end(), candidates.ids[i])) {
      candidates.logits[i] = -std::numeric_limits<float>::infinity();
    }
  }
  return candidates;
}

}  // namespace

GenerationResult Generate(Session& session, std::span<const int32_t> prompt, Sampler& sampler,
                          const GenerationOptions& options,
                          const std::function<bool(int32_t token)>& on_token) {
  if (options.max_tokens < 0) {
    throw UsageError(ErrorInfo{.what = "number of tokens to generate out of range",
                               .expected = "at least 0",
                               .found = std::to_string(options.max_tokens)});
  }
  if (prompt.empty() && session.tokens().empty()) throw Error("there is no text to continue");
  std::vector<int32_t> ends;
  if (session.model().tokenizer) ends = session.model().tokenizer->special().end_of_generation;

  GenerationResult result;
  const Clock::time_point start = Clock::now();
  if (!prompt.empty()) session.Feed(prompt);
  result.prompt_seconds = SecondsSince(start);

  // What a repetition is measured against: also the token that is chosen but not fed yet.
  std::vector<int32_t> recent = session.tokens();
  const Clock::time_point prompt_end = Clock::now();
  while (result.num_tokens < options.max_tokens) {
    const int32_t token = options.ignore_end && !ends.empty()
                              ? sampler.Sample(Without(session.candidates(), ends), recent)
                              : sampler.Sample(session.candidates(), recent);
    if (std::binary_search(ends.begin(), ends.end(), token)) {
      result.stop_reason = StopReason::kEnd;
      break;
    }
    recent.push_back(token);
    ++result.num_tokens;
    if (!on_token(token)) {
      result.stop_reason = StopReason::kInterrupted;
      break;
    }
    if (result.num_tokens == options.max_tokens) break;
    if (static_cast<int64_t>(session.tokens().size()) == session.context_length()) {
      result.stop_reason = StopReason::kContextFull;
      break;
    }
    session.Feed({&token, 1});
  }
  result.generation_seconds = SecondsSince(prompt_end);
  return result;
}

}  // namespace trit
