#include "engine/score.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "engine/batch.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/transformer.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr int64_t kChunk = 512;  // rows at once

std::vector<int32_t> Iota(int64_t n) {
  std::vector<int32_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

void ComputeLogits(
    const Model& model, std::span<const int32_t> tokens,
    const std::function<void(int64_t position, std::span<const float> logits)>& row) {
  const int64_t length = static_cast<int64_t>(tokens.size());
  KvCache cache(model.config, KvCache::PagesFor(length));
  InferenceExecutor executor(model, cache, length);
  const SequenceId sequence = cache.Create();
  const size_t vocab_size = static_cast<size_t>(model.config.vocab_size);
  Batch batch;
  std::vector<float> logits;
  for (int64_t begin = 0; begin < length; begin += kChunk) {
    const int64_t count = std::min(kChunk, length - begin);
    batch.Clear();
    batch.AddSegment(sequence, begin,
                     tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)));
    const Value hidden = ForwardTransformer(model.config, model.table, batch, executor);
    logits.resize(static_cast<size_t>(count) * vocab_size);
    executor.Head(hidden, Iota(count), FullLogits{logits.data()});
    for (int64_t r = 0; r < count; ++r) {
      row(begin + r, {logits.data() + static_cast<size_t>(r) * vocab_size, vocab_size});
    }
  }
}

TextScore ScoreTokens(const Model& model, std::span<const int32_t> tokens, int64_t context_length,
                      const std::function<void(const TextScore&)>& progress) {
  TRIT_CHECK(context_length >= 2);
  KvCache cache(model.config, KvCache::PagesFor(context_length));
  InferenceExecutor executor(model, cache, context_length);
  TextScore score;
  Batch batch;
  for (size_t window = 0; window + 1 < tokens.size();
       window += static_cast<size_t>(context_length)) {
    // What is read, and the token after it.
    const auto text = tokens.subspan(
        window, std::min(tokens.size() - window, static_cast<size_t>(context_length) + 1));
    const int64_t length = static_cast<int64_t>(text.size());
    const SequenceId sequence = cache.Create();
    for (int64_t begin = 0; begin < length - 1; begin += kChunk) {
      const int64_t count = std::min(kChunk, length - 1 - begin);
      const size_t n = static_cast<size_t>(count);
      batch.Clear();
      batch.AddSegment(sequence, begin, text.subspan(static_cast<size_t>(begin), n));
      const Value hidden = ForwardTransformer(model.config, model.table, batch, executor);
      const std::vector<float> weights(n, 1.0f);
      std::vector<float> losses(n);
      executor.Head(hidden, Iota(count),
                    TokenLoss{.targets = text.subspan(static_cast<size_t>(begin) + 1, n),
                              .weights = weights,
                              .losses = losses});
      for (const float loss : losses) score.negative_log_likelihood += loss;
      score.num_tokens += count;
    }
    cache.Release(sequence);
    if (progress) progress(score);
  }
  return score;
}

}  // namespace trit
