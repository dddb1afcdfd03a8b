#include "engine/tokenizers/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"
#include "engine/tokenizers/added_token.h"
#include "engine/tokenizers/pre_tokenizer.h"
#include "engine/tokenizers/vocabulary_tokenizer.h"

namespace trit {
namespace {

using nlohmann::json;

// Ids without a token are filled up, so a small file must not ask for many of them.
constexpr int64_t kMaxHoles = 65536;
constexpr const char* kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space

[[noreturn]] void Refuse(const std::string& file, const std::string& key, const std::string& what,
                         const std::string& found, const std::string& hint = "") {
  throw Error(ErrorInfo{.what = what, .file = file, .key = key, .found = found, .hint = hint});
}

// Steps of a Sequence, or the one step; none of null.
std::vector<const json*> Steps(const json* part, const char* list, const std::string& file) {
  if (part == nullptr) return {};
  const JsonFields fields(*part, file);
  if (fields.String("type", "") != "Sequence") return {part};
  std::vector<const json*> steps;
  const json& members = fields.Require(list);
  if (!members.is_array()) fields.Throw(list, "wrong type", "a list", ShownJson(members));
  for (const json& step : members) {
    for (const json* inner : Steps(&step, list, file)) steps.push_back(inner);
  }
  return steps;
}

class Parser {
 public:
  Parser(const json& root, const std::string& file)
      : root_(root, file), model_(root_.Object("model")), file_(file) {}

  TokenizerData Parse() {
    const std::string type = model_.String("type", "BPE");
    if (type != "BPE") {
      Refuse(file_, "model.type", "a kind of tokenizer Trit does not have", type,
             "BPE, byte-level or with byte fallback, is what language models use");
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!model_.String(key, "").empty()) model_.ThrowUnsupported(key, "none");
    }
    ParseVocabulary();
    ParseAddedTokens();
    data_.types.resize(data_.tokens.size(), TokenType::kNormal);
    FillHoles();
    if (model_.Bool("byte_fallback", false)) {
      FinishSentencePiece();
    } else {
      FinishByteLevel();
    }
    ParsePostProcessor();
    return std::move(data_);
  }

 private:
  void SetToken(int64_t id, const std::string& text, const std::string& key) {
    if (id < 0 || id >= end_of_ids_) {
      Refuse(file_, key, "token id out of range", std::to_string(id),
             "ids begin at 0 and leave few out");
    }
    const size_t index = static_cast<size_t>(id);
    if (index >= data_.tokens.size()) data_.tokens.resize(index + 1);
    if (!data_.tokens[index].empty() && data_.tokens[index] != text) {
      Refuse(file_, key, "two tokens with one id", std::to_string(id));
    }
    data_.tokens[index] = text;
  }

  void ParseVocabulary() {
    const json& vocab = model_.Require("vocab");
    if (!vocab.is_object()) model_.Throw("vocab", "wrong type", "an object", ShownJson(vocab));
    const json* added = root_.Find("added_tokens");
    const size_t num_added = added != nullptr && added->is_array() ? added->size() : 0;
    end_of_ids_ = static_cast<int64_t>(vocab.size() + num_added) + kMaxHoles;
    for (const auto& [text, id] : vocab.items()) {
      SetToken(model_.AsInteger("vocab", id), text, "model.vocab");
    }
  }

  // Whatever the vocabulary says of them, their text is matched before all else.
  void ParseAddedTokens() {
    const json* added = root_.Find("added_tokens");
    if (added == nullptr) return;
    if (!added->is_array()) root_.Throw("added_tokens", "wrong type", "a list", ShownJson(*added));
    for (const json& item : *added) {
      const JsonFields fields(item, file_, "added_tokens.");
      const AddedToken token = ReadAddedToken(fields, fields.Integer("id"));
      SetToken(token.id, token.text, "added_tokens");
      MarkAdded(token, data_);
    }
  }

  void FillHoles() {
    for (size_t i = 0; i < data_.tokens.size(); ++i) {
      if (!data_.tokens[i].empty()) continue;
      data_.tokens[i] = fmt::format("[PAD{}]", i);
      data_.types[i] = TokenType::kUnused;
    }
  }

  // "left right" in older files, ["left", "right"] in newer ones.
  std::vector<std::string> ParseMerges() const {
    const json& merges = model_.Require("merges");
    if (!merges.is_array()) model_.Throw("merges", "wrong type", "a list", ShownJson(merges));
    std::vector<std::string> texts;
    texts.reserve(merges.size());
    for (const json& merge : merges) {
      if (merge.is_string()) {
        texts.push_back(merge.get<std::string>());
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string()) {
        texts.push_back(merge[0].get<std::string>() + ' ' + merge[1].get<std::string>());
      } else {
        model_.Throw("merges", "not a merge", "two tokens", ShownJson(merge));
      }
    }
    return texts;
  }

