#include "training/data/tokenizer_training.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <unordered_map>
#include <utility>

#include "engine/error.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "engine/tokenizers/utf8.h"

namespace trit {
namespace {

// SentencePiece passes over longer sentences and counts positions in a word with 16 bits.
constexpr size_t kMaxLineBytes = 4096;
constexpr int64_t kNumFixedTokens = 3 + 256;
constexpr int64_t kMaxVocabSize = 1 << 20;
constexpr char32_t kReserved = 0x2585;  // SentencePiece passes over sentences with it

// Hands out lines and frees them on the way.
class LineIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LineIterator(std::vector<std::string> lines) : lines_(std::move(lines)) {}
  bool done() const override { return next_ == lines_.size(); }
  void Next() override { std::string().swap(lines_[next_++]); }
  const std::string& value() const override { return lines_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> lines_;
  size_t next_ = 0;
};

bool IsControl(char32_t code_point) { return code_point < 0x20 || code_point == 0x7F; }

// Where to cut a line that is too long: before the last space that ends a word, or else after the
// last whole character that fits.
size_t LengthThatFits(std::string_view line) {
  for (size_t i = kMaxLineBytes; i > 1; --i) {
    if (line[i] == ' ' && line[i - 1] != ' ') return i;
  }
  size_t length = kMaxLineBytes;
  while ((static_cast<uint8_t>(line[length]) & 0xC0) == 0x80) --length;
  return length;
}

}  // namespace

TokenizerTrainer::TokenizerTrainer(TokenizerTrainingOptions options)
    : options_(std::move(options)), has_character_(0x110000) {
  const std::vector<std::string>& symbols = options_.control_symbols;
  const int64_t min_size = kNumFixedTokens + static_cast<int64_t>(symbols.size()) + 1;
  if (options_.vocab_size < min_size || options_.vocab_size > kMaxVocabSize) {
    throw UsageError({.what = "a vocabulary of this size cannot be trained",
                      .key = "vocab_size",
                      .expected = std::to_string(min_size) + " to " + std::to_string(kMaxVocabSize),
                      .found = std::to_string(options_.vocab_size)});
  }
  std::set<std::string_view> seen = {"<unk>", "<s>", "</s>"};
  for (const std::string& symbol : symbols) {
    const bool plain = std::all_of(symbol.begin(), symbol.end(), [](char c) {
      return c != ',' && c != '"' && !IsControl(static_cast<uint8_t>(c));
    });
    if (symbol.empty() || !plain || !seen.insert(symbol).second) {
      throw UsageError({.what = "cannot be a control symbol",
                        .key = "control_symbols",
                        .expected = "texts, each once, without commas and quotes",
                        .found = '"' + symbol + '"'});
    }
  }
}

void TokenizerTrainer::Add(std::string_view text) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = DecodeUtf8(text.substr(i));
    if (next.status != Utf8Char::Status::kValid || IsControl(next.code_point) ||
        next.code_point == kReserved) {
      AddLine(text.substr(begin, i - begin));
      begin = i + next.length;
    } else {
      has_character_[next.code_point] = true;
    }
    i += next.length;
  }
  AddLine(text.substr(begin));
}

void TokenizerTrainer::AddLine(std::string_view line) {
  while (line.size() > kMaxLineBytes) {
    const size_t length = LengthThatFits(line);
    lines_.emplace_back(line.substr(0, length));
    line.remove_prefix(length);
  }
  if (!line.empty()) lines_.emplace_back(line);
}

TokenizerData TokenizerTrainer::Train() {
  if (lines_.empty()) throw Error("there is no text to train a tokenizer on");
  const int64_t needed = kNumFixedTokens + static_cast<int64_t>(options_.control_symbols.size()) +
                         std::count(has_character_.begin(), has_character_.end(), true);
  if (needed > options_.vocab_size) {
    throw UsageError({.what = "the vocabulary has no room for every character of the text",
                      .key = "vocab_size",
                      .expected = "at least " + std::to_string(needed),
                      .found = std::to_string(options_.vocab_size)});
  }
  std::unordered_map<std::string, std::string> arguments = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(options_.vocab_size)},
      {"byte_fallback", "true"},
      {"character_coverage", "1.0"},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"add_dummy_prefix", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"split_digits", "true"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"hard_vocab_limit", "false"},
      {"num_threads", "1"},
      {"minloglevel", "2"},
  };
  std::string symbols;
  for (const std::string& symbol : options_.control_symbols) {
    symbols += (symbols.empty() ? "" : ",") + symbol;
  }
  if (!symbols.empty()) arguments["user_defined_symbols"] = symbols;

  LineIterator lines(std::move(lines_));
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &lines, &model);
  if (!status.ok()) {
    throw Error(std::string("SentencePiece cannot train the tokenizer: ") + status.error_message());
  }
  TokenizerData data = ParseSentencePieceModel(model, "the trained model");
  // SentencePiece cuts out user-defined symbols wherever they stand. In a chat a user must not be
  // able to write them, so they become control tokens.
  std::replace(data.types.begin(), data.types.end(), TokenType::kUserDefined, TokenType::kControl);
  data.add_bos = options_.add_bos;
  data.add_eos = false;
  return data;
}

}  // namespace trit
