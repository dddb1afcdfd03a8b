// trit generate: completes a prompt.
#include <fmt/format.h>

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/generation.h"
#include "engine/tokenizers/utf8_stream.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/sampling_flags.h"

namespace trit {
namespace {

constexpr int64_t kDefaultTokens = 128;
constexpr uint64_t kMaxPromptBytes = uint64_t{1} << 30;
constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

struct GenerateOptions {
  ModelSource model;
  std::optional<std::string> prompt;
  std::optional<std::string> file;
  std::optional<std::vector<int32_t>> tokens;
  std::optional<int64_t> num_tokens;
  std::optional<int64_t> context;
  bool ignore_end = false;
  SamplingOptions sampling;
  int64_t prompt_threads = 0;
  bool no_echo = false;
  bool print_tokens = false;
  bool json = false;
  bool stats = false;
};

bool ParseOptions(const Command& command, std::span<const std::string> arguments,
                  GenerateOptions& generate) {
  Options options(command, "trit generate -m model.gguf -p \"Once upon a time\" -n 64 --temp 0");
  options.Group("Prompt");
  generate.model.Declare(options);
  options.Text(
      "p,prompt", "TEXT", generate.prompt,
      "text to continue, else read from standard input; special tokens (<|im_end|>) may be "
      "written out");
  options.Text("f,file", "FILE", generate.file,
               "file with the text; one line end at its end, as on standard input, is left out");
  options.TokenIds("tokens", generate.tokens, "the prompt as token ids; nothing is added");
  options.Group("Length");
  options.Integer("n,predict", "N", generate.num_tokens, 0, kMaxInt,
                  fmt::format("tokens to generate (default: {})", kDefaultTokens));
  options.Integer("ctx", "N", generate.context, 1, kMaxInt,
                  "tokens of prompt and continuation together (default: the model's context)");
  options.Flag("ignore-eos", generate.ignore_end, "never choose tokens that end the text");
  DeclareSamplingFlags(options, generate.sampling);
  options.Group("Speed");
  options.PromptThreads(generate.prompt_threads);
  options.Group("Output");
  options.Flag("no-echo", generate.no_echo, "print the continuation without the prompt");
  options.Flag("print-tokens", generate.print_tokens, "print token ids instead of text");
  options.Flag("json", generate.json, "print an object, once all is done");
  options.Flag("stats", generate.stats, "print counts and speeds to stderr");
  if (!options.Parse(arguments)) return false;
  if (generate.prompt.has_value() + generate.file.has_value() + generate.tokens.has_value() > 1) {
    throw UsageError("more than one prompt: give one of -p, -f and --tokens");
  }
  return true;
}

struct Prompt {
  std::string text;  // as given, or what the ids stand for
  std::vector<int32_t> tokens;
};

std::string WithoutLineEnd(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Prompt ReadPrompt(const GenerateOptions& generate, const Model& model) {
  Prompt prompt;
  if (generate.tokens) {
    CheckTokenIds(model, *generate.tokens, "--tokens");
    prompt.tokens = *generate.tokens;
    if (model.tokenizer) {
      prompt.text = model.tokenizer->DecodeText(prompt.tokens, /*show_special=*/false);
    }
    return prompt;
  }
  if (!model.tokenizer) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer",
                          .file = generate.model.path,
                          .hint = "add one with trit convert --tokenizer, or give the "
                                  "prompt as --tokens"});
  }
  if (generate.prompt) {
    prompt.text = *generate.prompt;
  } else {
    prompt.text = WithoutLineEnd(generate.file ? ReadTextFile(*generate.file, kMaxPromptBytes)
                                               : ReadStandardInput("the prompt"));
  }
  const SpecialTokens& special = model.tokenizer->special();
  if (special.add_bos) prompt.tokens.push_back(special.bos);
  const std::vector<int32_t> encoded = model.tokenizer->Encode(prompt.text, /*parse_special=*/true);
  prompt.tokens.insert(prompt.tokens.end(), encoded.begin(), encoded.end());
  if (prompt.tokens.empty()) throw UsageError("the prompt is empty");
  return prompt;
}

// -n and --ctx against what the model has: the positions that a session needs.
int64_t SessionLength(const GenerateOptions& generate, const Model& model, int64_t prompt_length,
                      int64_t num_tokens) {
  const int64_t model_context = model.config.max_position_embeddings;
  const int64_t context = generate.context.value_or(model_context);
  const auto out_of_range = [](const char* option, int64_t max, int64_t found) {
    throw UsageError(ErrorInfo{.what = "more than the context",
                               .key = option,
                               .expected = fmt::format("at most {}", max),
                               .found = std::to_string(found)});
  };
  if (context > model_context) out_of_range("--ctx", model_context, context);
  if (generate.num_tokens.value_or(0) > context) out_of_range("-n/--predict", context, num_tokens);
  if (prompt_length > context) {
    throw Error(ErrorInfo{.what = "the prompt is longer than the context",
                          .expected = fmt::format("at most {} tokens", context),
                          .found = std::to_string(prompt_length)});
  }
  return std::min(context, prompt_length + num_tokens);
}

