#include "engine/language_model.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "engine/error.h"
#include "engine/formats/model_file.h"
#include "engine/formats/model_summary.h"
#include "engine/generation.h"
#include "engine/tokenizers/utf8_stream.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {

struct LanguageModel::State {
  std::unique_ptr<const Model> model;

  const Tokenizer& tokenizer() const {
    if (!model->tokenizer) {
      throw Error(ErrorInfo{.what = "the model has no tokenizer", .file = model->name});
    }
    return *model->tokenizer;
  }
};

struct TextSession::State {
  State(std::shared_ptr<const LanguageModel::State> model_state,
        const TextSessionOptions& session_options)
      : model(std::move(model_state)),
        options(session_options),
        session(*model->model, {.context_length = options.context_length}),
        sampler(options.sampling) {}

  std::shared_ptr<const LanguageModel::State> model;
  TextSessionOptions options;
  Session session;
  Sampler sampler;
  std::vector<int32_t> text;  // the session has been fed a beginning of it
};

void SetComputeThreads(int num_threads) {
  if (num_threads < 1) {
    throw UsageError(ErrorInfo{.what = "number of threads out of range",
                               .expected = "at least 1",
                               .found = std::to_string(num_threads)});
  }
  SetNumThreads(num_threads);
}

LanguageModel LanguageModel::Load(const std::string& path, const LanguageModelOptions& options) {
  auto state = std::make_shared<State>();
  state->model = LoadModel(path, {.progress = options.progress});
  return LanguageModel(std::move(state));
}

const std::string& LanguageModel::name() const { return state_->model->name; }

int64_t LanguageModel::num_parameters() const { return state_->model->table.NumParameters(); }

int64_t LanguageModel::vocab_size() const { return state_->model->config.vocab_size; }

int64_t LanguageModel::context_length() const {
  return state_->model->config.max_position_embeddings;
}

std::string LanguageModel::Describe() const { return DescribeModel(*state_->model); }

std::vector<int32_t> LanguageModel::Encode(std::string_view text, bool parse_special) const {
  return state_->tokenizer().Encode(text, parse_special);
}

std::string LanguageModel::Decode(std::span<const int32_t> tokens, bool show_special) const {
  return state_->tokenizer().DecodeText(tokens, show_special);
}

TextSession::TextSession(const LanguageModel& model, const TextSessionOptions& options)
    : state_(std::make_unique<State>(model.state_, options)) {}

TextSession::TextSession(TextSession&&) noexcept = default;
TextSession& TextSession::operator=(TextSession&&) noexcept = default;
TextSession::~TextSession() = default;

Continuation TextSession::Continue(std::string_view prompt, const GenerationOptions& options,
                                   const TextReceiver& receiver) {
  Session& session = state_->session;
  const size_t length = state_->text.size();
  if (session.tokens().size() > length) {  // fed by a call that failed
    session.Truncate(std::max<int64_t>(0, static_cast<int64_t>(length) - 1));
  }
  const Tokenizer& tokenizer = state_->model->tokenizer();
  std::vector<int32_t> text = state_->text;
  if (text.empty() && tokenizer.special().add_bos) text.push_back(tokenizer.special().bos);
  const std::vector<int32_t> encoded = tokenizer.Encode(prompt, /*parse_special=*/true);
  text.insert(text.end(), encoded.begin(), encoded.end());
  const std::vector<int32_t> to_feed(text.begin() + static_cast<ptrdiff_t>(session.tokens().size()),
                                     text.end());

  Continuation result;
  result.prompt_tokens = static_cast<int64_t>(text.size() - length);
  Utf8Stream stream;
  const auto receive = [&](const std::string& piece) {
    result.text += piece;
    return piece.empty() || !receiver || receiver(piece);
  };
  const GenerationResult generated =
      Generate(session, to_feed, state_->sampler, options, [&](int32_t token) {
        const int32_t previous = text.back();
        text.push_back(token);
        return receive(stream.Push(tokenizer.DecodeNext(previous, token, /*show_special=*/false)));
      });
  receive(stream.Flush());

  state_->text = std::move(text);
  result.generated_tokens = generated.num_tokens;
  result.stop_reason = generated.stop_reason;
  result.prompt_seconds = generated.prompt_seconds;
  result.generation_seconds = generated.generation_seconds;
  return result;
}

int64_t TextSession::num_tokens() const { return static_cast<int64_t>(state_->text.size()); }

void TextSession::Reset() {
  state_->session.Truncate(0);
  state_->sampler = Sampler(state_->options.sampling);
  state_->text.clear();
}

}  // namespace trit
