// A conversation as token ids: for a prompt, and for training on what the assistant says.
#ifndef TRIT_ENGINE_CHAT_CHAT_ENCODING_H_
#define TRIT_ENGINE_CHAT_CHAT_ENCODING_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/tokenizers/tokenizer.h"

namespace trit {

struct ChatTokens {
  std::vector<int32_t> tokens;
  std::vector<bool> loss;  // one a token: whether the assistant says it
};

// Messages that begin a conversation, with bos where the tokenizer or the format asks for it. Only
// the format's own special tokens become special tokens; one written out in a message stays text.
//
// Text between special tokens is encoded as a whole, as an engine does that encodes the rendered
// text, except where the assistant's words begin: there a prompt for an answer ends, so that
// training sees the same tokens as inference.
ChatTokens EncodeChat(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                      std::span<const ChatMessage> messages, bool add_generation_prompt);

// What ends an answer: the tokenizer's own end-of-generation tokens and the format's, as ids where
// the vocabulary has them, else as texts to look for.
struct ChatStops {
  std::vector<int32_t> tokens;  // ascending
  std::vector<std::string> strings;
};
ChatStops FindChatStops(const ChatTemplate& chat_template, const Tokenizer& tokenizer);

}  // namespace trit

#endif  // TRIT_ENGINE_CHAT_CHAT_ENCODING_H_
