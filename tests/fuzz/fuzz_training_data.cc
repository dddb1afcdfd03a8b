// Training data: files of token ids, and lines of conversations and texts. The first byte chooses.
#include <string>
#include <vector>

#include "engine/chat_json.h"
#include "engine/chat_template.h"
#include "tests/fuzz/fuzz_file.h"
#include "training/chat_record.h"
#include "training/text_source.h"
#include "training/token_file.h"

namespace trit {
namespace {

void ReadTokens(const std::string& path, int64_t vocab_size) {
  TokenArray tokens(vocab_size);
  if (!Accepts([&] { ReadTokenFile(path, tokens); })) return;
  for (int64_t i = 0; i < tokens.size(); ++i) Promise(tokens[i] >= 0 && tokens[i] < vocab_size);
}

void ReadLines(const std::string& path) {
  Accepts([&] {
    ForEachJsonLine(path, [](std::string_view line, const std::string& where) {
      Accepts([&] { ParseTextRecord(line, where); });
      std::vector<ChatMessage> messages;
      Accepts([&] { messages = ParseChatRecord(line, where); });
      for (const char* name : {"chatml", "llama3", "bitnet", "falcon3", "falcon_e"}) {
        Accepts([&] { ChatTemplate::Named(name).Render(messages, true); });
      }
      Accepts([&] { ParseChatMessages(line, where); });
    });
  });
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  if (size == 0) return 0;
  const FuzzFile file(TextOf(data + 1, size - 1));
  switch (data[0] % 3) {
    case 0:
      ReadTokens(file.path(), 50257);
      break;
    case 1:
      ReadTokens(file.path(), 128256);
      break;
    default:
      ReadLines(file.path());
  }
  return 0;
}
