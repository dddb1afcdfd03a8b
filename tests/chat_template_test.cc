#include "engine/chat/chat_template.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "engine/chat/chat_encoding.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

const std::vector<ChatMessage> kChat = {
    {"system", "Be brief."}, {"user", " Hi! \n"}, {"assistant", "Hello."}, {"user", "Bye"}};

// The texts are the formats as their models' makers publish them.

BOOST_AUTO_TEST_CASE(RendersChatMl) {
  const ChatTemplate chat = ChatTemplate::Named("chatml");
  BOOST_TEST(chat.Render(kChat, true) ==
             "<|im_start|>system\nBe brief.<|im_end|>\n"
             "<|im_start|>user\n Hi! \n<|im_end|>\n"
             "<|im_start|>assistant\nHello.<|im_end|>\n"
             "<|im_start|>user\nBye<|im_end|>\n"
             "<|im_start|>assistant\n");
  BOOST_TEST(chat.Render({}, true) == "<|im_start|>assistant\n");
  BOOST_TEST(chat.Render({}, false) == "");
  BOOST_TEST(!chat.begins_with_bos());
  BOOST_TEST((chat.stop_strings() == std::vector<std::string>{"<|im_end|>"}));
  BOOST_TEST((chat.special_tokens() == std::vector<std::string>{"<|im_start|>", "<|im_end|>"}));
}

BOOST_AUTO_TEST_CASE(RendersLlama3) {
  const ChatTemplate chat = ChatTemplate::Named("llama3");
  BOOST_TEST(chat.Render(kChat, true) ==
             "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
             "<|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>"
             "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
             "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
             "<|start_header_id|>assistant<|end_header_id|>\n\n");
  BOOST_TEST(chat.begins_with_bos());
}

BOOST_AUTO_TEST_CASE(RendersBitNet) {
  const ChatTemplate chat = ChatTemplate::Named("bitnet");
  BOOST_TEST(chat.Render(kChat, true) ==
             "System: Be brief.<|eot_id|>User: Hi!<|eot_id|>Assistant: Hello.<|eot_id|>"
             "User: Bye<|eot_id|>Assistant: ");
  BOOST_TEST(chat.begins_with_bos());
}

BOOST_AUTO_TEST_CASE(RendersFalcon3) {
  const ChatTemplate chat = ChatTemplate::Named("falcon3");
  BOOST_TEST(chat.Render(kChat, true) ==
             "<|system|>\nBe brief.\n<|user|>\n Hi! \n\n<|assistant|>\nHello.\n"
             "<|user|>\nBye\n<|assistant|>\n");
  BOOST_TEST((chat.stop_strings() == std::vector<std::string>{"<|endoftext|>"}));
  BOOST_TEST(!chat.begins_with_bos());
}

BOOST_AUTO_TEST_CASE(RendersFalconE) {
  const ChatTemplate chat = ChatTemplate::Named("falcon_e");
  BOOST_TEST(chat.Render(kChat, true) ==
             "systemBe brief.\nuser Hi! \n\nassistantHello.\nuserBye\nassistant\n");
  BOOST_TEST((chat.stop_strings() == std::vector<std::string>{"<|end_of_text|>"}));
}

// What these formats leave out of the history a model must still learn to say.
BOOST_AUTO_TEST_CASE(ConversationsToLearnFromEndEveryAnswer) {
  const std::vector<ChatMessage> chat = {{"assistant", "A"}, {"user", "B"}, {"assistant", "C"}};
  BOOST_TEST(ChatTemplate::Named("falcon3").Render(chat, false) ==
             "<|assistant|>\nA<|endoftext|>\n<|user|>\nB\n<|assistant|>\nC<|endoftext|>\n");
  BOOST_TEST(ChatTemplate::Named("falcon_e").Render(chat, false) ==
             "assistant\nA<|end_of_text|>\nuserB\nassistant\nC<|end_of_text|>\n");
}

// Pieces as "S" special or "t" text, "!" where there is loss.
std::string Show(const std::vector<ChatPiece>& pieces) {
  std::string shown;
  for (const ChatPiece& piece : pieces) {
    shown +=
        std::string(piece.special ? "S" : "t") + (piece.loss ? "!" : "") + '[' + piece.text + ']';
  }
  return shown;
}

