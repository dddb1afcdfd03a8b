// Conversations with a random model: its words mean nothing, but caching, forgetting and taking
// back must not change them.
#include "engine/chat/conversation.h"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "support/tiny_model.h"
#include "training/data/tokenizer_training.h"

namespace trit {
namespace {

std::unique_ptr<Model> ChatModel() {
  TokenizerTrainer trainer({.vocab_size = 300, .control_symbols = {"<|im_start|>", "<|im_end|>"}});
  trainer.Add("hello how are you today my friend\nuser assistant system\nfine thank you\n");
  std::shared_ptr<const Tokenizer> tokenizer = MakeTokenizer(trainer.Train(), "test");
  ModelConfig config = TinyConfig();
  config.vocab_size = tokenizer->vocab_size();
  TrainableModel trainable(config, {}, Precision::kF32, 64);
  InitializeForTest(trainable, 41);
  auto model = std::make_unique<Model>(trainable.MakeInferenceModel());
  model->tokenizer = tokenizer;
  return model;
}

ConversationOptions Options(int64_t context) {
  ConversationOptions options;
  options.session.context_length = context;
  options.sampling.temperature = 0;
  options.max_answer_tokens = 12;
  return options;
}

const std::function<bool(std::string_view)> kGoOn = [](std::string_view) { return true; };

BOOST_AUTO_TEST_CASE(a_second_turn_feeds_only_what_is_new_and_answers_alike) {
  const std::unique_ptr<Model> model = ChatModel();
  Conversation chat(*model, ChatTemplate::Named("chatml"), Options(512));
  chat.AddUser("hello");
  const AnswerStats first = chat.Answer(kGoOn);
  BOOST_TEST(first.reused_tokens == 0);
  chat.AddUser("how are you");
  const AnswerStats second = chat.Answer(kGoOn);
  BOOST_TEST(second.reused_tokens >= first.prompt_tokens);

  Conversation fresh(*model, ChatTemplate::Named("chatml"), Options(512));
  std::vector<ChatMessage> history = chat.messages();
  const std::string answer = history.back().content;
  history.pop_back();
  fresh.SetMessages(history);
  fresh.Answer(kGoOn);
  BOOST_TEST(fresh.messages().back().content == answer);
}

BOOST_AUTO_TEST_CASE(taking_back_and_resetting) {
  const std::unique_ptr<Model> model = ChatModel();
  Conversation chat(*model, ChatTemplate::Named("chatml"), Options(512));
  BOOST_TEST(!chat.RemoveLastAnswer());
  chat.SetSystem("thank you");
  chat.AddUser("hello");
  chat.Answer(kGoOn);
  const std::string answer = chat.messages().back().content;
  BOOST_TEST(chat.RemoveLastAnswer());
  chat.Answer(kGoOn);
  BOOST_TEST(chat.messages().back().content == answer);
  chat.Reset();
  BOOST_TEST(chat.messages().size() == 1u);
  BOOST_TEST(chat.messages()[0].role == "system");
}

BOOST_AUTO_TEST_CASE(the_oldest_turns_make_room) {
  const std::unique_ptr<Model> model = ChatModel();
  Conversation chat(*model, ChatTemplate::Named("chatml"), Options(160));
  chat.SetSystem("fine");
  int64_t dropped = 0;
  bool dropped_before = false;
  for (int turn = 0; turn < 12; ++turn) {
    chat.AddUser("hello my friend");
    const AnswerStats stats = chat.Answer(kGoOn);
    dropped += stats.dropped_messages;
    // Forgetting makes room for several turns: the one after finds its past in the cache.
    if (dropped_before) {
      BOOST_TEST(stats.dropped_messages == 0);
      BOOST_TEST(stats.reused_tokens > 40);
    }
    dropped_before = stats.dropped_messages > 0;
    BOOST_TEST(chat.context_used() <= 160);
    BOOST_TEST(chat.messages()[0].role == "system");
    BOOST_TEST(chat.messages()[1].role == "user");
  }
  BOOST_TEST(dropped > 0);
  chat.AddUser(std::string(2000, 'x'));
  BOOST_CHECK_THROW(chat.Answer(kGoOn), Error);
  chat.RemoveLastUser();
  chat.AddUser("hello");
  chat.Answer(kGoOn);
}

BOOST_AUTO_TEST_CASE(an_interrupted_answer_is_kept_as_far_as_it_came) {
  const std::unique_ptr<Model> model = ChatModel();
  Conversation chat(*model, ChatTemplate::Named("chatml"), Options(512));
  chat.AddUser("hello");
  std::string seen;
  const AnswerStats stats = chat.Answer([&](std::string_view text) {
    seen += text;
    return seen.size() < 3;
  });
  BOOST_TEST((stats.stop_reason == StopReason::kInterrupted));
  BOOST_TEST(chat.messages().back().content == seen);
}

}  // namespace
}  // namespace trit
