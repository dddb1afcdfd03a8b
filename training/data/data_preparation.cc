#include "training/data/data_preparation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

#include "engine/chat/chat_template.h"
#include "engine/error.h"
#include "engine/files/output_file.h"
#include "training/data/data_files.h"
#include "training/data/document_encoder.h"
#include "training/data/document_source.h"
#include "training/data/mixed_encoder.h"
#include "training/data/text_source.h"
#include "training/data/token_array.h"
#include "training/data/token_file.h"
#include "training/run_tokenizer.h"
#include "training/temporary_directory.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

// Token ids cut into files of a size.
class ShardWriter {
 public:
  ShardWriter(std::string prefix, int64_t vocab_size, int64_t shard_tokens)
      : prefix_(std::move(prefix)), shard_tokens_(shard_tokens), shard_(vocab_size) {}

  void Append(std::span<const int32_t> ids) {
    num_tokens_ += static_cast<int64_t>(ids.size());
    while (!ids.empty()) {
      const size_t count = std::min(ids.size(), static_cast<size_t>(shard_tokens_ - shard_.size()));
      shard_.Append(ids.first(count));
      ids = ids.subspan(count);
      if (shard_.size() == shard_tokens_) Write();
    }
  }
  void Finish() {
    if (shard_.size() > 0) Write();
  }

  int64_t num_tokens() const { return num_tokens_; }
  const std::vector<std::string>& files() const { return files_; }

 private:
  void Write() {
    files_.push_back(fmt::format("{}_{:06}.bin", prefix_, files_.size()));
    WriteTokenFile(files_.back(), shard_);
    shard_ = TokenArray(shard_.vocab_size());
  }

  std::string prefix_;
  int64_t shard_tokens_;
  TokenArray shard_;
  int64_t num_tokens_ = 0;
  std::vector<std::string> files_;
};

// What is said in a document, in bytes.
uint64_t TextBytes(const MixedDocument& document) {
  if (const auto* text = std::get_if<std::string>(&document)) return text->size();
  uint64_t bytes = 0;
  for (const ChatMessage& message : std::get<1>(document)) bytes += message.content.size();
  return bytes;
}

class Preparation {
 public:
  Preparation(const DataPreparation& options,
              const std::function<void(const PreparationProgress&)>& progress)
      : options_(options), progress_(progress), files_(ExpandDataFiles(options.inputs)) {
    for (const std::string& file : files_) {
      if (IsTokenFile(file)) {
        throw UsageError(ErrorInfo{
            .what = "token ids already", .file = file, .expected = "text: .txt or .jsonl files"});
      }
      std::error_code error;
      const uint64_t size = fs::file_size(file, error);
      if (error) {
        throw Error(
            ErrorInfo{.what = "cannot open the file", .file = file, .found = error.message()});
      }
      bytes_total_ += size;
    }
    if (files_.empty()) throw UsageError(ErrorInfo{.what = "no input files"});
    if (!options_.chat_template.empty()) {
      chat_template_ = ChatTemplate::Named(options_.chat_template);
    }
  }

  PreparedData Run() {
    PrepareDirectory();
    PreparedData data;
    data.tokenizer = PrepareTokenizer();
    const TemporaryDirectory incomplete(fs::path(options_.out) / ".tmp-data");
    const std::string prefix = incomplete.path().string() + "/";
    ShardWriter train(prefix + "train", data.tokenizer->vocab_size(), options_.shard_tokens);
    ShardWriter validation(prefix + "validation", data.tokenizer->vocab_size(),
                           options_.shard_tokens);
    Encode(*data.tokenizer, data, train, validation);
    train.Finish();
    validation.Finish();
    data.train_tokens = train.num_tokens();
    data.validation_tokens = validation.num_tokens();
    data.train_files = PutInPlace(train.files());
    data.validation_files = PutInPlace(validation.files());
    data.tokenizer_file = Out(kTokenizerFile);
    SaveRunTokenizer(*data.tokenizer, options_.chat_template, data.tokenizer_file);
    return data;
  }

 private:
  std::string Out(const std::string& name) const { return options_.out + "/" + name; }

  // Moves complete files into the directory.
  std::vector<std::string> PutInPlace(const std::vector<std::string>& files) const {
    std::vector<std::string> placed;
    for (const std::string& file : files) {
      placed.push_back(Out(fs::path(file).filename().string()));
      std::error_code error;
      fs::rename(file, placed.back(), error);
      if (error) {
        throw Error(ErrorInfo{.what = "cannot put the finished file in place",
                              .file = placed.back(),
                              .found = error.message()});
      }
    }
    SyncDirectory(options_.out);
    return placed;
  }

