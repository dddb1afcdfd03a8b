#include "training/data/chat_record.h"

#include <map>

#include "engine/chat/chat_json.h"
#include "engine/error.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"

namespace trit {
namespace {

std::vector<ChatMessage> ParseShareGpt(const nlohmann::json& turns, const std::string& where) {
  static const std::map<std::string, std::string> roles = {{"human", "user"},
                                                           {"user", "user"},
                                                           {"gpt", "assistant"},
                                                           {"assistant", "assistant"},
                                                           {"system", "system"}};
  if (!turns.is_array() || turns.empty()) {
    throw Error(ErrorInfo{.what = "no list of turns",
                          .file = where,
                          .key = "conversations",
                          .expected = R"([{"from": "human", "value": "..."}, ...])",
                          .found = ShownJson(turns)});
  }
  std::vector<ChatMessage> messages;
  for (const nlohmann::json& turn : turns) {
    const JsonFields fields(turn, where, "conversations.");
    const std::string from = fields.String("from");
    const auto role = roles.find(from);
    if (role == roles.end()) {
      fields.Throw("from", "unknown speaker", "human, gpt or system", ShownJson(from));
    }
    messages.push_back({role->second, fields.String("value")});
  }
  return messages;
}

std::vector<ChatMessage> ParseAlpaca(const JsonFields& fields) {
  std::vector<ChatMessage> messages;
  const std::string system = fields.String("system", "");
  const std::string input = fields.String("input", "");
  if (!system.empty()) messages.push_back({"system", system});
  messages.push_back(
      {"user", fields.String("instruction") + (input.empty() ? "" : "\n\n" + input)});
  messages.push_back({"assistant", fields.String("output")});
  return messages;
}

}  // namespace

bool IsChatRecord(const nlohmann::json& record) {
  return record.is_object() && (record.contains("messages") || record.contains("conversations") ||
                                record.contains("instruction"));
}

std::vector<ChatMessage> ParseChatRecord(std::string_view json, const std::string& where) {
  return ConversationOf(ParseStrictJson(json, where), where);
}

std::vector<ChatMessage> ConversationOf(const nlohmann::json& record, const std::string& where) {
  if (record.is_object() && !record.contains("messages")) {
    if (record.contains("conversations")) return ParseShareGpt(record["conversations"], where);
    if (record.contains("instruction")) return ParseAlpaca(JsonFields(record, where));
    throw Error(ErrorInfo{.what = "no conversation",
                          .file = where,
                          .expected = "\"messages\", \"conversations\" or \"instruction\"",
                          .found = ShownJson(record)});
  }
  return ChatMessagesOf(record, where);
}

}  // namespace trit
