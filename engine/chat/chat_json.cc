#include "engine/chat/chat_json.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files/strict_json.h"

namespace trit {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what,
                       const std::string& found) {
  throw Error(ErrorInfo{.what = what,
                        .file = where,
                        .expected = R"({"messages": [{"role": "user", "content": "..."}]})",
                        .found = found});
}

std::string RequireText(const nlohmann::json& message, const char* key, const std::string& where) {
  const auto field = message.find(key);
  if (field == message.end()) Fail(where, "a message without a " + std::string(key), "");
  if (!field->is_string()) {
    Fail(where, "the " + std::string(key) + " is no string", field->type_name());
  }
  return field->get<std::string>();
}

}  // namespace

std::vector<ChatMessage> ParseChatMessages(std::string_view json, const std::string& where) {
  return ChatMessagesOf(ParseStrictJson(json, where), where);
}

std::vector<ChatMessage> ChatMessagesOf(const nlohmann::json& record, const std::string& where) {
  if (!record.is_object()) Fail(where, "not an object", record.type_name());
  const auto list = record.find("messages");
  if (list == record.end()) Fail(where, "no messages", "");
  if (!list->is_array()) Fail(where, "messages are no list", list->type_name());
  if (list->empty()) Fail(where, "no messages", "an empty list");
  std::vector<ChatMessage> messages;
  for (const nlohmann::json& item : *list) {
    if (!item.is_object()) Fail(where, "a message is no object", item.type_name());
    ChatMessage message{RequireText(item, "role", where), RequireText(item, "content", where)};
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      throw Error(ErrorInfo{.what = "unknown role",
                            .file = where,
                            .expected = "system, user or assistant",
                            .found = message.role});
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace trit
