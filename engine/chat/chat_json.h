// Chat messages as JSON: {"messages": [{"role": "user", "content": "…"} …]}; other keys are
// ignored.
#ifndef TRIT_ENGINE_CHAT_CHAT_JSON_H_
#define TRIT_ENGINE_CHAT_CHAT_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/chat_template.h"

namespace trit {

// Throws Error with `where` (file and line) unless there is at least one message, each with a role
// of system, user or assistant and a text.
std::vector<ChatMessage> ParseChatMessages(std::string_view json, const std::string& where);
// The same of a parsed record.
std::vector<ChatMessage> ChatMessagesOf(const nlohmann::json& record, const std::string& where);

}  // namespace trit

#endif  // TRIT_ENGINE_CHAT_CHAT_JSON_H_
