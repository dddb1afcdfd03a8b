#include "training/data/chat_record.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/error_text.h"

namespace trit {
namespace {

// "user: hi | assistant: ho"
std::string Parsed(const std::string& json) {
  std::string text;
  for (const ChatMessage& message : ParseChatRecord(json, "chats.jsonl:7")) {
    text += (text.empty() ? "" : " | ") + message.role + ": " + message.content;
  }
  return text;
}

BOOST_AUTO_TEST_CASE(shapes_of_data_sets) {
  BOOST_TEST(Parsed(R"({"messages": [{"role": "user", "content": "hi"}]})") == "user: hi");
  BOOST_TEST(Parsed(R"({"id": "x1", "conversations": [{"from": "system", "value": "be"},
                        {"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"},
                        {"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]})") ==
             "system: be | user: hi | assistant: ho | user: a | assistant: b");
  BOOST_TEST(Parsed(R"({"instruction": "Add.", "input": "1 2", "output": "3"})") ==
             "user: Add.\n\n1 2 | assistant: 3");
  for (const char* alone : {R"({"instruction": "Go.", "output": "no"})",
                            R"({"instruction": "Go.", "input": "", "output": "no", "text": "x"})",
                            R"({"instruction": "Go.", "input": null, "output": "no"})"}) {
    BOOST_TEST(Parsed(alone) == "user: Go. | assistant: no");
  }
  BOOST_TEST(Parsed(R"({"system": "s", "instruction": "i", "output": "o"})") ==
             "system: s | user: i | assistant: o");
}

BOOST_AUTO_TEST_CASE(other_lines_are_refused) {
  struct Case {
    const char* json;
    const char* message;
  };
  const Case cases[] = {
      {"{\"text\": \"a\"}", "no conversation"},
      {"[]", "not an object"},
      {"{\"conversations\": []}", "conversations: no list of turns"},
      {"{\"conversations\": 5}", "conversations: no list of turns"},
      {"{\"conversations\": [5]}", "expected an object"},
      {R"({"conversations": [{"from": "robot", "value": "x"}]})", "from: unknown speaker"},
      {R"({"conversations": [{"from": "human"}]})", "conversations.value: missing"},
      {R"({"instruction": "a"})", "output: missing"},
      {R"({"instruction": 5, "output": "b"})", "instruction: wrong type"},
      {R"({"instruction": "a", "input": [], "output": "b"})", "input: wrong type"},
      {"{", "not valid JSON"},
  };
  for (const Case& c : cases) {
    const std::string text = ErrorText([&] { Parsed(c.json); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, "chats.jsonl:7"));
    BOOST_TEST(Contains(text, c.message));
  }
}

}  // namespace
}  // namespace trit
