#include "engine/chat/chat_template.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "engine/error.h"

namespace trit {

// A row of the table. A turn is written
//   before_role role after_role content (answer_end | turn_end) after_turn
// and before an answer that is to be said, or learned from, before_role role after_role prompt_end,
// where "<|…|>" is a special token.
struct ChatTemplate::Family {
  std::string_view name;
  bool begins_with_bos;
  bool capitalize_role;
  bool trim_content;
  std::string_view before_role, after_role;
  std::string_view prompt_end = {};
  std::string_view turn_end;    // of a system or user turn
  std::string_view answer_end;  // of an assistant turn; the model is to produce it
  bool history_has_answer_end;  // also where the conversation goes on
  std::string_view after_turn;
  std::vector<std::string_view> special_tokens;
  std::vector<std::string_view> stop_strings;
  // A Jinja template is of this family if it holds every text of one of these sets.
  std::vector<std::vector<std::string_view>> marks;
  std::string_view jinja;
};

std::span<const ChatTemplate::Family> ChatTemplate::Families() {
  static const std::vector<Family> kFamilies = {
      {.name = "chatml",
       .begins_with_bos = false,
       .capitalize_role = false,
       .trim_content = false,
       .before_role = "<|im_start|>",
       .after_role = "\n",
       .turn_end = "<|im_end|>",
       .answer_end = "<|im_end|>",
       .history_has_answer_end = true,
       .after_turn = "\n",
       .special_tokens = {"<|im_start|>", "<|im_end|>"},
       .stop_strings = {"<|im_end|>"},
       .marks = {{"<|im_start|>"}},
       .jinja =
           "{% for message in messages %}"
           "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
           "{% endfor %}"
           "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
      {.name = "llama3",
       .begins_with_bos = true,
       .capitalize_role = false,
       .trim_content = true,
       .before_role = "<|start_header_id|>",
       .after_role = "<|end_header_id|>\n\n",
       .turn_end = "<|eot_id|>",
       .answer_end = "<|eot_id|>",
       .history_has_answer_end = true,
       .after_turn = "",
       .special_tokens = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
       .stop_strings = {"<|eot_id|>", "<|end_of_text|>"},
       .marks = {{"<|start_header_id|>", "<|end_header_id|>"}},
       .jinja = "{{ bos_token }}{% for message in messages %}"
                "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
                " + message['content'] | trim + '<|eot_id|>' }}"
                "{% endfor %}"
                "{% if add_generation_prompt %}"
                "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
      {.name = "bitnet",
       .begins_with_bos = true,
       .capitalize_role = true,
       .trim_content = true,
       .before_role = "",
       .after_role = ": ",
       .turn_end = "<|eot_id|>",
       .answer_end = "<|eot_id|>",
       .history_has_answer_end = true,
       .after_turn = "",
       .special_tokens = {"<|eot_id|>"},
       .stop_strings = {"<|eot_id|>", "<|end_of_text|>"},
       // The second is what the published GGUF of the 2B-4T model carries. It is not the format the
       // model was trained with; the first, of its tokenizer_config.json, is.
       .marks = {{"capitalize", "Assistant: ", "<|eot_id|>"}, {"BITNETAssistant: "}},
       .jinja = "{{ bos_token }}{% for message in messages %}"
                "{{ message['role'] | capitalize + ': ' + message['content'] | trim"
                " + '<|eot_id|>' }}"
                "{% endfor %}"
                "{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"},
      {.name = "falcon3",
       .begins_with_bos = false,
       .capitalize_role = false,
       .trim_content = false,
       .before_role = "<|",
       .after_role = "|>\n",
       .turn_end = "",
       .answer_end = "<|endoftext|>",
       .history_has_answer_end = false,
       .after_turn = "\n",
       .special_tokens = {"<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>"},
       .stop_strings = {"<|endoftext|>"},
       // The second is what earlier models of our own carry.
       .marks = {{"<|assistant|>", "<|user|>", "</s>"},
                 {"'<|' + message['role'] + '|>", "<|endoftext|>"}},
       .jinja = "{% for message in messages %}"
                "{{ '<|' + message['role'] + '|>\\n' + message['content'] }}"
                "{% if message['role'] == 'assistant' and not add_generation_prompt %}"
                "{{ '<|endoftext|>' }}{% endif %}{{ '\\n' }}"
                "{% endfor %}"
                "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
      // Falcon-E as bitnet.cpp writes it. Files that carry ChatML instead are told by their own.
      {.name = "falcon_e",
       .begins_with_bos = false,
       .capitalize_role = false,
       .trim_content = false,
       .before_role = "",
       .after_role = "",
       .prompt_end = "\n",
       .turn_end = "",
       .answer_end = "<|end_of_text|>",
       .history_has_answer_end = false,
       .after_turn = "\n",
       .special_tokens = {"<|end_of_text|>"},
       .stop_strings = {"<|end_of_text|>"},
       .marks = {},
       .jinja = "{% for message in messages %}"
                "{% if message['role'] == 'assistant' and not add_generation_prompt %}"
                "{{ 'assistant\\n' + message['content'] + '<|end_of_text|>' }}"
                "{% else %}{{ message['role'] + message['content'] }}{% endif %}{{ '\\n' }}"
                "{% endfor %}"
                "{% if add_generation_prompt %}{{ 'assistant\\n' }}{% endif %}"},
  };
  return kFamilies;
}

namespace {

constexpr std::string_view kSpecialBegin = "<|";
constexpr std::string_view kSpecialEnd = "|>";
constexpr std::string_view kAssistant = "assistant";
constexpr size_t kMaxJinjaBytes = size_t{1} << 20;

// Appends markup of a format, its "<|…|>" as pieces of their own.
void AppendMarkup(std::string_view markup, bool loss, std::vector<ChatPiece>& pieces) {
  while (!markup.empty()) {
    size_t begin = std::min(markup.find(kSpecialBegin), markup.size());
    const size_t end = markup.find(kSpecialEnd, begin);
    if (end == std::string_view::npos) begin = markup.size();
    if (begin > 0) pieces.push_back({std::string(markup.substr(0, begin)), false, loss});
    markup.remove_prefix(begin);
    if (markup.empty()) break;
    const size_t length = end + kSpecialEnd.size() - begin;
    pieces.push_back({std::string(markup.substr(0, length)), true, loss});
    markup.remove_prefix(length);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string Join(const std::vector<std::string_view>& texts, std::string_view separator) {
  std::string joined;
  for (const std::string_view text : texts) {
    if (!joined.empty()) joined += separator;
    joined += text;
  }
  return joined;
}

}  // namespace

std::string ChatTemplate::RoleMarkup(const Family& family, std::string role, bool before_answer) {
  if (family.capitalize_role) role[0] = static_cast<char>(std::toupper(role[0]));
  std::string markup(family.before_role);
  markup += role;
  markup += family.after_role;
  if (before_answer) markup += family.prompt_end;
  return markup;
}

ChatTemplate ChatTemplate::Named(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Family& family : Families()) {
    if (family.name == name) return ChatTemplate(family);
    names.push_back(family.name);
  }
  throw Error({.what = "unknown chat template",
               .expected = "one of " + Join(names, ", "),
               .found = std::string(name)});
}

ChatTemplate ChatTemplate::FromJinja(std::string_view jinja, const std::string& file) {
  if (jinja.size() > kMaxJinjaBytes) {
    throw Error({.what = "the chat template is too long",
                 .file = file,
                 .key = "chat_template",
                 .expected = "at most " + std::to_string(kMaxJinjaBytes) + " bytes",
                 .found = std::to_string(jinja.size())});
  }
  std::vector<std::string_view> names;
  for (const Family& family : Families()) {
    if (jinja == family.jinja) return ChatTemplate(family);
    for (const auto& marks : family.marks) {
      if (std::all_of(marks.begin(), marks.end(), [&](std::string_view mark) {
            return jinja.find(mark) != std::string_view::npos;
          })) {
        return ChatTemplate(family);
      }
    }
    names.push_back(family.name);
  }
  throw Error({.what = "a chat template of a format Trit does not know",
               .file = file,
               .key = "chat_template",
               .expected = "one of " + Join(names, ", "),
               .hint = "name the format the model was trained with: --chat-template"});
}

std::string_view ChatTemplate::name() const { return family_->name; }
std::string_view ChatTemplate::jinja() const { return family_->jinja; }
bool ChatTemplate::begins_with_bos() const { return family_->begins_with_bos; }

std::vector<std::string> ChatTemplate::special_tokens() const {
  return {family_->special_tokens.begin(), family_->special_tokens.end()};
}

std::vector<std::string> ChatTemplate::stop_strings() const {
  return {family_->stop_strings.begin(), family_->stop_strings.end()};
}

std::vector<ChatPiece> ChatTemplate::RenderPieces(std::span<const ChatMessage> messages,
                                                  bool add_generation_prompt) const {
  const Family& family = *family_;
  std::vector<ChatPiece> pieces;
  for (const ChatMessage& message : messages) {
    const bool is_answer = message.role == kAssistant;
    if (!is_answer && message.role != "system" && message.role != "user") {
      throw Error({.what = "unknown role in a conversation",
                   .key = "role",
                   .expected = "system, user or assistant",
                   .found = '"' + message.role + '"'});
    }
    // A conversation to learn from has answers begin as they do after a prompt.
    AppendMarkup(RoleMarkup(family, message.role, is_answer && !add_generation_prompt), false,
                 pieces);
    const std::string_view content =
        family.trim_content ? Trim(message.content) : std::string_view(message.content);
    if (!content.empty()) pieces.push_back({std::string(content), false, is_answer});
    if (!is_answer) AppendMarkup(family.turn_end, false, pieces);
    if (is_answer && (family.history_has_answer_end || !add_generation_prompt)) {
      AppendMarkup(family.answer_end, true, pieces);
    }
    AppendMarkup(family.after_turn, false, pieces);
  }
  if (add_generation_prompt) {
    AppendMarkup(RoleMarkup(family, std::string(kAssistant), true), false, pieces);
  }
  return pieces;
}

std::string ChatTemplate::Render(std::span<const ChatMessage> messages,
                                 bool add_generation_prompt) const {
  std::string text;
  for (const ChatPiece& piece : RenderPieces(messages, add_generation_prompt)) text += piece.text;
  return text;
}

}  // namespace trit
