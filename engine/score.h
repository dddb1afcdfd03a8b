// Scoring given tokens: logits of every position, and likelihoods of a text.
#ifndef TRIT_ENGINE_SCORE_H_
#define TRIT_ENGINE_SCORE_H_

#include <cstdint>
#include <functional>
#include <span>

#include "engine/model.h"

namespace trit {

// Calls `row` with each position's logits (vocab_size), in order.
void ComputeLogits(const Model& model, std::span<const int32_t> tokens,
                   const std::function<void(int64_t position, std::span<const float> logits)>& row);

struct TextScore {
  double negative_log_likelihood = 0;  // nats, summed over the scored tokens
  int64_t num_tokens = 0;              // scored: all but the first, which has nothing before it
};

// Scores tokens in windows of `context_length` that follow one another, each read from position 0;
// its last token predicts the first of the next, as rows of training data do.
// `progress` is called after each window with the score so far; may be empty.
TextScore ScoreTokens(const Model& model, std::span<const int32_t> tokens, int64_t context_length,
                      const std::function<void(const TextScore&)>& progress);

}  // namespace trit

#endif  // TRIT_ENGINE_SCORE_H_
