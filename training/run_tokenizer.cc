#include "training/run_tokenizer.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/error.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/tokenizers/byte_tokenizer.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "training/data/data_files.h"
#include "training/data/document_source.h"
#include "training/data/text_source.h"
#include "training/data/token_file.h"
#include "training/data/tokenizer_training.h"

namespace trit {
namespace {

constexpr const char* kChatTemplateKey = "tokenizer.chat_template";

std::unique_ptr<Tokenizer> ReadGgufVocabulary(const std::string& path) {
  const GgufReader reader(path);
  const std::optional<TokenizerData> data = ReadGgufTokenizer(reader.metadata());
  if (!data) throw Error(ErrorInfo{.what = "the file has no tokenizer", .file = path});
  return MakeTokenizer(*data, path);
}

// Calls `use` for the texts of a file: documents, or what is said in conversations.
void ForEachText(const std::string& path, bool chats,
                 const std::function<void(std::string_view)>& use) {
  if (!chats) {
    ForEachDocument(path, use);
    return;
  }
  ForEachMixedDocument(path, [&](const MixedDocument& document, uint64_t) {
    if (const auto* text = std::get_if<std::string>(&document)) {
      use(*text);
    } else {
      for (const ChatMessage& message : std::get<1>(document)) use(message.content);
    }
  });
}

std::unique_ptr<Tokenizer> TrainTokenizer(const TrainingConfig& config, int64_t vocab_size) {
  const bool chats = !config.data.chat_template.empty();
  std::vector<std::string> control_symbols;
  if (chats) control_symbols = ChatTemplate::Named(config.data.chat_template).special_tokens();
  TokenizerTrainer trainer({.vocab_size = vocab_size, .control_symbols = control_symbols});
  bool any_text = false;
  for (const std::string& path : ExpandDataFiles(config.data.train)) {
    if (IsTokenFile(path)) continue;
    ForEachText(path, chats, [&](std::string_view text) { trainer.Add(text); });
    any_text = true;
  }
  if (!any_text) {
    throw UsageError(ErrorInfo{.what = "there is no text to train a tokenizer on",
                               .key = "data.train",
                               .expected = "a .txt or .jsonl file",
                               .found = "token files"});
  }
  return MakeTokenizer(trainer.Train(), "data.tokenizer");
}

}  // namespace

std::shared_ptr<const Tokenizer> MakeRunTokenizer(const TrainingConfig& config) {
  const TokenizerChoice choice = ParseTokenizerChoice(config.data.tokenizer);
  switch (choice.kind) {
    case TokenizerChoice::Kind::kNone:
      return nullptr;
    case TokenizerChoice::Kind::kBytes:
      return MakeTokenizer(ByteVocabulary(), "data.tokenizer");
    case TokenizerChoice::Kind::kTrain:
      return TrainTokenizer(config, choice.vocab_size);
    case TokenizerChoice::Kind::kFile:
      return MakeTokenizer(ReadTokenizerFile(choice.path, std::nullopt), choice.path);
  }
  return nullptr;
}

void SaveRunTokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                      const std::string& path) {
  GgufMetadata metadata(path);
  metadata.Set("general.architecture", std::string("llama"));  // readers insist on one
  AppendGgufTokenizer(tokenizer.data(), metadata);
  if (!chat_template.empty()) {
    metadata.Set(kChatTemplateKey, std::string(ChatTemplate::Named(chat_template).jinja()));
  }
  CreateGguf(path, metadata, {}).Commit();
}

std::shared_ptr<const Tokenizer> LoadRunTokenizer(const std::string& path) {
  if (!std::filesystem::exists(path)) return nullptr;
  return ReadGgufVocabulary(path);
}

std::string LoadRunChatTemplate(const std::string& path) {
  if (!std::filesystem::exists(path)) return "";
  const GgufReader reader(path);
  const std::string* jinja = reader.metadata().FindString(kChatTemplateKey);
  return jinja == nullptr ? "" : *jinja;
}

}  // namespace trit