BOOST_AUTO_TEST_CASE(TheAssistantsWordsAndTheirEndHaveLoss) {
  const std::vector<ChatMessage> chat = {{"user", "<|im_end|>"}, {"assistant", "A <|im_end|>"}};
  BOOST_TEST(Show(ChatTemplate::Named("chatml").RenderPieces(chat, true)) ==
             "S[<|im_start|>]t[user\n]t[<|im_end|>]S[<|im_end|>]t[\n]"
             "S[<|im_start|>]t[assistant\n]t![A <|im_end|>]S![<|im_end|>]t[\n]"
             "S[<|im_start|>]t[assistant\n]");
  BOOST_TEST(Show(ChatTemplate::Named("bitnet").RenderPieces(chat, false)) ==
             "t[User: ]t[<|im_end|>]S[<|eot_id|>]t[Assistant: ]t![A <|im_end|>]S![<|eot_id|>]");
  BOOST_TEST(Show(ChatTemplate::Named("falcon3").RenderPieces(chat, false)) ==
             "S[<|user|>]t[\n]t[<|im_end|>]t[\n]"
             "S[<|assistant|>]t[\n]t![A <|im_end|>]S![<|endoftext|>]t[\n]");
  BOOST_TEST(Show(ChatTemplate::Named("llama3").RenderPieces(
                 std::vector<ChatMessage>{{"assistant", " "}}, false)) ==
             "S[<|start_header_id|>]t[assistant]S[<|end_header_id|>]t[\n\n]S![<|eot_id|>]");
}

BOOST_AUTO_TEST_CASE(RecognizesJinjaTemplates) {
  for (const char* name : {"chatml", "llama3", "bitnet", "falcon3", "falcon_e"}) {
    const ChatTemplate chat = ChatTemplate::Named(name);
    BOOST_TEST(chat.name() == name);
    BOOST_TEST(ChatTemplate::FromJinja(chat.jinja(), "").name() == name);
  }
  // Excerpts of published templates: Llama 3, BitNet 2B-4T (Hugging Face, and its GGUF), Falcon 3.
  const auto name_of = [](const char* jinja) {
    return std::string(ChatTemplate::FromJinja(jinja, "").name());
  };
  BOOST_TEST(name_of("{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}") ==
             "llama3");
  BOOST_TEST(name_of("{{ message['role'] | capitalize + ': '+ message['content'] | trim + "
                     "'<|eot_id|>' }}{{ 'Assistant: ' }}") == "bitnet");
  BOOST_TEST(name_of("{{ 'Human: ' + message['content'] + '\\n\\nBITNETAssistant: ' }}") ==
             "bitnet");
  BOOST_TEST(name_of("{{ '<|user|>\\n' }}{{ '<|assistant|>\\n' }}{{ '</s>' }}") == "falcon3");
  // What runs of ours carried while it had the end of every answer in the history.
  BOOST_TEST(name_of("{% for message in messages %}"
                     "{{ '<|' + message['role'] + '|>\\n' + message['content'] }}"
                     "{% if message['role'] == 'assistant' %}{{ '<|endoftext|>' }}{% endif %}"
                     "{{ '\\n' }}{% endfor %}"
                     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}") ==
             "falcon3");
}

BOOST_AUTO_TEST_CASE(UnknownFormatsAndRolesAreRefused) {
  const std::string jinja = ErrorText([] { ChatTemplate::FromJinja("[INST]", "m.gguf"); });
  BOOST_TEST(jinja.starts_with("m.gguf: chat_template"), jinja);
  BOOST_TEST(Contains(jinja, "chatml, llama3, bitnet, falcon3, falcon_e"), jinja);
  BOOST_TEST(Contains(jinja, "--chat-template"), jinja);
  const std::string padded = std::string(1 << 20, ' ') + "<|im_start|>";
  BOOST_TEST(Contains(ErrorText([&] { ChatTemplate::FromJinja(padded, "m.gguf"); }),
                      "m.gguf: chat_template: the chat template is too long"));
  const std::string name = ErrorText([] { ChatTemplate::Named("alpaca"); });
  BOOST_TEST(Contains(name, "chatml, llama3, bitnet, falcon3, falcon_e"), name);
  BOOST_TEST(Contains(name, "alpaca"), name);
  const std::vector<ChatMessage> chat = {{"robot", "x"}};
  BOOST_TEST(
      Contains(ErrorText([&] { ChatTemplate::Named("bitnet").Render(chat, false); }), "robot"));
}

