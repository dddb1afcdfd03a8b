// What is asked of the head. The transformer ends at the normed hidden state; the head is not a
// layer, so that chunked cross-entropy, a cheaper exact head and logit biases need no path of
// their own.
#ifndef TRIT_ENGINE_HEAD_REQUEST_H_
#define TRIT_ENGINE_HEAD_REQUEST_H_

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace trit {

// Every logit of every asked row.
struct FullLogits {
  float* out;  // (rows asked, vocab_size)
};

struct LogitBias {
  int32_t token;
  float bias;  // added to the logit
};

// Some tokens of one row, ids in ascending order. A sampler takes these: `complete` says that they
// are the whole vocabulary, else they are the `k` largest.
struct Candidates {
  std::vector<int32_t> ids;
  std::vector<float> logits;
  bool complete = false;
};

// The k tokens with the largest biased logits (all if k <= 0 or k >= vocab_size); ties go to the
// smaller id.
struct TopCandidates {
  int64_t k = 0;
  std::span<const LogitBias> biases;
  std::span<Candidates> out;  // one a row asked
};

// Cross-entropy in nats. Rows of weight 0 are masked out.
struct TokenLoss {
  std::span<const int32_t> targets;  // one a row asked
  std::span<const float> weights;    // likewise: factor of the row's gradient (1 / rows that count)
  std::span<float> losses;           // likewise, out: unweighted loss of each row, 0 where masked
};

using HeadRequest = std::variant<FullLogits, TopCandidates, TokenLoss>;

}  // namespace trit

#endif  // TRIT_ENGINE_HEAD_REQUEST_H_
