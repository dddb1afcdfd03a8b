#include "training/evaluation/exact_match.h"

#include <utility>

#include "engine/chat/conversation.h"
#include "engine/error.h"
#include "training/data/chat_record.h"
#include "training/data/text_source.h"

namespace trit {
namespace {

std::string Trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool AnswersRight(Conversation& conversation, const ExactMatchItem& item) {
  const std::string expected = Trimmed(item.answer);
  conversation.SetMessages(item.messages);
  std::string answer;
  conversation.Answer([&](std::string_view text) {
    answer += text;
    // Once it is wrong, the rest need not be heard.
    return expected.starts_with(Trimmed(answer));
  });
  return Trimmed(answer) == expected;
}

}  // namespace

std::vector<ExactMatchItem> ReadExactMatch(const std::string& path, int64_t max_items) {
  std::vector<ExactMatchItem> items;
  ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
    std::vector<ChatMessage> messages = ParseChatRecord(json, where);
    while (!messages.empty() && messages.back().role != "assistant") messages.pop_back();
    if (messages.size() < 2) {
      throw Error(ErrorInfo{.what = "no answer to compare with",
                            .file = where,
                            .expected = "a question, and after it what the assistant says"});
    }
    std::string answer = std::move(messages.back().content);
    messages.pop_back();
    items.push_back({std::move(messages), std::move(answer)});
  });
  if (items.empty()) throw Error(ErrorInfo{.what = "no conversations in the file", .file = path});
  if (max_items > 0 && static_cast<int64_t>(items.size()) > max_items) {
    items.resize(static_cast<size_t>(max_items));
  }
  return items;
}

ExactMatchScore ScoreExactMatch(const Model& model, const ChatTemplate& chat_template,
                                const std::vector<ExactMatchItem>& items,
                                const std::function<void(const ExactMatchScore&)>& progress) {
  Conversation conversation(model, chat_template, {.sampling = {.temperature = 0}});
  ExactMatchScore score;
  for (const ExactMatchItem& item : items) {
    try {
      score.right += AnswersRight(conversation, item) ? 1 : 0;
    } catch (const Error&) {
      ++score.unanswered;
    }
    ++score.num_items;
    if (progress) progress(score);
  }
  return score;
}

}  // namespace trit
