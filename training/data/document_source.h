// Documents of data that may have conversations in it: a mixture to train a chat model on.
//
//   .txt    the whole file is a text
//   .jsonl  a line {"text": "…"} is a text, any other a conversation (chat_record.h)
#ifndef TRIT_TRAINING_DATA_DOCUMENT_SOURCE_H_
#define TRIT_TRAINING_DATA_DOCUMENT_SOURCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "engine/chat/chat_template.h"

namespace trit {

// Of a text every token is learned, of a conversation what the assistant says.
using MixedDocument = std::variant<std::string, std::vector<ChatMessage>>;

// Calls `use` for every document of the file, in order, with the bytes of the file it takes up.
// Throws Error with the file, and the line where there is one.
void ForEachMixedDocument(const std::string& path,
                          const std::function<void(MixedDocument document, uint64_t bytes)>& use);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DOCUMENT_SOURCE_H_
