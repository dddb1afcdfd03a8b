#include "engine/formats/hf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/output_file.h"
#include "engine/files/strict_json.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/llama2c_model.h"
#include "engine/tokenizers/added_token.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "engine/tokenizers/tokenizer_json.h"

namespace trit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kTokenizerJson = "tokenizer.json";
constexpr const char* kTokenizerModel = "tokenizer.model";
constexpr const char* kAddedTokens = "added_tokens.json";
constexpr const char* kTokenizerConfig = "tokenizer_config.json";
constexpr const char* kGenerationConfig = "generation_config.json";
constexpr const char* kChatTemplate = "chat_template.jinja";
constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;

bool Exists(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at cannot be read either
  return fs::exists(path, ignored);
}

json ReadJson(const fs::path& path) {
  return ParseStrictJson(ReadTextFile(path.string(), kMaxConfigBytes), path.string());
}

bool Has(const TokenizerData& data, const AddedToken& token) {
  return token.id >= 0 && token.id < std::ssize(data.tokens) &&
         data.tokens[static_cast<size_t>(token.id)] == token.text;
}

// Tokens beyond a SentencePiece model's own, and more about those that it has. By the keys they are
// listed under.
void AddTokens(std::vector<std::pair<std::string, AddedToken>> tokens, const JsonFields& fields,
               TokenizerData& data) {
  std::sort(tokens.begin(), tokens.end(),
            [](const auto& a, const auto& b) { return a.second.id < b.second.id; });
  for (const auto& [key, token] : tokens) {
    if (Has(data, token)) {
      TokenType& type = data.types[static_cast<size_t>(token.id)];
      const TokenType own = type;
      MarkAdded(token, data);
      if (own == TokenType::kUnknown || own == TokenType::kByte) type = own;
      continue;
    }
    if (token.id != std::ssize(data.tokens)) {
      fields.Throw(key.c_str(), "an id that is not the next", std::to_string(data.tokens.size()),
                   std::to_string(token.id));
    }
    data.tokens.push_back(token.text);
    data.scores.push_back(0);
    MarkAdded(token, data);
  }
}

// {"<|im_end|>": 32000, …}: of a token that the model has this says nothing new.
void ReadAddedTokensFile(const fs::path& path, TokenizerData& data) {
  const json added = ReadJson(path);
  const JsonFields fields(added, path.string());
  std::vector<std::pair<std::string, AddedToken>> tokens;
  for (const auto& [text, id] : added.items()) {
    const AddedToken token{.id = fields.AsInteger(text.c_str(), id), .text = text};
    if (!Has(data, token)) tokens.emplace_back(text, token);
  }
  AddTokens(std::move(tokens), fields, data);
}

// {"added_tokens_decoder": {"32000": {"content": "<|im_end|>", …}, …}}
void ApplyAddedTokensDecoder(const JsonFields& config, TokenizerData& data) {
  const json* decoder = config.Find("added_tokens_decoder");
  if (decoder == nullptr) return;
  const JsonFields fields = config.Object("added_tokens_decoder");
  std::vector<std::pair<std::string, AddedToken>> tokens;
  for (const auto& [id, token] : decoder->items()) {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), value);
    if (error != std::errc() || end != id.data() + id.size()) {
      fields.Throw(id.c_str(), "not a token id", "a whole number", id);
    }
    tokens.emplace_back(id, ReadAddedToken(fields.Object(id.c_str()), value));
  }
  AddTokens(std::move(tokens), fields, data);
}

std::optional<TokenizerData> ReadVocabulary(const fs::path& directory) {
  if (Exists(directory / kTokenizerJson)) {
    const std::string path = (directory / kTokenizerJson).string();
    return ParseTokenizerJson(ReadTextFile(path, kMaxTokenizerBytes), path);
  }
  if (!Exists(directory / kTokenizerModel)) return std::nullopt;
  const std::string path = (directory / kTokenizerModel).string();
  TokenizerData data = ParseSentencePieceModel(ReadTextFile(path, kMaxTokenizerBytes), path);
  if (Exists(directory / kAddedTokens)) ReadAddedTokensFile(directory / kAddedTokens, data);
  return data;
}

