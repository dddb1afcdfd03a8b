// trit evaluate: how often a model answers right.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/chat/chat_template.h"
#include "engine/error.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"
#include "training/evaluation/exact_match.h"
#include "training/evaluation/multiple_choice.h"

namespace trit {
namespace {

// One file's result: printed, or as an object.
struct Result {
  std::string kind, file;
  int64_t right = 0, num_items = 0;
  std::optional<int64_t> right_per_byte, unanswered;

  double Share(int64_t count) const {
    return static_cast<double>(count) / static_cast<double>(num_items);
  }
  std::string Line() const {
    std::string line = fmt::format("{:<16} {}: {:.2f} % ({}/{})", kind, file, 100 * Share(right),
                                   right, num_items);
    if (right_per_byte) {
      line += fmt::format(", by byte {:.2f} % ({})", 100 * Share(*right_per_byte), *right_per_byte);
    }
    if (unanswered.value_or(0) > 0) line += fmt::format(", {} too long to ask", *unanswered);
    return line + "\n";
  }
  nlohmann::ordered_json Json() const {
    nlohmann::ordered_json json = {{"kind", kind},
                                   {"file", file},
                                   {"items", num_items},
                                   {"right", right},
                                   {"accuracy", Share(right)}};
    if (right_per_byte) json["accuracy_per_byte"] = Share(*right_per_byte);
    if (unanswered) json["unanswered"] = *unanswered;
    return json;
  }
};

std::string Progress(int64_t right, int64_t done, size_t all) {
  return fmt::format("{} of {} questions, {} right", done, all, right);
}

Result AskMultipleChoice(const Model& model, const std::string& path, int64_t max_items) {
  const std::vector<MultipleChoiceItem> items = ReadMultipleChoice(path, max_items);
  StatusLine status;
  const MultipleChoiceScore score =
      ScoreMultipleChoice(model, items, [&](const MultipleChoiceScore& so_far) {
        status.Update(Progress(so_far.right, so_far.num_items, items.size()));
      });
  return {.kind = "multiple choice",
          .file = path,
          .right = score.right,
          .num_items = score.num_items,
          .right_per_byte = score.right_per_byte,
          .unanswered = {}};
}

Result AskExactMatch(const Model& model, const ChatTemplate& chat_template, const std::string& path,
                     int64_t max_items) {
  const std::vector<ExactMatchItem> items = ReadExactMatch(path, max_items);
  StatusLine status;
  const ExactMatchScore score =
      ScoreExactMatch(model, chat_template, items, [&](const ExactMatchScore& so_far) {
        status.Update(Progress(so_far.right, so_far.num_items, items.size()));
      });
  return {.kind = "exact match",
          .file = path,
          .right = score.right,
          .num_items = score.num_items,
          .right_per_byte = {},
          .unanswered = score.unanswered};
}

ChatTemplate TemplateFor(const Model& model, const std::string& path,
                         const std::optional<std::string>& name) {
  if (name) return ChatTemplate::Named(*name);
  if (!model.chat_template.empty()) return ChatTemplate::FromJinja(model.chat_template, path);
  throw UsageError(ErrorInfo{.what = "the model does not say how it writes conversations",
                             .file = path,
                             .hint = "name the format with --chat-template"});
}

}  // namespace

void RunEvaluate(const Command& command, std::span<const std::string> arguments) {
  ModelSource model_source;
  std::vector<std::string> multiple_choice;
  std::vector<std::string> exact_match;
  std::optional<std::string> chat_template;
  int64_t max_items = 0;
  bool json = false;
  Options options(command, "trit evaluate -m model.gguf --multiple-choice questions.jsonl");
  options.Group("Input");
  model_source.Declare(options);
  options.TextList("multiple-choice", "FILE", multiple_choice,
                   "lines of {\"context\", \"choices\", \"answer\"}: the likeliest choice counts; "
                   "may be repeated");
  options.TextList("exact-match", "FILE", exact_match,
                   "lines of conversations: the last message is what the model has to say; may be "
                   "repeated");
  options.Text("chat-template", "NAME", chat_template,
               "format of conversations (default: the model's)");
  options.Integer("max-items", "N", max_items, 0, INT32_MAX,
                  "questions of each file, the first ones; 0: all");
  options.Group("Output");
  options.Flag("json", json, "print an object a file");
  if (!options.Parse(arguments)) return;
  if (multiple_choice.empty() && exact_match.empty()) {
    throw UsageError(ErrorInfo{.what = "nothing to ask",
                               .hint = "name a file with --multiple-choice or --exact-match"});
  }
  const std::unique_ptr<Model> model = LoadModelFor(model_source);
  if (model->tokenizer == nullptr) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer", .file = model_source.path});
  }
  const auto show = [&](const Result& result) {
    if (json) {
      PrintJson(result.Json());
    } else {
      Print(result.Line());
    }
  };
  for (const std::string& path : multiple_choice) {
    show(AskMultipleChoice(*model, path, max_items));
  }
  if (exact_match.empty()) return;
  const ChatTemplate format = TemplateFor(*model, model_source.path, chat_template);
  for (const std::string& path : exact_match) {
    show(AskExactMatch(*model, format, path, max_items));
  }
}

}  // namespace trit
