#include "engine/chat/chat_encoding.h"

#include <algorithm>

namespace trit {

ChatTokens EncodeChat(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                      std::span<const ChatMessage> messages, bool add_generation_prompt) {
  ChatTokens chat;
  const SpecialTokens& special = tokenizer.special();
  if (special.bos >= 0 && (special.add_bos || chat_template.begins_with_bos())) {
    chat.tokens.push_back(special.bos);
  }
  chat.loss.assign(chat.tokens.size(), false);

  const std::vector<ChatPiece> pieces = chat_template.RenderPieces(messages, add_generation_prompt);
  for (size_t i = 0; i < pieces.size();) {
    const bool is_special = pieces[i].special;
    const bool loss = pieces[i].loss;
    std::string text = pieces[i++].text;
    while (!is_special && i < pieces.size() && !pieces[i].special && pieces[i].loss == loss) {
      text += pieces[i++].text;
    }
    const std::vector<int32_t> ids = tokenizer.Encode(text, is_special);
    chat.tokens.insert(chat.tokens.end(), ids.begin(), ids.end());
    chat.loss.resize(chat.tokens.size(), loss);
  }
  return chat;
}

ChatStops FindChatStops(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  ChatStops stops;
  stops.tokens = tokenizer.special().end_of_generation;
  for (const std::string& text : chat_template.stop_strings()) {
    const std::vector<int32_t> ids = tokenizer.Encode(text, true);
    if (ids.size() == 1) {
      stops.tokens.push_back(ids[0]);
    } else {
      stops.strings.push_back(text);
    }
  }
  std::sort(stops.tokens.begin(), stops.tokens.end());
  stops.tokens.erase(std::unique(stops.tokens.begin(), stops.tokens.end()), stops.tokens.end());
  return stops;
}

}  // namespace trit
