#include "engine/chat/conversation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/error.h"
#include "engine/stop_strings.h"
#include "engine/tokenizers/utf8_stream.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool IsSystem(const ChatMessage& message) { return message.role == "system"; }

}  // namespace

Conversation::Conversation(const Model& model, ChatTemplate chat_template,
                           const ConversationOptions& options)
    : model_(model),
      chat_template_(std::move(chat_template)),
      options_(options),
      session_(model, options.session),
      sampler_(options.sampling) {
  if (model.tokenizer == nullptr) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer, so it cannot chat"});
  }
  if (options.max_answer_tokens < 1) {
    throw UsageError(ErrorInfo{.what = "length of an answer out of range",
                               .expected = "at least 1 token",
                               .found = std::to_string(options.max_answer_tokens)});
  }
  stops_ = FindChatStops(chat_template_, *model.tokenizer);
}

void Conversation::Reset() {
  std::erase_if(messages_, [](const ChatMessage& message) { return !IsSystem(message); });
  sampler_ = Sampler(options_.sampling);
}

void Conversation::SetSystem(std::string content) {
  messages_.clear();
  if (!content.empty()) messages_.push_back({"system", std::move(content)});
  Reset();
}

void Conversation::SetMessages(std::vector<ChatMessage> messages) {
  messages_ = std::move(messages);
  sampler_ = Sampler(options_.sampling);
}

void Conversation::AddUser(std::string content) {
  messages_.push_back({"user", std::move(content)});
}

bool Conversation::RemoveLastAnswer() {
  if (messages_.empty() || messages_.back().role != "assistant") return false;
  messages_.pop_back();
  return true;
}

void Conversation::RemoveLastUser() {
  TRIT_CHECK(!messages_.empty() && messages_.back().role == "user");
  messages_.pop_back();
}

std::vector<int32_t> Conversation::EncodeMessages(AnswerStats& stats) {
  // Room for an answer, but not more than a quarter of the context: history is worth keeping.
  const int64_t context = session_.context_length();
  const int64_t room = std::min(options_.max_answer_tokens, std::max<int64_t>(1, context / 4));
  int64_t limit = context - room;
  while (true) {
    const ChatTokens chat = EncodeChat(chat_template_, *model_.tokenizer, messages_, true);
    const int64_t size = static_cast<int64_t>(chat.tokens.size());
    const auto oldest = std::find_if_not(messages_.begin(), messages_.end(), IsSystem);
    const bool only_the_latest = messages_.end() - oldest <= 1;
    if (size <= limit || (only_the_latest && size <= context - room)) return chat.tokens;
    if (only_the_latest) {
      throw Error(ErrorInfo{.what = "the message does not fit into the context",
                            .expected = "at most " + std::to_string(context - room) +
                                        " tokens with the system message",
                            .found = std::to_string(size)});
    }
    // What stays is read again from its beginning, so room is made for several turns at once.
    limit = std::min(limit, context / 2);
    // A question goes with its answer.
    const auto next_question =
        std::find_if(oldest + 1, messages_.end() - 1,
                     [](const ChatMessage& message) { return message.role == "user"; });
    stats.dropped_messages += next_question - oldest;
    messages_.erase(oldest, next_question);
  }
}

AnswerStats Conversation::Answer(const std::function<bool(std::string_view text)>& receiver) {
  TRIT_CHECK(!messages_.empty());
  AnswerStats stats;
  const std::vector<int32_t> prompt = EncodeMessages(stats);

  // What the cache has already, less one token: the last one must be fed to get its candidates.
  const std::vector<int32_t>& cached = session_.tokens();
  const size_t limit = std::min(cached.size(), prompt.size() - 1);
  const auto difference =
      std::mismatch(cached.begin(), cached.begin() + static_cast<int64_t>(limit), prompt.begin());
  stats.reused_tokens = difference.first - cached.begin();
  session_.Truncate(stats.reused_tokens);
  const Clock::time_point start = Clock::now();
  session_.Feed(std::span(prompt).subspan(static_cast<size_t>(stats.reused_tokens)));
  stats.prompt_tokens = static_cast<int64_t>(prompt.size()) - stats.reused_tokens;
  stats.prompt_seconds = SecondsSince(start);

  const Clock::time_point prompt_end = Clock::now();
  Utf8Stream utf8;
  StopStrings stop_strings(stops_.strings);
  std::string answer;
  const auto show = [&](const std::string& text) {
    answer += text;
    return text.empty() || receiver(text);
  };
  while (true) {
    const int32_t token = sampler_.Sample(session_.candidates(), session_.tokens());
    if (std::binary_search(stops_.tokens.begin(), stops_.tokens.end(), token)) break;
    ++stats.answer_tokens;
    const int32_t previous = session_.tokens().back();
    if (!show(stop_strings.Push(utf8.Push(model_.tokenizer->DecodeNext(previous, token, false))))) {
      stats.stop_reason = StopReason::kInterrupted;
      break;
    }
    if (stop_strings.found()) break;
    if (stats.answer_tokens == options_.max_answer_tokens) {
      stats.stop_reason = StopReason::kMaxTokens;
      break;
    }
    if (context_used() == context_length()) {
      stats.stop_reason = StopReason::kContextFull;
      break;
    }
    session_.Feed({&token, 1});
  }
  if (stats.stop_reason != StopReason::kInterrupted) {
    show(stop_strings.Push(utf8.Flush()) + stop_strings.Flush());
  }
  stats.generation_seconds = SecondsSince(prompt_end);
  messages_.push_back({"assistant", std::move(answer)});
  return stats;
}

}  // namespace trit
