#include "engine/formats/gguf_tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"

namespace trit {
namespace {

using SpecialId = std::optional<int32_t> TokenizerData::*;
using Flag = std::optional<bool> TokenizerData::*;

constexpr std::pair<const char*, SpecialId> kSpecialIds[] = {
    {"tokenizer.ggml.bos_token_id", &TokenizerData::bos},
    {"tokenizer.ggml.eos_token_id", &TokenizerData::eos},
    {"tokenizer.ggml.unknown_token_id", &TokenizerData::unknown},
    {"tokenizer.ggml.padding_token_id", &TokenizerData::padding},
    {"tokenizer.ggml.eot_token_id", &TokenizerData::end_of_turn},
    {"tokenizer.ggml.eom_token_id", &TokenizerData::end_of_message},
};

constexpr std::pair<const char*, Flag> kFlags[] = {
    {"tokenizer.ggml.add_bos_token", &TokenizerData::add_bos},
    {"tokenizer.ggml.add_eos_token", &TokenizerData::add_eos},
    {"tokenizer.ggml.add_space_prefix", &TokenizerData::add_space_prefix},
    {"tokenizer.ggml.ignore_merges", &TokenizerData::ignore_merges},
};

// Of Trit alone: GGUF has no keys for these.
using Ids = std::vector<int32_t> TokenizerData::*;
constexpr std::pair<const char*, Ids> kStrips[] = {
    {"trit.tokenizer.strip_left", &TokenizerData::strip_left},
    {"trit.tokenizer.strip_right", &TokenizerData::strip_right},
};

}  // namespace

std::optional<TokenizerData> ReadGgufTokenizer(const GgufMetadata& metadata) {
  const std::string* model = metadata.FindString("tokenizer.ggml.model");
  if (model == nullptr || *model == "none" || *model == "no_vocab") return std::nullopt;
  TokenizerData data;
  data.model = *model;
  if (const std::string* pre = metadata.FindString("tokenizer.ggml.pre")) data.pre = *pre;
  // Files of this family have Llama 3's vocabulary and do not say so.
  const std::string* architecture = metadata.FindString("general.architecture");
  const bool llama3 =
      architecture != nullptr && (*architecture == "bitnet-b1.58" || *architecture == "bitnet-25");
  data.tokens = metadata.RequireStrings("tokenizer.ggml.tokens");
  if (const auto* scores = metadata.FindFloats("tokenizer.ggml.scores")) data.scores = *scores;
  if (const auto types = metadata.FindIntegers("tokenizer.ggml.token_type", 0, INT32_MAX)) {
    for (const int64_t type : *types) data.types.push_back(static_cast<TokenType>(type));
  }
  if (const auto* merges = metadata.FindStrings("tokenizer.ggml.merges")) data.merges = *merges;
  if (llama3 && data.pre.empty() && !data.merges.empty()) data.pre = "llama-bpe";
  const int64_t last_id = static_cast<int64_t>(data.tokens.size()) - 1;
  for (const auto& [key, id] : kSpecialIds) {
    const std::optional<int64_t> value = metadata.FindInteger(key, INT64_MIN, INT64_MAX);
    if (!value) continue;
    // Some writers store -1 or its unsigned form for "none", which is not the default.
    const bool none = *value == -1 || *value == UINT32_MAX;
    data.*id = none ? -1 : static_cast<int32_t>(*metadata.FindInteger(key, 0, last_id));
  }
  for (const auto& [key, flag] : kFlags) data.*flag = metadata.FindBool(key);
  for (const auto& [key, ids] : kStrips) {
    const auto values = metadata.FindIntegers(key, 0, last_id);
    if (values) (data.*ids).assign(values->begin(), values->end());
    std::sort((data.*ids).begin(), (data.*ids).end());
  }
  return data;
}

void AppendGgufTokenizer(const TokenizerData& data, GgufMetadata& metadata) {
  metadata.Set("tokenizer.ggml.model", data.model);
  if (!data.pre.empty()) metadata.Set("tokenizer.ggml.pre", data.pre);
  metadata.Set("tokenizer.ggml.tokens", GgufArray(data.tokens));
  if (!data.scores.empty()) metadata.Set("tokenizer.ggml.scores", GgufArray(data.scores));
  if (!data.types.empty()) {
    std::vector<int32_t> types;
    for (const TokenType type : data.types) types.push_back(static_cast<int32_t>(type));
    metadata.Set("tokenizer.ggml.token_type", GgufArray(std::move(types)));
  }
  // Byte-level BPE without merges still has the key: readers require it.
  if (data.model == "gpt2") metadata.Set("tokenizer.ggml.merges", GgufArray(data.merges));
  for (const auto& [key, id] : kSpecialIds) {
    // None is said where a reader would take a default; elsewhere an id past the end confuses some.
    const bool has_default = data.model == "llama" && id != &TokenizerData::padding;
    if ((data.*id).value_or(-1) >= 0 || (data.*id && has_default)) {
      metadata.Set(key, static_cast<uint32_t>(*(data.*id)));
    }
  }
  for (const auto& [key, flag] : kFlags) {
    if (data.*flag) metadata.Set(key, *(data.*flag));
  }
  for (const auto& [key, ids] : kStrips) {
    if (!(data.*ids).empty()) metadata.Set(key, GgufArray(data.*ids));
  }
}

}  // namespace trit