// Model matrices are often padded to a round number of rows.
void PadTo(int64_t vocab_size, const std::string& file, TokenizerData& data) {
  if (static_cast<int64_t>(data.tokens.size()) > vocab_size) {
    throw Error(ErrorInfo{.what = "the tokenizer has more tokens than the model",
                          .file = file,
                          .expected = fmt::format("at most {}", vocab_size),
                          .found = std::to_string(data.tokens.size())});
  }
  data.types.resize(data.tokens.size(), TokenType::kNormal);
  while (static_cast<int64_t>(data.tokens.size()) < vocab_size) {
    data.tokens.push_back(fmt::format("[PAD{}]", data.tokens.size()));
    data.types.push_back(TokenType::kUnused);
    if (!data.scores.empty()) data.scores.push_back(0);
  }
}

// "<s>", or an object that has it as "content"; nothing if absent.
std::optional<int32_t> NamedToken(const JsonFields& fields, const char* key,
                                  const TokenizerData& data) {
  const json* value = fields.Find(key);
  if (value == nullptr) return std::nullopt;
  const std::string text =
      value->is_object() ? fields.Object(key).String("content") : fields.String(key);
  const auto found = std::find(data.tokens.begin(), data.tokens.end(), text);
  if (found == data.tokens.end()) return std::nullopt;
  return static_cast<int32_t>(found - data.tokens.begin());
}

// The default of several named templates.
std::string ChatTemplateOf(const JsonFields& fields) {
  const json* value = fields.Find("chat_template");
  if (value == nullptr) return "";
  if (!value->is_array()) return fields.String("chat_template");
  for (const json& item : *value) {
    const JsonFields named(item, "tokenizer_config.json", "chat_template.");
    if (named.String("name", "") == "default") return named.String("template");
  }
  return "";
}

void ApplyTokenizerConfig(const fs::path& path, HfTokenizer& tokenizer) {
  const json root = ReadJson(path);
  const JsonFields fields(root, path.string());
  tokenizer.chat_template = ChatTemplateOf(fields);
  if (!tokenizer.data) return;
  TokenizerData& data = *tokenizer.data;
  // tokenizer.json lists them itself.
  if (data.model == "llama" && !Exists(path.parent_path() / kTokenizerJson)) {
    ApplyAddedTokensDecoder(fields, data);
  }
  const auto set_token = [&](const char* key, std::optional<int32_t>& id) {
    if (const auto named = NamedToken(fields, key, data)) id = named;
  };
  set_token("bos_token", data.bos);
  set_token("eos_token", data.eos);
  set_token("pad_token", data.padding);
  if (fields.Find("add_bos_token") != nullptr) data.add_bos = fields.Bool("add_bos_token", false);
  if (fields.Find("add_eos_token") != nullptr) data.add_eos = fields.Bool("add_eos_token", false);
}

std::vector<int32_t> EndOfGeneration(const fs::path& directory, const HfConfig& config) {
  const fs::path path = directory / kGenerationConfig;
  if (!Exists(path)) return config.eos_token_ids;
  const json root = ReadJson(path);
  const JsonFields fields(root, path.string());
  const json* eos = fields.Find("eos_token_id");
  if (eos == nullptr) return config.eos_token_ids;
  std::vector<int32_t> ids;
  for (const json& id : eos->is_array() ? *eos : json::array({*eos})) {
    const int64_t value = fields.AsInteger("eos_token_id", id);
    if (value < 0 || value >= config.model.vocab_size) {
      fields.Throw("eos_token_id", "token id out of range",
                   fmt::format("0 to {}", config.model.vocab_size - 1), std::to_string(value));
    }
    ids.push_back(static_cast<int32_t>(value));
  }
  return ids;
}

// What the configs say of ids, where the tokenizer's own files say nothing; and further ids that
// end a generation.
void ApplyIds(const fs::path& directory, const HfConfig& config, TokenizerData& data) {
  if (data.bos.value_or(-1) < 0 && config.bos_token_id >= 0) data.bos = config.bos_token_id;
  const std::vector<int32_t> ends = EndOfGeneration(directory, config);
  if (data.eos.value_or(-1) < 0 && !ends.empty()) data.eos = ends.front();
  for (const int32_t id : ends) {
    if (id == data.eos) continue;
    (data.end_of_turn ? data.end_of_message : data.end_of_turn) = id;
  }
}

