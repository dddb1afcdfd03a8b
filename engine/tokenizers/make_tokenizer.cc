#include "engine/tokenizers/make_tokenizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/tokenizers/bpe_tokenizer.h"
#include "engine/tokenizers/byte_tokenizer.h"
#include "engine/tokenizers/pre_tokenizer.h"
#include "engine/tokenizers/spm_tokenizer.h"
#include "engine/tokenizers/vocabulary_tokenizer.h"

namespace trit {
namespace {

constexpr size_t kMaxTokenBytes = 4096;
constexpr size_t kMaxTokens = size_t{1} << 24;
constexpr size_t kMaxMerges = size_t{1} << 26;
constexpr size_t kLlama3VocabSize = 128256;

// What ends a turn, a message, a document or a file in chat and code models.
constexpr std::array<std::string_view, 12> kEndOfGenerationTexts = {
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
    "<|eom_id|>", "<EOT>",      "_<EOT>",  "<|fim_pad|>",   "<|repo_name|>", "<|file_sep|>"};

using TokenIndex = std::unordered_map<std::string_view, int32_t>;  // by text

std::string Entry(std::string_view array, size_t index) {
  return std::string(array) + '[' + std::to_string(index) + ']';
}

// A text from the file for a message, which must stay short.
std::string Quote(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  if (text.size() <= kMaxShown) return '"' + std::string(text) + '"';
  size_t shown = kMaxShown;
  while (shown > 0 && (static_cast<uint8_t>(text[shown]) & 0xC0) == 0x80) --shown;
  return '"' + std::string(text.substr(0, shown)) + "…\"";
}

TokenIndex CheckTokens(const TokenizerData& data, const std::string& file) {
  const std::vector<std::string>& tokens = data.tokens;
  if (tokens.empty() || tokens.size() > kMaxTokens) {
    throw Error({.what = "the vocabulary has a size that cannot be",
                 .file = file,
                 .key = "tokens",
                 .expected = "1 to " + std::to_string(kMaxTokens),
                 .found = std::to_string(tokens.size())});
  }
  TokenIndex index;
  index.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].empty() || tokens[i].size() > kMaxTokenBytes) {
      throw Error({.what = "a token has a length that cannot be",
                   .file = file,
                   .key = Entry("tokens", i),
                   .expected = "1 to " + std::to_string(kMaxTokenBytes) + " bytes",
                   .found = std::to_string(tokens[i].size())});
    }
    const auto [place, is_new] = index.emplace(tokens[i], static_cast<int32_t>(i));
    if (!is_new) {
      throw Error({.what = "the same token twice, also as " +
                           Entry("tokens", static_cast<size_t>(place->second)),
                   .file = file,
                   .key = Entry("tokens", i),
                   .found = Quote(tokens[i])});
    }
  }
  return index;
}

void CheckLength(std::string_view key, size_t found, size_t expected, const std::string& file) {
  if (found == expected) return;
  throw Error({.what = "not one entry a token",
               .file = file,
               .key = std::string(key),
               .expected = std::to_string(expected),
               .found = std::to_string(found)});
}

void CheckScores(const TokenizerData& data, const std::string& file) {
  CheckLength("scores", data.scores.size(), data.tokens.size(), file);
  for (size_t i = 0; i < data.scores.size(); ++i) {
    if (!std::isfinite(data.scores[i])) {
      throw Error({.what = "not a finite number",
                   .file = file,
                   .key = Entry("scores", i),
                   .found = std::to_string(data.scores[i])});
    }
  }
}

