// The interface for programs that embed Trit: load a model, hold a text with it.
//
//   trit::LanguageModel model = trit::LanguageModel::Load("model.gguf");
//   trit::TextSession session(model);
//   session.Continue("Once upon a time", {.max_tokens = 64}, [](std::string_view text) {
//     std::cout << text << std::flush;
//     return true;
//   });
//
// Whatever goes wrong is a trit::Error (engine/error.h).
#ifndef TRIT_ENGINE_LANGUAGE_MODEL_H_
#define TRIT_ENGINE_LANGUAGE_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generation_options.h"

namespace trit {

// Threads that all models of the process compute with, at least 1; at first as many as there are
// cores to use. Not while something computes.
void SetComputeThreads(int num_threads);

struct LanguageModelOptions {
  // Called now and then while weights are read; may be empty.
  std::function<void(int64_t bytes_done, int64_t bytes_total)> progress;
};

// A model in memory. Copies share it; it never changes, so threads may share it too.
class LanguageModel {
 public:
  static LanguageModel Load(const std::string& path, const LanguageModelOptions& options = {});

  const std::string& name() const;
  int64_t num_parameters() const;
  int64_t vocab_size() const;
  int64_t context_length() const;  // positions it was trained for
  // "BitNet b1.58 2B4T: 2.41 B parameters, 30 layers of 2560, 128256 tokens, context 4096"
  std::string Describe() const;

  // Text to token ids; special tokens written out in it ("<|im_end|>") become theirs if
  // parse_special. These throw Error if the file has no tokenizer.
  std::vector<int32_t> Encode(std::string_view text, bool parse_special = false) const;
  // The bytes the tokens stand for.
  std::string Decode(std::span<const int32_t> tokens, bool show_special = false) const;

 private:
  friend class TextSession;
  struct State;
  explicit LanguageModel(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

struct TextSessionOptions {
  int64_t context_length = 0;  // tokens; 0: the model's
  SamplingOptions sampling;
};

struct Continuation {
  std::string text;
  int64_t prompt_tokens = 0;  // read in this call
  int64_t generated_tokens = 0;
  StopReason stop_reason = StopReason::kMaxTokens;
  double prompt_seconds = 0;
  double generation_seconds = 0;
};

// A text that grows by what is given and by what the model adds. For one thread at a time.
class TextSession {
 public:
  explicit TextSession(const LanguageModel& model, const TextSessionOptions& options = {});
  TextSession(TextSession&&) noexcept;
  TextSession& operator=(TextSession&&) noexcept;
  ~TextSession();

  // Receives the continuation piece by piece, in whole UTF-8 characters; returns whether to go on.
  using TextReceiver = std::function<bool(std::string_view text)>;

  // Appends `prompt`, special tokens written out in it included, and continues the text. Throws
  // Error if the text does not fit into the context or is empty; it is then what it was before, as
  // it is when the receiver throws.
  Continuation Continue(std::string_view prompt, const GenerationOptions& options = {},
                        const TextReceiver& receiver = {});

  int64_t num_tokens() const;  // of the text so far
  void Reset();                // to an empty text and the seed
 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_LANGUAGE_MODEL_H_
