#include "engine/session.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/transformer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

// Uses another number of threads for a scope.
class ThreadScope {
 public:
  explicit ThreadScope(int num_threads) : before_(NumThreads()) {
    if (num_threads > 0) SetNumThreads(num_threads);
  }
  ~ThreadScope() { SetNumThreads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

int64_t ContextLength(const Model& model, const SessionOptions& options) {
  if (options.context_length < 0) {
    throw UsageError(ErrorInfo{.what = "context length out of range",
                               .expected = "at least 1",
                               .found = std::to_string(options.context_length)});
  }
  return options.context_length > 0 ? options.context_length : model.config.max_position_embeddings;
}

}  // namespace

Session::Session(const Model& model, const SessionOptions& options)
    : model_(model),
      options_(options),
      context_length_(ContextLength(model, options)),
      cache_(model.config, KvCache::PagesFor(context_length_)),
      executor_(model, cache_, context_length_),
      sequence_(cache_.Create()) {}

void Session::Feed(std::span<const int32_t> tokens) {
  TRIT_CHECK(!tokens.empty());
  const int64_t total = static_cast<int64_t>(tokens_.size() + tokens.size());
  if (total > context_length_) {
    throw Error(ErrorInfo{.what = "the text does not fit into the context",
                          .expected = "at most " + std::to_string(context_length_) + " tokens",
                          .found = std::to_string(total)});
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= model_.config.vocab_size) {
      throw Error(ErrorInfo{.what = "token id outside the vocabulary",
                            .expected = "0 to " + std::to_string(model_.config.vocab_size - 1),
                            .found = std::to_string(token)});
    }
  }
  const ThreadScope threads(tokens.size() > 1 ? options_.prompt_threads
                                              : options_.generation_threads);
  Batch batch;
  while (!tokens.empty()) {
    const size_t count =
        std::min(tokens.size(), static_cast<size_t>(std::max<int64_t>(1, options_.prompt_chunk)));
    batch.Clear();
    batch.AddSegment(sequence_, static_cast<int64_t>(tokens_.size()), tokens.first(count));
    const Value hidden = ForwardTransformer(model_.config, model_.table, batch, executor_);
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.begin() + static_cast<int64_t>(count));
    tokens = tokens.subspan(count);
    if (tokens.empty()) {
      const int32_t last_row = static_cast<int32_t>(count) - 1;
      executor_.Head(hidden, {&last_row, 1},
                     TopCandidates{.k = 0, .biases = {}, .out = {&candidates_, 1}});
    }
  }
  have_candidates_ = true;
}

const Candidates& Session::candidates() const {
  TRIT_CHECK(have_candidates_);
  return candidates_;
}

void Session::Truncate(int64_t length) {
  cache_.Truncate(sequence_, length);
  tokens_.resize(static_cast<size_t>(length));
  have_candidates_ = false;
}

}  // namespace trit
