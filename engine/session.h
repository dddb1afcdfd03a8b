// One sequence being read and continued: feed tokens, get candidates for the next one.
#ifndef TRIT_ENGINE_SESSION_H_
#define TRIT_ENGINE_SESSION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/head_request.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/model.h"

namespace trit {

struct SessionOptions {
  int64_t context_length = 0;  // positions; 0: the model's max_position_embeddings
  int64_t prompt_chunk = 512;  // rows of a prompt run at once
  int prompt_threads = 0;      // 0: as SetNumThreads said
  int generation_threads = 0;  // for single tokens; 0 likewise
};

class Session {
 public:
  // `model` outlives the session.
  Session(const Model& model, const SessionOptions& options);

  const Model& model() const { return model_; }
  int64_t context_length() const { return context_length_; }
  // Tokens fed so far; their keys and values are in the cache.
  const std::vector<int32_t>& tokens() const { return tokens_; }

  // Runs the tokens and sets candidates() for the one after them. Throws Error if they do not fit
  // into the context or the vocabulary; then nothing has changed.
  void Feed(std::span<const int32_t> tokens);
  // All logits for the next token. Only after Feed, and not after Truncate.
  const Candidates& candidates() const;

  // Forgets tokens from `length` on.
  void Truncate(int64_t length);

 private:
  const Model& model_;
  SessionOptions options_;
  int64_t context_length_;
  KvCache cache_;
  InferenceExecutor executor_;
  SequenceId sequence_;
  std::vector<int32_t> tokens_;
  Candidates candidates_;
  bool have_candidates_ = false;
};

}  // namespace trit

#endif  // TRIT_ENGINE_SESSION_H_
