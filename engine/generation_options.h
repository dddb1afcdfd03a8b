// How text is generated: what the sampler does, and when generation ends.
#ifndef TRIT_ENGINE_GENERATION_OPTIONS_H_
#define TRIT_ENGINE_GENERATION_OPTIONS_H_

#include <cstdint>

namespace trit {

// The steps and their order are llama.cpp's: repetition penalty, top-k, top-p, min-p, temperature,
// draw.
struct SamplingOptions {
  double temperature = 0.8;  // 0: greedy, the token with the largest logit
  int64_t top_k = 40;        // keep the k most likely; 0: all
  double top_p = 0.95;       // keep the most likely that together reach this probability; 1: all
  double min_p = 0.05;       // keep those at least this times as likely as the likeliest; 0: all
  // Logits of tokens among the last repetition_window are divided by the penalty, or multiplied if
  // negative. 1: none. Window -1: all tokens given, 0: none.
  double repetition_penalty = 1.0;
  int64_t repetition_window = 64;
  uint64_t seed = 0;  // the same seed, options and logits give the same tokens
};

struct GenerationOptions {
  int64_t max_tokens = 128;  // at least 0
  // Tokens that end the generation are never chosen.
  bool ignore_end = false;
};

enum class StopReason : uint8_t {
  kMaxTokens,
  kEnd,  // the model ended its text
  kContextFull,
  kInterrupted,  // the receiver of the text asked for it
};

}  // namespace trit

#endif  // TRIT_ENGINE_GENERATION_OPTIONS_H_