  void FinishByteLevel() {
    data_.model = "gpt2";
    for (const json* step : Steps(root_.Find("normalizer"), "normalizers", file_)) {
      const std::string type = JsonFields(*step, file_).String("type", "");
      if (type != "NFC") Refuse(file_, "normalizer", "a normalizer Trit does not have", type);
    }
    data_.merges = ParseMerges();
    data_.ignore_merges = model_.Bool("ignore_merges", false);
    data_.pre = ParsePreTokenizer();
  }

  std::string ParsePreTokenizer() const {
    std::vector<std::string> expressions;
    std::string shown;
    bool byte_level = false;
    for (const json* step : Steps(root_.Find("pre_tokenizer"), "pretokenizers", file_)) {
      const JsonFields fields(*step, file_, "pre_tokenizer.");
      const std::string type = fields.String("type", "");
      if (type == "Split") {
        expressions.push_back(SplitExpression(fields));
      } else if (type == "ByteLevel") {
        byte_level = true;
        if (fields.Bool("add_prefix_space", false)) {
          fields.ThrowUnsupported("add_prefix_space", "false");
        }
        if (fields.Bool("use_regex", true))
          expressions.emplace_back(PreTokenizer::Gpt2Expression());
      } else if (type == "Digits") {
        expressions.emplace_back(fields.Bool("individual_digits", false) ? R"(\p{N})"
                                                                         : R"(\p{N}+)");
      } else {
        fields.ThrowUnsupported("type", "\"Split\", \"ByteLevel\" or \"Digits\"");
      }
      shown += (shown.empty() ? "" : " ") + type;
    }
    if (!byte_level) {
      Refuse(file_, "pre_tokenizer", "neither byte-level nor with byte fallback", shown);
    }
    const std::optional<std::string> name = PreTokenizer::NameOf(expressions);
    if (!name) {
      Refuse(file_, "pre_tokenizer", "a pre-tokenizer Trit does not know",
             fmt::format("{}", fmt::join(expressions, " then ")));
    }
    return *name;
  }

  static std::string SplitExpression(const JsonFields& split) {
    const JsonFields pattern = split.Object("pattern");
    const std::string behavior = split.String("behavior", "");
    // Removed with invert keeps what matches and nothing else: the same where all text matches.
    const bool inverted = split.Bool("invert", false);
    if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted)) {
      split.ThrowUnsupported("behavior", "\"Isolated\"");
    }
    return pattern.String("Regex");
  }

  void FinishSentencePiece() {
    data_.model = "llama";
    data_.add_space_prefix = ParseSpacePrefix();
    for (size_t i = 0; i < data_.tokens.size(); ++i) {
      if (data_.types[i] == TokenType::kNormal && ParseByteToken(data_.tokens[i]) >= 0) {
        data_.types[i] = TokenType::kByte;
      }
    }
    const std::string unknown = model_.String("unk_token", "");
    data_.unknown = -1;
    for (size_t i = 0; i < data_.tokens.size() && !unknown.empty(); ++i) {
      if (data_.tokens[i] != unknown) continue;
      data_.unknown = static_cast<int32_t>(i);
      data_.types[i] = TokenType::kUnknown;
    }
    data_.bos = -1;
    data_.eos = -1;
    data_.add_bos = false;
    // The rank of the first merge that makes a token is what orders merges by score.
    std::unordered_map<std::string, size_t> ranks;
    const std::vector<std::string> merges = ParseMerges();
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const size_t space = merges[rank].find(' ', 1);
      if (space == std::string::npos) {
        model_.Throw("merges", "not a merge", "two tokens", merges[rank].substr(0, 60));
      }
      ranks.emplace(merges[rank].substr(0, space) + merges[rank].substr(space + 1), rank);
    }
    for (const std::string& token : data_.tokens) {
      const auto found = ranks.find(token);
      const size_t rank = found == ranks.end() ? merges.size() : found->second;
      data_.scores.push_back(-static_cast<float>(rank));
    }
  }

  // Whether a space is put before the text; spaces must become U+2581 in one of the two ways.
  bool ParseSpacePrefix() const {
    bool replaces = false;
    bool prepends = false;
    for (const json* step : Steps(root_.Find("normalizer"), "normalizers", file_)) {
      const JsonFields fields(*step, file_, "normalizer.");
      const std::string type = fields.String("type", "");
      if (type == "Prepend" && fields.String("prepend") == kSpace) {
        prepends = true;
      } else if (type == "Replace" && fields.Object("pattern").String("String", "") == " " &&
                 fields.String("content") == kSpace) {
        replaces = true;
      } else {
        Refuse(file_, "normalizer", "a normalizer Trit does not have", type);
      }
    }
    for (const json* step : Steps(root_.Find("pre_tokenizer"), "pretokenizers", file_)) {
      const JsonFields fields(*step, file_, "pre_tokenizer.");
      if (fields.String("type", "") != "Metaspace") {
        fields.ThrowUnsupported("type", "\"Metaspace\"");
      }
      replaces = true;
      const bool adds = fields.Bool("add_prefix_space", true);
      prepends |= fields.String("prepend_scheme", adds ? "always" : "never") != "never";
    }
    if (!replaces) Refuse(file_, "normalizer", "spaces do not become U+2581", "");
    return prepends;
  }

  // The special tokens that a TemplateProcessing puts around a text.
  void ParsePostProcessor() {
    for (const json* step : Steps(root_.Find("post_processor"), "processors", file_)) {
      const JsonFields fields(*step, file_, "post_processor.");
      if (fields.String("type", "") != "TemplateProcessing") continue;
      const json* single = fields.Find("single");
      if (single == nullptr || !single->is_array() || single->empty()) continue;
      if (const auto bos = TemplateToken(single->front())) {
        data_.bos = *bos;
        data_.add_bos = true;
      }
      if (const auto eos = TemplateToken(single->back())) {
        data_.eos = *eos;
        data_.add_eos = true;
      }
    }
  }

  std::optional<int32_t> TemplateToken(const json& item) const {
    const JsonFields fields(item, file_, "post_processor.single.");
    if (fields.Find("SpecialToken") == nullptr) return std::nullopt;
    const std::string text = fields.Object("SpecialToken").String("id");
    const auto found = std::find(data_.tokens.begin(), data_.tokens.end(), text);
    if (found == data_.tokens.end()) {
      Refuse(file_, "post_processor.single", "a special token that is not in the vocabulary", text);
    }
    return static_cast<int32_t>(found - data_.tokens.begin());
  }

  JsonFields root_;
  JsonFields model_;
  const std::string& file_;
  int64_t end_of_ids_ = 0;
  TokenizerData data_;
};

