#include "training/data/training_data.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/data/data_files.h"
#include "training/data/document_rows.h"
#include "training/data/document_source.h"
#include "training/data/mixed_encoder.h"
#include "training/data/text_source.h"

namespace trit {
namespace {

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

// Adds a text in parts that fill rows; each begins with the token the one before ends with, so that
// all but the first of the text are targets.
void AppendText(std::span<const int32_t> tokens, size_t sequence_length, DocumentSet& documents) {
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += sequence_length) {
    const size_t length = std::min(tokens.size() - begin, sequence_length + 1);
    documents.Append(tokens.subspan(begin, length), std::vector<bool>(length, true));
  }
}

DocumentSet ReadDocuments(const std::vector<std::string>& paths, const ChatTemplate& chat_template,
                          const Tokenizer& tokenizer, const TrainingConfig& config) {
  DocumentSet documents(config.model.vocab_size);
  MixedEncoder encoder(chat_template, tokenizer, [&](const EncodedDocument& document) {
    if (document.is_text) {
      AppendText(document.tokens, static_cast<size_t>(config.data.sequence_length), documents);
    } else {
      documents.Append(document.tokens, document.learned);
    }
  });
  for (const std::string& path : ExpandDataFiles(paths)) {
    ForEachMixedDocument(
        path, [&](MixedDocument document, uint64_t) { encoder.Add(std::move(document)); });
  }
  encoder.Flush();
  return documents;
}

int64_t HeldBack(int64_t count, double fraction) {
  return static_cast<int64_t>(std::floor(static_cast<double>(count) * fraction));
}

TrainingData LoadDocuments(const TrainingConfig& config, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) {
    throw UsageError(ErrorInfo{.what = "conversations need a tokenizer", .key = "data.tokenizer"});
  }
  const DataConfig& data = config.data;
  const ChatTemplate chat_template = ChatTemplate::Named(data.chat_template);
  DocumentSet train = ReadDocuments(data.train, chat_template, *tokenizer, config);
  DocumentSet validation = ReadDocuments(data.validation, chat_template, *tokenizer, config);
  if (data.validation.empty()) {
    const int64_t held_back = HeldBack(train.num_documents(), data.validation_fraction);
    validation = train.SplitOff(train.num_documents() - held_back);
  }
  if (validation.num_documents() == 0 &&
      (!data.validation.empty() || data.validation_fraction > 0)) {
    throw Error(
        ErrorInfo{.what = "not enough validation data",
                  .key = data.validation.empty() ? "data.validation_fraction" : "data.validation",
                  .expected = "at least one text, or conversation in which the assistant speaks",
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
                                           : LoadDocuments(config, tokenizer);
}

}  // namespace trit