const char* StopReasonName(StopReason reason) {
  switch (reason) {
    case StopReason::kMaxTokens:
      return "length";
    case StopReason::kEnd:
      return "end";
    case StopReason::kContextFull:
      return "context full";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  return "";
}

double PerSecond(int64_t count, double seconds) {
  return count > 0 && seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

void PrintStats(int64_t prompt_length, const GenerationResult& result) {
  std::fprintf(stderr, "prompt:      %lld tokens, %.3f s, %.2f tokens/s\n",
               static_cast<long long>(prompt_length), result.prompt_seconds,
               PerSecond(prompt_length, result.prompt_seconds));
  // The first token comes out of the prompt's pass.
  std::fprintf(stderr, "generation:  %lld tokens, %.3f s, %.2f tokens/s; stopped: %s\n",
               static_cast<long long>(result.num_tokens), result.generation_seconds,
               PerSecond(result.num_tokens - 1, result.generation_seconds),
               StopReasonName(result.stop_reason));
}

// Collects the continuation and, unless all is to be one object at the end, prints it as it comes.
class ContinuationPrinter {
 public:
  // tokenizer: null if the model has none.
  ContinuationPrinter(const GenerateOptions& generate, const Tokenizer* tokenizer)
      : tokenizer_(tokenizer),
        prints_ids_(generate.print_tokens && !generate.json),
        prints_text_(!generate.print_tokens && !generate.json) {}

  // The continuation follows the prompt, whether it is printed or not.
  void Begin(const Prompt& prompt, bool echo) {
    previous_ = prompt.tokens.back();
    if (!echo) return;
    if (prints_text_) PrintNow(prompt.text);
    if (!prints_ids_) return;
    for (const int32_t token : prompt.tokens) PrintId(token);
  }

  void Add(int32_t token) {
    tokens_.push_back(token);
    if (tokenizer_ != nullptr) {
      AddText(stream_.Push(tokenizer_->DecodeNext(previous_, token, /*show_special=*/false)));
    }
    previous_ = token;
    if (prints_ids_) PrintId(token);
  }

  // After the last token.
  void Finish() {
    AddText(stream_.Flush());
    if (prints_text_ || prints_ids_) PrintNow("\n");
  }

  const std::string& text() const { return text_; }
  const std::vector<int32_t>& tokens() const { return tokens_; }

 private:
  static void PrintNow(const std::string& text) {
    Print(text);
    FlushOutput();
  }

  void PrintId(int32_t token) {
    PrintNow(fmt::format("{}{}", any_id_printed_ ? " " : "", token));
    any_id_printed_ = true;
  }

  void AddText(const std::string& piece) {
    text_ += piece;
    if (prints_text_ && !piece.empty()) PrintNow(piece);
  }

  const Tokenizer* tokenizer_;
  bool prints_ids_;
  bool prints_text_;
  bool any_id_printed_ = false;
  int32_t previous_ = -1;
  Utf8Stream stream_;
  std::string text_;
  std::vector<int32_t> tokens_;
};

nlohmann::ordered_json ToJson(const GenerateOptions& generate, const Prompt& prompt,
                              const ContinuationPrinter& continuation,
                              const GenerationResult& result) {
  const int64_t prompt_length = static_cast<int64_t>(prompt.tokens.size());
  return {{"model", generate.model.path},
          {"prompt", prompt.text},
          {"text", continuation.text()},
          {"prompt_token_ids", prompt.tokens},
          {"token_ids", continuation.tokens()},
          {"stop_reason", StopReasonName(result.stop_reason)},
          {"seed", generate.sampling.seed},
          {"prompt_tokens", prompt_length},
          {"prompt_seconds", result.prompt_seconds},
          {"prompt_tokens_per_second", PerSecond(prompt_length, result.prompt_seconds)},
          {"generated_tokens", result.num_tokens},
          {"generation_seconds", result.generation_seconds},
          {"generation_tokens_per_second",
           PerSecond(result.num_tokens - 1, result.generation_seconds)}};
}

}  // namespace

void RunGenerate(const Command& command, std::span<const std::string> arguments) {
  GenerateOptions generate;
  if (!ParseOptions(command, arguments, generate)) return;
  const std::unique_ptr<Model> model = LoadModelFor(generate.model);
  if (!model->tokenizer && !generate.print_tokens && !generate.json) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer",
                          .file = generate.model.path,
                          .hint = "add one with trit convert --tokenizer, or print ids "
                                  "with --print-tokens"});
  }
  const Prompt prompt = ReadPrompt(generate, *model);
  const int64_t prompt_length = static_cast<int64_t>(prompt.tokens.size());
  const int64_t num_tokens = generate.num_tokens.value_or(kDefaultTokens);
  Sampler sampler(generate.sampling);
  Session session(*model,
                  {.context_length = SessionLength(generate, *model, prompt_length, num_tokens),
                   .prompt_threads = static_cast<int>(generate.prompt_threads)});

  ContinuationPrinter continuation(generate, model->tokenizer.get());
  continuation.Begin(prompt, !generate.no_echo);
  const GenerationResult result =
      Generate(session, prompt.tokens, sampler,
               {.max_tokens = num_tokens, .ignore_end = generate.ignore_end}, [&](int32_t token) {
                 continuation.Add(token);
                 return true;
               });
  continuation.Finish();
  if (generate.json) {
    PrintJson(ToJson(generate, prompt, continuation, result));
    FlushOutput();
  }
  if (result.stop_reason == StopReason::kContextFull) {
    std::fprintf(stderr, "trit generate: stopped after %lld tokens: the context is full\n",
                 static_cast<long long>(result.num_tokens));
  }
  if (generate.stats) PrintStats(prompt_length, result);
}

}  // namespace trit