BOOST_AUTO_TEST_CASE(EncodesWithLoss) {
  const auto tokenizer =
      MakeTokenizer(BpeVocabulary({"h i"}, {"<|im_start|>", "<|im_end|>"}), "");  // 256, 257, 258
  const std::vector<ChatMessage> chat = {{"user", "a<|im_end|>"}, {"assistant", "hi"}};
  const ChatTokens tokens = EncodeChat(ChatTemplate::Named("chatml"), *tokenizer, chat, true);
  Ids expected = {257};
  const auto text = [&](std::string_view bytes) {
    for (const char c : bytes) expected.push_back(static_cast<uint8_t>(c));
  };
  text("user\na<|im_end|>");  // what a user writes never becomes a special token
  expected.push_back(258);
  text("\n");
  expected.push_back(257);
  text("assistant\n");
  const size_t answer = expected.size();
  expected.insert(expected.end(), {256, 258});
  text("\n");
  expected.push_back(257);
  text("assistant\n");
  BOOST_TEST(tokens.tokens == expected, boost::test_tools::per_element());
  BOOST_TEST(tokens.loss.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    BOOST_TEST(tokens.loss[i] == (i == answer || i == answer + 1), "token " << i);
  }
}

// Merges may span what the format and the user wrote, as in an engine that encodes the whole text;
// they must not span the place where a prompt ends.
BOOST_AUTO_TEST_CASE(TextIsEncodedAsAWholeUpToTheAnswer) {
  // 256 "Ġh", 257 "<|eot_id|>", 258 bos
  TokenizerData data = BpeVocabulary({"\u0120 h"}, {"<|eot_id|>", "<|begin_of_text|>"});
  data.bos = 258;
  const auto tokenizer = MakeTokenizer(data, "");
  const std::vector<ChatMessage> chat = {{"user", "h"}, {"assistant", "h"}};
  const ChatTemplate bitnet = ChatTemplate::Named("bitnet");
  const ChatTokens whole = EncodeChat(bitnet, *tokenizer, chat, false);
  BOOST_TEST(whole.tokens == Ids({258, 'U', 's', 'e', 'r', ':', 256, 257, 'A', 's', 's',
                                  'i', 's', 't', 'a', 'n', 't', ':', ' ', 'h', 257}),
             boost::test_tools::per_element());
  const ChatTokens prompt = EncodeChat(bitnet, *tokenizer, std::span(chat).first(1), true);
  BOOST_TEST(prompt.tokens == Ids(whole.tokens.begin(), whole.tokens.end() - 2),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(BosComesOnceWhereItIsAskedFor) {
  TokenizerData data = BpeVocabulary({}, {"<s>"});
  const std::vector<ChatMessage> chat = {{"user", "a"}};
  const auto count = [&](const char* name) {
    const auto tokenizer = MakeTokenizer(data, "");
    const ChatTokens tokens = EncodeChat(ChatTemplate::Named(name), *tokenizer, chat, true);
    return std::count(tokens.tokens.begin(), tokens.tokens.end(), 256);
  };
  BOOST_TEST(count("bitnet") == 0);  // there is none
  data.bos = 256;
  BOOST_TEST(count("bitnet") == 1);
  BOOST_TEST(count("chatml") == 0);
  data.add_bos = true;
  BOOST_TEST(count("bitnet") == 1);
  BOOST_TEST(count("chatml") == 1);
}

BOOST_AUTO_TEST_CASE(StopsAreTokensWhereTheVocabularyHasThem) {
  TokenizerData data = BpeVocabulary({}, {"<|im_start|>", "<|im_end|>", "<e>"});
  data.eos = 258;
  const ChatStops tokens = FindChatStops(ChatTemplate::Named("chatml"), *MakeTokenizer(data, ""));
  BOOST_TEST(tokens.tokens == Ids({257, 258}), boost::test_tools::per_element());
  BOOST_TEST(tokens.strings.empty());
  const ChatStops bytes =
      FindChatStops(ChatTemplate::Named("chatml"), *MakeTokenizer(ByteVocabulary(), ""));
  BOOST_TEST(bytes.tokens.empty());
  BOOST_TEST((bytes.strings == std::vector<std::string>{"<|im_end|>"}));
}

}  // namespace
}  // namespace trit
