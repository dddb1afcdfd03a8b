// However tokens are put into batches, the bits are the same: prompts in pieces, sequences side by
// side, any number of threads, reused cache pages, forks.
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

#include "engine/error.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/transformer.h"
#include "support/tiny_model.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kMaxPositions = 512;

Model MakeModel() {
  TrainableModel trainable(TinyConfig(), {}, Precision::kF32, kMaxPositions);
  InitializeForTest(trainable, 7);
  return trainable.MakeInferenceModel();
}

// Logits of every row of one pass, (rows, vocab_size).
std::vector<float> Run(const Model& model, InferenceExecutor& executor, const Batch& batch) {
  std::vector<int32_t> rows;
  for (int64_t r = 0; r < batch.num_rows(); ++r) rows.push_back(static_cast<int32_t>(r));
  std::vector<float> logits(rows.size() * static_cast<size_t>(model.config.vocab_size));
  const Value hidden = ForwardTransformer(model.config, model.table, batch, executor);
  executor.Head(hidden, rows, FullLogits{logits.data()});
  return logits;
}

std::span<const int32_t> Part(const std::vector<int32_t>& tokens, int64_t begin, int64_t end) {
  return {tokens.data() + begin, static_cast<size_t>(end - begin)};
}

// A fresh cache and executor; the sequence in one piece.
std::vector<float> Alone(const Model& model, const std::vector<int32_t>& tokens) {
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  Batch batch;
  batch.AddSegment(cache.Create(), 0, tokens);
  return Run(model, executor, batch);
}

void CheckSame(const std::vector<float>& a, const std::vector<float>& b) {
  BOOST_REQUIRE_EQUAL(a.size(), b.size());
  BOOST_TEST(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

BOOST_AUTO_TEST_CASE(a_prompt_in_seven_pieces) {
  const Model model = MakeModel();
  const std::vector<int32_t> tokens = RandomTokens(200, 256, 1);
  const std::vector<float> whole = Alone(model, tokens);
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  const SequenceId sequence = cache.Create();
  std::vector<float> pieces;
  const int64_t cuts[] = {0, 1, 2, 63, 64, 65, 130, 200};
  for (size_t i = 0; i + 1 < std::size(cuts); ++i) {
    Batch batch;
    batch.AddSegment(sequence, cuts[i], Part(tokens, cuts[i], cuts[i + 1]));
    const std::vector<float> logits = Run(model, executor, batch);
    pieces.insert(pieces.end(), logits.begin(), logits.end());
  }
  CheckSame(whole, pieces);
}

BOOST_AUTO_TEST_CASE(two_sequences_of_different_length_in_one_batch) {
  const Model model = MakeModel();
  const std::vector<int32_t> a = RandomTokens(90, 256, 2);
  const std::vector<int32_t> b = RandomTokens(17, 256, 3);
  std::vector<float> expected = Alone(model, a);
  const std::vector<float> second = Alone(model, b);
  expected.insert(expected.end(), second.begin(), second.end());
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  Batch batch;
  batch.AddSegment(cache.Create(), 0, a);
  batch.AddSegment(cache.Create(), 0, b);
  CheckSame(expected, Run(model, executor, batch));
}

BOOST_AUTO_TEST_CASE(one_or_two_or_three_threads) {
  const Model model = MakeModel();
  const std::vector<int32_t> tokens = RandomTokens(150, 256, 4);
  const int before = NumThreads();
  SetNumThreads(1);
  const std::vector<float> one = Alone(model, tokens);
  for (const int threads : {2, 3}) {
    SetNumThreads(threads);
    CheckSame(one, Alone(model, tokens));
  }
  SetNumThreads(before);
}

BOOST_AUTO_TEST_CASE(pages_used_again_after_a_release) {
  const Model model = MakeModel();
  const std::vector<int32_t> tokens = RandomTokens(100, 256, 5);
  const std::vector<float> expected = Alone(model, tokens);
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  const SequenceId first = cache.Create();
  Batch batch;
  batch.AddSegment(first, 0, RandomTokens(180, 256, 6));
  Run(model, executor, batch);
  cache.Release(first);
  BOOST_TEST(cache.PagesInUse() == 0);
  batch.Clear();
  batch.AddSegment(cache.Create(), 0, tokens);
  CheckSame(expected, Run(model, executor, batch));
}

BOOST_AUTO_TEST_CASE(truncated_and_continued) {
  const Model model = MakeModel();
  const std::vector<int32_t> tokens = RandomTokens(120, 256, 7);
  const std::vector<float> expected = Alone(model, tokens);
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  const SequenceId sequence = cache.Create();
  Batch batch;
  batch.AddSegment(sequence, 0, Part(tokens, 0, 70));
  std::vector<float> logits = Run(model, executor, batch);
  batch.Clear();
  batch.AddSegment(sequence, 70, RandomTokens(80, 256, 8));  // a wrong way, taken back
  Run(model, executor, batch);
  cache.Truncate(sequence, 70);
  batch.Clear();
  batch.AddSegment(sequence, 70, Part(tokens, 70, 120));
  const std::vector<float> rest = Run(model, executor, batch);
  logits.insert(logits.end(), rest.begin(), rest.end());
  CheckSame(expected, logits);
}

BOOST_AUTO_TEST_CASE(a_fork_leaves_its_origin_alone) {
  const Model model = MakeModel();
  const std::vector<int32_t> prompt = RandomTokens(100, 256, 9);  // ends inside a page
  std::vector<int32_t> a = prompt;
  std::vector<int32_t> b = prompt;
  for (const int32_t t : RandomTokens(40, 256, 10)) a.push_back(t);
  for (const int32_t t : RandomTokens(40, 256, 11)) b.push_back(t);
  KvCache cache(model.config, KvCache::PagesFor(kMaxPositions));
  InferenceExecutor executor(model, cache, kMaxPositions);
  const SequenceId origin = cache.Create();
  Batch batch;
  batch.AddSegment(origin, 0, prompt);
  const std::vector<float> prompt_logits = Run(model, executor, batch);
  const SequenceId fork = cache.Fork(origin);
  batch.Clear();
  batch.AddSegment(origin, 100, Part(a, 100, 140));
  batch.AddSegment(fork, 100, Part(b, 100, 140));
  const std::vector<float> both = Run(model, executor, batch);
  const size_t vocab = 256;
  for (const auto& [tokens, offset] : {std::pair(&a, size_t{0}), std::pair(&b, 40 * vocab)}) {
    std::vector<float> logits = prompt_logits;
    logits.insert(logits.end(), both.begin() + static_cast<int64_t>(offset),
                  both.begin() + static_cast<int64_t>(offset + 40 * vocab));
    CheckSame(Alone(model, *tokens), logits);
  }
}

BOOST_AUTO_TEST_CASE(a_full_cache_is_refused_and_stays_good) {
  const Model model = MakeModel();
  KvCache cache(model.config, 2);
  const SequenceId sequence = cache.Create();
  cache.Append(sequence, 100);
  BOOST_CHECK_THROW(cache.Append(sequence, 29), Error);
  BOOST_TEST(cache.Length(sequence) == 100);
  cache.Append(sequence, 28);
  BOOST_TEST(cache.PagesInUse() == 2);
}

}  // namespace
}  // namespace trit
