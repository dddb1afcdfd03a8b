// A chat with a model: messages so far, answers as a stream of text. The cache keeps earlier turns,
// so that an answer costs only what is new.
#ifndef TRIT_ENGINE_CHAT_CONVERSATION_H_
#define TRIT_ENGINE_CHAT_CONVERSATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/chat_encoding.h"
#include "engine/chat/chat_template.h"
#include "engine/generation_options.h"
#include "engine/model.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace trit {

struct ConversationOptions {
  SessionOptions session;
  SamplingOptions sampling;
  int64_t max_answer_tokens = 512;
};

struct AnswerStats {
  StopReason stop_reason = StopReason::kEnd;
  int64_t prompt_tokens = 0;  // fed for this answer
  int64_t reused_tokens = 0;  // of the conversation, found in the cache
  int64_t answer_tokens = 0;
  int64_t dropped_messages = 0;  // the oldest, to make room; the system message stays
  double prompt_seconds = 0;
  double generation_seconds = 0;
};

class Conversation {
 public:
  // `model` outlives this; it must have a tokenizer. Throws Error or UsageError.
  Conversation(const Model& model, ChatTemplate chat_template, const ConversationOptions& options);

  const std::vector<ChatMessage>& messages() const { return messages_; }
  int64_t context_length() const { return session_.context_length(); }
  int64_t context_used() const { return static_cast<int64_t>(session_.tokens().size()); }

  // Begins anew; a system message stays.
  void Reset();
  // Sets or (if empty) removes the system message, and begins anew.
  void SetSystem(std::string content);
  // Takes a whole history; it must end before an answer.
  void SetMessages(std::vector<ChatMessage> messages);
  void AddUser(std::string content);
  // Takes the last answer back. False if there is none.
  bool RemoveLastAnswer();
  // Takes the last question back, one without an answer.
  void RemoveLastUser();

  // Answers the messages so far and appends the answer. `receiver` gets the text in whole UTF-8
  // characters and returns whether to go on. Throws Error if even the latest message does not fit
  // into the context.
  AnswerStats Answer(const std::function<bool(std::string_view text)>& receiver);

 private:
  // The messages as tokens, the oldest dropped until they leave room for an answer.
  std::vector<int32_t> EncodeMessages(AnswerStats& stats);

  const Model& model_;
  ChatTemplate chat_template_;
  ConversationOptions options_;
  ChatStops stops_;
  Session session_;
  Sampler sampler_;
  std::vector<ChatMessage> messages_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_CHAT_CONVERSATION_H_