void CheckTypes(const TokenizerData& data, const std::string& file) {
  CheckLength("token types", data.types.size(), data.tokens.size(), file);
  for (size_t i = 0; i < data.types.size(); ++i) {
    const int32_t type = static_cast<int32_t>(data.types[i]);
    if (type < 1 || type > 6) {
      throw Error({.what = "unknown token type",
                   .file = file,
                   .key = Entry("token types", i),
                   .expected = "1 to 6",
                   .found = std::to_string(type)});
    }
    if (data.types[i] == TokenType::kByte && ParseByteToken(data.tokens[i]) < 0) {
      throw Error({.what = "not the text of a byte token",
                   .file = file,
                   .key = Entry("tokens", i),
                   .expected = "<0x00> to <0xFF>",
                   .found = Quote(data.tokens[i])});
    }
  }
}

// Texts are unique, so 256 byte tokens are one for every byte.
void CheckSpmCoversText(const TokenizerData& data, const std::string& file) {
  const auto num_bytes = std::count(data.types.begin(), data.types.end(), TokenType::kByte);
  if (num_bytes == 256) return;
  if (num_bytes != 0) {
    throw Error({.what = "byte tokens for some bytes only",
                 .file = file,
                 .key = "tokens",
                 .expected = "256 or 0",
                 .found = std::to_string(num_bytes)});
  }
  if (*data.unknown < 0 || data.types[static_cast<size_t>(*data.unknown)] != TokenType::kUnknown) {
    throw Error({.what = "neither byte tokens nor an unknown token for text without a token",
                 .file = file,
                 .key = "unknown token",
                 .expected = "a token of type 2",
                 .found = std::to_string(*data.unknown)});
  }
}

std::vector<BpeMerge> ResolveMerges(const TokenizerData& data, const TokenIndex& index,
                                    const std::string& file) {
  if (data.merges.size() > kMaxMerges) {
    throw Error({.what = "too many merges",
                 .file = file,
                 .key = "merges",
                 .expected = "at most " + std::to_string(kMaxMerges),
                 .found = std::to_string(data.merges.size())});
  }
  std::vector<BpeMerge> merges;
  merges.reserve(data.merges.size());
  for (size_t i = 0; i < data.merges.size(); ++i) {
    const std::string& merge = data.merges[i];
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size()) {
      throw Error({.what = "not a merge",
                   .file = file,
                   .key = Entry("merges", i),
                   .expected = "two tokens with a space between",
                   .found = Quote(merge)});
    }
    const std::string left = merge.substr(0, space);
    const std::string right = merge.substr(space + 1);
    const auto find = [&](const std::string& text) {
      const auto found = index.find(text);
      if (found != index.end()) return found->second;
      throw Error({.what = "a merge of or to what is no token",
                   .file = file,
                   .key = Entry("merges", i),
                   .found = Quote(text)});
    };
    merges.push_back({find(left), find(right), find(left + right)});
  }
  return merges;
}

void CheckSpecial(const TokenizerData& data, const std::string& file) {
  const auto check = [&](std::string_view key, std::optional<int32_t> id) {
    const int64_t size = static_cast<int64_t>(data.tokens.size());
    if (id.value_or(-1) >= -1 && id.value_or(-1) < size) return;
    throw Error({.what = "a special token that is not in the vocabulary",
                 .file = file,
                 .key = std::string(key),
                 .expected = "0 to " + std::to_string(size - 1) + ", or -1 for none",
                 .found = std::to_string(*id)});
  };
  check("bos token", data.bos);
  check("eos token", data.eos);
  check("unknown token", data.unknown);
  check("padding token", data.padding);
  check("eot token", data.end_of_turn);
  check("eom token", data.end_of_message);
  const auto check_added = [&](std::string_view key, bool add, std::optional<int32_t> id) {
    if (!add || id.value_or(-1) >= 0) return;
    throw Error({.what = "a token is to be added to every text, but which is not said",
                 .file = file,
                 .key = std::string(key)});
  };
  check_added("bos token", *data.add_bos, data.bos);
  check_added("eos token", *data.add_eos, data.eos);
}

template <typename T>
void FillIn(std::optional<T>& value, T by_default) {
  if (!value) value = by_default;
}