nlohmann::ordered_json AddedTokensJson(const TokenizerData& data) {
  nlohmann::ordered_json added = nlohmann::ordered_json::array();
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    const TokenType type = i < data.types.size() ? data.types[i] : TokenType::kNormal;
    if (type != TokenType::kControl && type != TokenType::kUserDefined &&
        type != TokenType::kUnknown) {
      continue;
    }
    const auto strips = [i](const std::vector<int32_t>& ids) {
      return std::binary_search(ids.begin(), ids.end(), static_cast<int32_t>(i));
    };
    added.push_back({{"id", i},
                     {"content", data.tokens[i]},
                     {"single_word", false},
                     {"lstrip", strips(data.strip_left)},
                     {"rstrip", strips(data.strip_right)},
                     {"normalized", false},
                     {"special", type != TokenType::kUserDefined}});
  }
  return added;
}

nlohmann::ordered_json PreTokenizerJson(const TokenizerData& data, const std::string& file) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const std::string& expression : PreTokenizer::ExpressionsOf(data.pre, file)) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", expression}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back({{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", true},
                   {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

nlohmann::ordered_json PostProcessorJson(const TokenizerData& data) {
  nlohmann::ordered_json single = nlohmann::ordered_json::array();
  nlohmann::ordered_json specials = nlohmann::ordered_json::object();
  const auto add = [&](bool wanted, std::optional<int32_t> id) {
    if (!wanted || id.value_or(-1) < 0) return;
    const std::string& text = data.tokens[static_cast<size_t>(*id)];
    single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    specials[text] = {{"id", text}, {"ids", {*id}}, {"tokens", {text}}};
  };
  add(data.add_bos.value_or(false), data.bos);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(data.add_eos.value_or(false), data.eos);
  if (single.size() == 1) return nullptr;
  nlohmann::ordered_json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", specials}};
}

}  // namespace

TokenizerData ParseTokenizerJson(std::string_view text, const std::string& file) {
  const json root = ParseStrictJson(text, file);
  return Parser(root, file).Parse();
}

std::string TokenizerToJson(const TokenizerData& data, const std::string& file) {
  nlohmann::ordered_json vocab = nlohmann::ordered_json::object();
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    const bool hole = i < data.types.size() && data.types[i] == TokenType::kUnused;
    // Emplaced at the end: looking for the key first would be quadratic.
    if (!hole) vocab.get_ref<nlohmann::ordered_json::object_t&>().push_back({data.tokens[i], i});
  }
  nlohmann::ordered_json merges = nlohmann::ordered_json::array();
  for (const std::string& merge : data.merges) {
    const size_t space = merge.find(' ', 1);
    merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  const nlohmann::ordered_json root = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", AddedTokensJson(data)},
      {"normalizer", nullptr},
      {"pre_tokenizer", PreTokenizerJson(data, file)},
      {"post_processor", PostProcessorJson(data)},
      {"decoder",
       {{"type", "ByteLevel"},
        {"add_prefix_space", true},
        {"trim_offsets", true},
        {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", data.ignore_merges.value_or(false)},
        {"vocab", std::move(vocab)},
        {"merges", std::move(merges)}}},
  };
  try {
    return root.dump(1) + "\n";
  } catch (const nlohmann::json::exception& error) {
    throw Error(
        ErrorInfo{.what = "a token that is not UTF-8", .file = file, .found = error.what()});
  }
}

}  // namespace trit
