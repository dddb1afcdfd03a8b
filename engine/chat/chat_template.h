// How a conversation is written as text for a model: a table of the formats ternary models are
// trained with. A file's Jinja template is data that is recognized, never a program that is run.
#ifndef TRIT_ENGINE_CHAT_CHAT_TEMPLATE_H_
#define TRIT_ENGINE_CHAT_CHAT_TEMPLATE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// A part of a rendered conversation.
struct ChatPiece {
  std::string text;
  bool special = false;  // a special token of the format; never part of what somebody wrote
  bool loss = false;     // the assistant says it: what a model learns to produce
};

class ChatTemplate {
 public:
  // "chatml", "llama3", "bitnet" (BitNet b1.58 2B-4T), "falcon3" or "falcon_e". Throws Error that
  // lists them.
  static ChatTemplate Named(std::string_view name);
  // The format a Jinja template writes. Throws Error, with `file`, if it is none of these.
  static ChatTemplate FromJinja(std::string_view jinja, const std::string& file);

  std::string_view name() const;
  // A Jinja template that renders the same, for files.
  std::string_view jinja() const;
  // The format's special tokens, which a vocabulary trained for it should have.
  std::vector<std::string> special_tokens() const;
  // What ends an answer. Where the vocabulary lacks the token, the text.
  std::vector<std::string> stop_strings() const;
  // Whether a conversation begins with the bos token, which is not part of what is rendered here.
  bool begins_with_bos() const;

  // add_generation_prompt: ends with what comes before an answer. Without, it is a conversation to
  // learn from: formats whose history lacks the token that ends an answer have it here. Throws
  // Error if there is an unknown role.
  std::vector<ChatPiece> RenderPieces(std::span<const ChatMessage> messages,
                                      bool add_generation_prompt) const;
  std::string Render(std::span<const ChatMessage> messages, bool add_generation_prompt) const;

 private:
  struct Family;
  static std::span<const Family> Families();
  static std::string RoleMarkup(const Family& family, std::string role, bool before_answer);
  explicit ChatTemplate(const Family& family) : family_(&family) {}

  const Family* family_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_CHAT_CHAT_TEMPLATE_H_
