#include "training/training_data.h"

#include <cmath>
#include <utility>
#include <vector>

#include "engine/chat_encoding.h"
#include "engine/chat_template.h"
#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/chat_record.h"
#include "training/data_files.h"
#include "training/document_rows.h"
#include "training/parallel_map.h"
#include "training/text_source.h"

namespace trit {
namespace {

constexpr size_t kChatsAtOnce = 8192;  // encoded with all threads

TokenArray ReadFiles(const std::vector<std::string>& paths, const Tokenizer* tokenizer,
                     int64_t vocab_size) {
  TokenArray tokens(vocab_size);
  AppendFiles(ExpandDataFiles(paths), tokenizer, tokens);
  return tokens;
}

// Fewer than two tokens predict nothing.
void RequireTargets(const TokenArray& tokens, const char* key, const char* hint) {
  if (tokens.size() >= 2) return;
  throw Error(ErrorInfo{.what = "not enough validation data",
                        .key = key,
                        .expected = "at least 2 tokens",
                        .found = std::to_string(tokens.size()),
                        .hint = hint});
}

DocumentSet ReadChats(const std::vector<std::string>& paths, const ChatTemplate& chat_template,
                      const Tokenizer& tokenizer, int64_t vocab_size) {
  DocumentSet documents(vocab_size);
  struct Line {
    std::string json, where;
  };
  std::vector<Line> lines;
  const auto encode = [&] {
    for (const ChatTokens& chat : ParallelMap<ChatTokens>(lines, [&](const Line& line) {
           return EncodeChat(chat_template, tokenizer, ParseChatRecord(line.json, line.where),
                             false);
         })) {
      documents.Append(chat.tokens, chat.loss);
    }
    lines.clear();
  };
  for (const std::string& path : ExpandDataFiles(paths)) {
    if (!path.ends_with(".jsonl")) {
      throw UsageError(ErrorInfo{.what = "data.chat_template asks for conversations",
                                 .file = path,
                                 .expected = "a .jsonl file with {\"messages\": ...} lines"});
    }
    ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
      lines.push_back({std::string(json), where});
      if (lines.size() == kChatsAtOnce) encode();
    });
  }
  encode();
  return documents;
}

int64_t HeldBack(int64_t count, double fraction) {
  return static_cast<int64_t>(std::floor(static_cast<double>(count) * fraction));
}

TrainingData LoadChats(const TrainingConfig& config, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) {
    throw UsageError(ErrorInfo{.what = "conversations need a tokenizer", .key = "data.tokenizer"});
  }
  const DataConfig& data = config.data;
  const ChatTemplate chat_template = ChatTemplate::Named(data.chat_template);
  const int64_t vocab_size = config.model.vocab_size;
  DocumentSet train = ReadChats(data.train, chat_template, *tokenizer, vocab_size);
  DocumentSet validation = ReadChats(data.validation, chat_template, *tokenizer, vocab_size);
  if (data.validation.empty()) {
    const int64_t held_back = HeldBack(train.num_documents(), data.validation_fraction);
    validation = train.SplitOff(train.num_documents() - held_back);
  }
  if (validation.num_documents() == 0 &&
      (!data.validation.empty() || data.validation_fraction > 0)) {
    throw Error(
        ErrorInfo{.what = "not enough validation data",
                  .key = data.validation.empty() ? "data.validation_fraction" : "data.validation",
                  .expected = "at least one conversation in which the assistant speaks",
                  .found = "none",
                  .hint = data.validation.empty() ? "0 trains without validation data" : ""});
  }
  std::string fingerprint = train.Fingerprint();
  return {std::make_unique<DocumentTrainingRows>(std::move(train), data.sequence_length, data.order,
                                                 static_cast<uint64_t>(config.train.seed)),
          std::make_unique<DocumentEvaluationRows>(std::move(validation), data.sequence_length),
          std::move(fingerprint)};
}

// The token that ends a document.
int32_t DocumentBoundary(const Tokenizer* tokenizer) {
  if (tokenizer != nullptr && tokenizer->special().eos >= 0) return tokenizer->special().eos;
  throw UsageError(ErrorInfo{.what = "documents are told apart by the tokenizer's eos token",
                             .key = "data.document_mask",
                             .expected = "a tokenizer that has one",
                             .found = tokenizer == nullptr ? "no tokenizer" : "none"});
}

TrainingData LoadRunningText(const TrainingConfig& config, const Tokenizer* tokenizer) {
  const DataConfig& data = config.data;
  const int64_t vocab_size = config.model.vocab_size;
  TokenArray train = ReadFiles(data.train, tokenizer, vocab_size);
  TokenArray validation = ReadFiles(data.validation, tokenizer, vocab_size);
  const bool split_off = data.validation.empty() && data.validation_fraction > 0;
  if (split_off) {
    validation = train.SplitOff(train.size() - HeldBack(train.size(), data.validation_fraction));
  }
  const int32_t boundary = data.document_mask ? DocumentBoundary(tokenizer) : kNoBoundary;
  std::string fingerprint = train.Fingerprint();
  // Before validation: where there is hardly any text, that is what to say.
  auto rows = std::make_unique<TrainingRows>(std::move(train), data.sequence_length, data.order,
                                             static_cast<uint64_t>(config.train.seed), boundary);
  if (split_off) {
    RequireTargets(validation, "data.validation_fraction", "0 trains without validation data");
  } else if (!data.validation.empty()) {
    RequireTargets(validation, "data.validation", "");
  }
  return {std::move(rows),
          std::make_unique<EvaluationRows>(std::move(validation), data.sequence_length, boundary),
          std::move(fingerprint)};
}

}  // namespace

void SettleVocabSize(const Tokenizer* tokenizer, TrainingConfig& config) {
  int64_t& vocab_size = config.model.vocab_size;
  if (tokenizer == nullptr) {
    if (vocab_size > 0) return;
    throw UsageError(ErrorInfo{.what = "not known without a tokenizer",
                               .key = "model.vocab_size",
                               .expected = "the number of token ids of the .bin files",
                               .hint = "or set data.tokenizer"});
  }
  if (vocab_size == 0) vocab_size = tokenizer->vocab_size();
  if (vocab_size >= tokenizer->vocab_size()) return;
  throw UsageError(ErrorInfo{.what = "smaller than the tokenizer's vocabulary",
                             .key = "model.vocab_size",
                             .expected = std::to_string(tokenizer->vocab_size()) + " or more",
                             .found = std::to_string(vocab_size)});
}

TrainingData LoadTrainingData(const TrainingConfig& config, const Tokenizer* tokenizer) {
  const int64_t vocab_size = config.model.vocab_size;
  TRIT_CHECK(vocab_size > 0 && (tokenizer == nullptr || tokenizer->vocab_size() <= vocab_size));
  if (config.data.train.empty()) {
    throw UsageError(ErrorInfo{.what = "no training data",
                               .key = "data.train",
                               .expected = "a list of .txt, .jsonl or .bin files"});
  }
  return config.data.chat_template.empty() ? LoadRunningText(config, tokenizer)
                                           : LoadChats(config, tokenizer);
}

}  // namespace trit
