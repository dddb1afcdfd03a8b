// A conversation on a line of a .jsonl file, in one of the shapes data sets come in:
//   {"messages": [{"role": "user", "content": "…"}, …]}           engine/chat/chat_json.h
//   {"conversations": [{"from": "human", "value": "…"}, …]}       ShareGPT
//   {"instruction": "…", "input": "…", "output": "…"}             Alpaca; input may be missing
#ifndef TRIT_TRAINING_DATA_CHAT_RECORD_H_
#define TRIT_TRAINING_DATA_CHAT_RECORD_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/chat_template.h"

namespace trit {

// Whether a record has the key of one of these shapes.
bool IsChatRecord(const nlohmann::json& record);

// `where` goes into messages. ShareGPT's speakers are human or user, gpt or assistant, and system.
// Alpaca's input is put after the instruction, a blank line between; "system" is taken if it is
// there. Throws Error if the line is none of these.
std::vector<ChatMessage> ParseChatRecord(std::string_view json, const std::string& where);
// The same of a parsed record.
std::vector<ChatMessage> ConversationOf(const nlohmann::json& record, const std::string& where);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_CHAT_RECORD_H_