// What a SentencePiece model cannot say: tokens that take white space along.
void AddDecoder(const TokenizerData& data, nlohmann::ordered_json& config) {
  const auto has = [](const std::vector<int32_t>& ids, int32_t id) {
    return std::binary_search(ids.begin(), ids.end(), id);
  };
  std::vector<int32_t> ids;
  std::set_union(data.strip_left.begin(), data.strip_left.end(), data.strip_right.begin(),
                 data.strip_right.end(), std::back_inserter(ids));
  for (const int32_t id : ids) {
    const auto i = static_cast<size_t>(id);
    config["added_tokens_decoder"][std::to_string(id)] = {
        {"content", data.tokens[i]}, {"lstrip", has(data.strip_left, id)},
        {"normalized", false},       {"rstrip", has(data.strip_right, id)},
        {"single_word", false},      {"special", data.types[i] != TokenType::kUserDefined}};
  }
}

}  // namespace

HfTokenizer ReadHfTokenizer(const std::string& directory, const HfConfig& config) {
  const fs::path root(directory);
  HfTokenizer tokenizer{.data = ReadVocabulary(root), .chat_template = ""};
  if (Exists(root / kTokenizerConfig)) ApplyTokenizerConfig(root / kTokenizerConfig, tokenizer);
  if (Exists(root / kChatTemplate)) {
    tokenizer.chat_template = ReadTextFile((root / kChatTemplate).string(), kMaxConfigBytes);
  }
  if (tokenizer.data) {
    PadTo(config.model.vocab_size, directory, *tokenizer.data);
    ApplyIds(root, config, *tokenizer.data);
  }
  return tokenizer;
}

TokenizerData ReadTokenizerFile(const std::string& path, std::optional<int64_t> vocab_size) {
  TokenizerData data;
  if (path.ends_with(".json")) {
    data = ParseTokenizerJson(ReadTextFile(path, kMaxTokenizerBytes), path);
  } else if (path.ends_with(".model")) {
    data = ParseSentencePieceModel(ReadTextFile(path, kMaxTokenizerBytes), path);
  } else if (path.ends_with(".gguf")) {
    const GgufReader reader(path);
    std::optional<TokenizerData> stored = ReadGgufTokenizer(reader.metadata());
    if (!stored) throw Error(ErrorInfo{.what = "the file has no tokenizer", .file = path});
    data = std::move(*stored);
  } else if (path.ends_with(".bin")) {
    data = ReadLlama2cTokenizer(path);
  } else {
    throw UsageError(ErrorInfo{.what = "unknown kind of tokenizer file",
                               .file = path,
                               .expected = "tokenizer.json, a SentencePiece .model, a .gguf or "
                                           "llama2.c's tokenizer.bin"});
  }
  if (vocab_size) PadTo(*vocab_size, path, data);
  return data;
}

void WriteHfTokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                      const std::string& directory) {
  const fs::path root(directory);
  const TokenizerData& data = tokenizer.data();
  const bool byte_level = data.model == "gpt2";
  const std::string path = (root / (byte_level ? kTokenizerJson : kTokenizerModel)).string();
  WriteTextFile(path, byte_level ? TokenizerToJson(data, path) : SerializeSentencePieceModel(data));
  nlohmann::ordered_json config = {
      {"tokenizer_class", byte_level ? "PreTrainedTokenizerFast" : "LlamaTokenizer"},
      {"add_bos_token", data.add_bos.value_or(false)},
      {"add_eos_token", data.add_eos.value_or(false)},
      {"clean_up_tokenization_spaces", false}};
  const auto set_token = [&](const char* key, std::optional<int32_t> id) {
    if (id.value_or(-1) >= 0) config[key] = data.tokens[static_cast<size_t>(*id)];
  };
  set_token("bos_token", data.bos);
  set_token("eos_token", data.eos);
  set_token("unk_token", data.unknown);
  set_token("pad_token", data.padding);
  if (!byte_level) AddDecoder(data, config);
  if (!chat_template.empty()) config["chat_template"] = chat_template;
  WriteTextFile((root / kTokenizerConfig).string(), config.dump(2) + "\n");
  // The order is kept: the first is eos.
  std::vector<int32_t> ends;
  if (data.eos.value_or(-1) >= 0) ends.push_back(*data.eos);
  for (const int32_t id : tokenizer.special().end_of_generation) {
    if (id != data.eos) ends.push_back(id);
  }
  nlohmann::ordered_json generation = nlohmann::ordered_json::object();
  if (data.bos.value_or(-1) >= 0) generation["bos_token_id"] = *data.bos;
  if (!ends.empty()) generation["eos_token_id"] = ends;
  WriteTextFile((root / kGenerationConfig).string(), generation.dump(2) + "\n");
}

}  // namespace trit
