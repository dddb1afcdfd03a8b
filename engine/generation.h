// Continues a session's text, token by token.
#ifndef TRIT_ENGINE_GENERATION_H_
#define TRIT_ENGINE_GENERATION_H_

#include <cstdint>
#include <functional>
#include <span>

#include "engine/generation_options.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace trit {

struct GenerationResult {
  StopReason stop_reason = StopReason::kMaxTokens;
  int64_t num_tokens = 0;  // handed out
  double prompt_seconds = 0;
  // From the first token on. That one comes out of the prompt's pass, so this is the time of the
  // num_tokens - 1 after it.
  double generation_seconds = 0;
};

// Feeds `prompt`, which may be empty if the session has just been fed, then calls `on_token` with
// each token chosen until it returns false or another reason to stop comes up. A token that ends
// the text is not handed out. Afterwards all tokens handed out have been fed but, unless the text
// ended, the last. Throws Error if there is no text to continue or it does not fit into the
// context.
GenerationResult Generate(Session& session, std::span<const int32_t> prompt, Sampler& sampler,
                          const GenerationOptions& options,
                          const std::function<bool(int32_t token)>& on_token);

}  // namespace trit

#endif  // TRIT_ENGINE_GENERATION_H_