// Flags that are still empty after the defaults of the kind of tokenizer.
void FillInFlags(TokenizerData& data) {
  for (auto* flag : {&data.add_bos, &data.add_eos, &data.add_space_prefix, &data.ignore_merges}) {
    FillIn(*flag, false);
  }
}

SpecialTokens CollectSpecial(const TokenizerData& data) {
  SpecialTokens special;
  special.bos = data.bos.value_or(-1);
  special.eos = data.eos.value_or(-1);
  special.unknown = data.unknown.value_or(-1);
  special.padding = data.padding.value_or(-1);
  special.add_bos = *data.add_bos;
  special.add_eos = *data.add_eos;
  return special;
}

// Makes control tokens of those that end a generation by their text, and lists all that do.
void FindEndOfGeneration(const TokenIndex& index, TokenizerData& data, SpecialTokens& special) {
  std::vector<int32_t>& ids = special.end_of_generation;
  for (const std::optional<int32_t>& id : {data.eos, data.end_of_turn, data.end_of_message}) {
    if (id.value_or(-1) >= 0) ids.push_back(*id);
  }
  for (const std::string_view text : kEndOfGenerationTexts) {
    const auto found = index.find(text);
    if (found == index.end()) continue;
    ids.push_back(found->second);
    data.types[static_cast<size_t>(found->second)] = TokenType::kControl;
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

std::unique_ptr<Tokenizer> MakeSpmTokenizer(TokenizerData data, const std::string& file) {
  const TokenIndex index = CheckTokens(data, file);
  CheckScores(data, file);
  CheckTypes(data, file);
  FillIn(data.bos, 1);
  FillIn(data.eos, 2);
  FillIn(data.unknown, 0);
  FillIn(data.add_bos, *data.bos >= 0);
  FillIn(data.add_space_prefix, true);
  FillInFlags(data);
  CheckSpecial(data, file);
  CheckSpmCoversText(data, file);
  SpecialTokens special = CollectSpecial(data);
  FindEndOfGeneration(index, data, special);
  return std::make_unique<SpmTokenizer>(std::move(data), std::move(special));
}

std::unique_ptr<Tokenizer> MakeBpeTokenizer(TokenizerData data, const std::string& file) {
  const TokenIndex index = CheckTokens(data, file);
  if (!data.scores.empty()) CheckScores(data, file);
  if (data.types.empty()) data.types.assign(data.tokens.size(), TokenType::kNormal);
  CheckTypes(data, file);
  const std::vector<BpeMerge> merges = ResolveMerges(data, index, file);
  if (data.pre.empty()) data.pre = data.tokens.size() == kLlama3VocabSize ? "llama-bpe" : "default";
  PreTokenizer pre_tokenizer(data.pre, file);
  FillIn(data.ignore_merges, pre_tokenizer.ignore_merges());
  FillIn(data.add_bos, pre_tokenizer.add_bos() && data.bos.value_or(-1) >= 0);
  FillInFlags(data);
  CheckSpecial(data, file);
  SpecialTokens special = CollectSpecial(data);
  FindEndOfGeneration(index, data, special);
  if (ByteTokenizer::Fits(data)) {
    return std::make_unique<ByteTokenizer>(std::move(data), std::move(special));
  }
  return std::make_unique<BpeTokenizer>(std::move(data), std::move(special), merges,
                                        std::move(pre_tokenizer));
}

}  // namespace

std::unique_ptr<Tokenizer> MakeTokenizer(const TokenizerData& data, const std::string& file) {
  if (data.model == "llama") return MakeSpmTokenizer(data, file);
  if (data.model == "gpt2") return MakeBpeTokenizer(data, file);
  throw Error({.what = "a kind of tokenizer Trit does not have",
               .file = file,
               .key = "tokenizer model",
               .expected = "gpt2 (byte-level BPE) or llama (SentencePiece BPE)",
               .found = Quote(data.model)});
}

}  // namespace trit
