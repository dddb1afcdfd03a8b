// Training data: files of token ids, texts, lines of texts and conversations; and chat templates.
// The first byte chooses.
#include <memory>
#include <string>
#include <vector>

#include "engine/chat/chat_json.h"
#include "engine/chat/chat_template.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/support/small_vocabulary.h"
#include "training/data/chat_record.h"
#include "training/data/text_source.h"
#include "training/data/token_file.h"

namespace trit {
namespace {

// What is accepted is written and read back the same.
void ReadTokens(std::string_view bytes, int64_t vocab_size) {
  const NamedFuzzFile file(bytes, "tokens.bin");
  const std::string paths[] = {file.path()};
  TokenArray tokens(vocab_size);
  if (!Accepts([&] { AppendFiles(paths, nullptr, tokens); })) return;
  const std::string written = FuzzFolder() / "written.bin";
  WriteTokenFile(written, tokens);
  TokenArray again(vocab_size);
  ReadTokenFile(written, again);
  Promise(again.size() == tokens.size());
  for (int64_t i = 0; i < tokens.size(); ++i) {
    Promise(tokens[i] >= 0 && tokens[i] < vocab_size && again[i] == tokens[i]);
  }
}

const Tokenizer& Bytes() {
  static const std::unique_ptr<Tokenizer> kTokenizer =
      MakeTokenizer(BpeVocabulary({}, {"<|im_end|>"}), "");
  return *kTokenizer;
}

void ReadTextRecords(std::string_view bytes) {
  const NamedFuzzFile file(bytes, "texts.jsonl");
  const std::string paths[] = {file.path()};
  TokenArray tokens(Bytes().vocab_size());
  Accepts([&] { AppendFiles(paths, nullptr, tokens); });
  Accepts([&] { AppendFiles(paths, &Bytes(), tokens); });
}

// A file is the document of its bytes, and its tokens stand for all of them.
void ReadText(std::string_view bytes) {
  const NamedFuzzFile file(bytes, "text.txt");
  const std::string paths[] = {file.path()};
  TokenArray tokens(Bytes().vocab_size()), document(Bytes().vocab_size());
  AppendFiles(paths, &Bytes(), tokens);
  AppendDocument(Bytes(), bytes, document);
  Promise(tokens.size() == document.size());
  const std::vector<int32_t> counts = TokenByteCounts(Bytes(), Bytes().vocab_size());
  size_t total = 0;
  for (int64_t i = 0; i < tokens.size(); ++i) {
    Promise(tokens[i] == document[i]);
    total += static_cast<size_t>(counts[static_cast<size_t>(tokens[i])]);
  }
  Promise(total == bytes.size());
}

void ReadLines(std::string_view bytes) {
  const FuzzFile file(bytes);
  Accepts([&] {
    ForEachJsonLine(file.path(), [](std::string_view line, const std::string& where) {
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

void ReadTemplate(std::string_view text) {
  Accepts([&] { ChatTemplate::Named(text); });
  Accepts([&] {
    const ChatTemplate found = ChatTemplate::FromJinja(text, "f");
    Promise(ChatTemplate::FromJinja(found.jinja(), "f").name() == found.name());
    Promise(ChatTemplate::Named(found.name()).special_tokens() == found.special_tokens());
    Promise(ChatTemplate::Named(found.name()).stop_strings() == found.stop_strings());
    const std::vector<ChatMessage> messages = {{std::string(text), "a"}};
    Accepts([&] { found.Render(messages, found.begins_with_bos()); });
  });
}

}  // namespace
}  // namespace trit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trit;
  if (size == 0) return 0;
  const std::string_view bytes = TextOf(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      ReadTokens(bytes, 50257);
      break;
    case 1:
      ReadTokens(bytes, 128256);
      break;
    case 2:
      ReadLines(bytes);
      break;
    case 3:
      ReadTextRecords(bytes);
      break;
    case 4:
      ReadText(bytes);
      break;
    default:
      ReadTemplate(bytes);
  }
  return 0;
}
