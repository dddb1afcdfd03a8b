#include "engine/speed_test.h"

#include <chrono>
#include <cstddef>

#include "engine/session.h"

namespace trit {
namespace {

// Spread over the vocabulary.
std::vector<int32_t> SomeTokens(int64_t count, int64_t vocab_size) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    tokens[static_cast<size_t>(i)] = static_cast<int32_t>((i * 7919 + 1) % vocab_size);
  }
  return tokens;
}

double RunOnce(Session& session, const SpeedTest& test) {
  const std::vector<int32_t> tokens =
      SomeTokens(test.num_tokens, session.model().config.vocab_size);
  session.Truncate(0);
  const auto start = std::chrono::steady_clock::now();
  if (test.generation) {
    for (const int32_t token : tokens) session.Feed({&token, 1});
  } else {
    session.Feed(tokens);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<double> MeasureSpeed(const Model& model, const SpeedTest& test, int64_t repetitions,
                                 const std::function<void(int64_t repetition)>& progress) {
  Session session(model, {.context_length = test.num_tokens});
  // Fills caches and the pages of the session.
  RunOnce(session,
          {.generation = test.generation, .num_tokens = test.generation ? 1 : test.num_tokens});
  std::vector<double> seconds;
  for (int64_t i = 1; i <= repetitions; ++i) {
    if (progress) progress(i);
    seconds.push_back(RunOnce(session, test));
  }
  return seconds;
}

}  // namespace trit