  void PrepareDirectory() const {
    MakeDirectories(options_.out);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(options_.out, error)) {
      if (!IsTokenFile(entry.path().string())) continue;
      throw UsageError(ErrorInfo{.what = "the directory has token files already",
                                 .file = entry.path().string(),
                                 .hint = "name another directory, or remove them"});
    }
  }

  std::shared_ptr<const Tokenizer> PrepareTokenizer() const {
    progress_({.stage = "preparing the tokenizer", .bytes_total = bytes_total_});
    TrainingConfig config;
    config.data.train = files_;
    config.data.tokenizer = options_.tokenizer;
    config.data.chat_template = options_.chat_template;
    std::shared_ptr<const Tokenizer> tokenizer = MakeRunTokenizer(config);
    if (tokenizer != nullptr) return tokenizer;
    throw UsageError(ErrorInfo{.what = "missing", .key = "--tokenizer"});
  }

  // use(document, bytes) for the documents of a file and how many of its bytes they take up.
  // Conversations only where there is a format for them.
  void ForEachDocumentOf(const std::string& file,
                         const std::function<void(MixedDocument, uint64_t)>& use) const {
    if (chat_template_) {
      ForEachMixedDocument(file, use);
    } else if (file.ends_with(".jsonl")) {
      ForEachJsonLine(file, [&](std::string_view json, const std::string& where) {
        use(ParseTextRecord(json, where), json.size() + 1);
      });
    } else {
      ForEachDocument(file, [&](std::string_view text) { use(std::string(text), text.size()); });
    }
  }

  void Encode(const Tokenizer& tokenizer, PreparedData& data, ShardWriter& train,
              ShardWriter& validation) {
    const double train_bytes =
        static_cast<double>(bytes_total_) * (1.0 - options_.validation_fraction);
    ShardWriter* target = &train;
    const auto report = [&](uint64_t bytes_done) {
      progress_({.stage = "encoding",
                 .bytes_done = bytes_done,
                 .bytes_total = bytes_total_,
                 .tokens = train.num_tokens() + validation.num_tokens()});
    };
    uint64_t bytes_now = 0;
    const auto write = [&](std::span<const int32_t> ids) {
      target->Append(ids);
      report(bytes_now);
    };
    DocumentEncoder texts(tokenizer, write);
    std::optional<MixedEncoder> mixed;
    if (chat_template_) {
      mixed.emplace(*chat_template_, tokenizer,
                    [&](const EncodedDocument& document) { write(document.tokens); });
    }
    const auto flush = [&] {
      texts.Flush();
      if (mixed) mixed->Flush();
    };
    const auto add = [&](MixedDocument document) {
      data.text_bytes += TextBytes(document);
      ++data.documents;
      if (mixed) {
        mixed->Add(std::move(document));
      } else {
        texts.Add(std::get<std::string>(document));
      }
    };
    const auto begin_validation = [&] {
      flush();
      target = &validation;
    };
    for (const std::string& file : files_) {
      ForEachDocumentOf(file, [&](MixedDocument document, uint64_t file_bytes) {
        const double begin = static_cast<double>(bytes_now);
        bytes_now += file_bytes;
        if (target == &train && begin >= train_bytes) begin_validation();
        if (target == &train && static_cast<double>(bytes_now) > train_bytes &&
            file.ends_with(".txt")) {
          // A file that is one long document is cut after a line.
          std::string& text = std::get<std::string>(document);
          const size_t cut = text.find('\n', static_cast<size_t>(train_bytes - begin));
          if (cut != std::string::npos && cut + 1 < text.size()) {
            add(text.substr(0, cut + 1));
            begin_validation();
            text.erase(0, cut + 1);
          }
        }
        add(std::move(document));
      });
    }
    bytes_now = bytes_total_;
    flush();
    report(bytes_total_);
  }

  const DataPreparation& options_;
  const std::function<void(const PreparationProgress&)>& progress_;
  std::vector<std::string> files_;
  uint64_t bytes_total_ = 0;
  std::optional<ChatTemplate> chat_template_;
};

}  // namespace

PreparedData PrepareData(const DataPreparation& preparation,
                         const std::function<void(const PreparationProgress&)>& progress) {
  return Preparation(preparation, progress).Run();
}

}  // namespace trit
