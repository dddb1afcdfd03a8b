#include "engine/tokenizers/tokenizer_json.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/pre_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;

// As Llama 3's file is built, with a small vocabulary.
json ByteLevel() {
  const TokenizerData data = BpeVocabulary({"a b", "ab c", "Ġ a"}, {"<|begin|>", "<|eot_id|>"});
  json root = json::parse(R"({
    "added_tokens": [
      {"id": 259, "content": "<|begin|>", "special": true},
      {"id": 260, "content": "<|eot_id|>", "special": true},
      {"id": 262, "content": "<tool>", "special": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
    "post_processor": {"type": "Sequence", "processors": [
      {"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "<|begin|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}]}]},
    "model": {"type": "BPE", "ignore_merges": true, "vocab": {}, "merges": []}})");
  root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
      PreTokenizer::ExpressionsOf("llama-bpe", "")[0];
  for (int i = 0; i < 259; ++i) root["model"]["vocab"][data.tokens[i]] = i;
  root["model"]["merges"] = {"a b", "ab c", "Ġ a"};
  return root;
}

TokenizerData Parse(const json& root) { return ParseTokenizerJson(root.dump(), "tokenizer.json"); }

BOOST_AUTO_TEST_CASE(ReadsByteLevel) {
  const TokenizerData data = Parse(ByteLevel());
  BOOST_TEST(data.model == "gpt2");
  BOOST_TEST(data.pre == "llama-bpe");
  BOOST_TEST(*data.ignore_merges);
  BOOST_TEST(*data.bos == 259);
  BOOST_TEST(*data.add_bos);
  BOOST_TEST(data.tokens.size() == 263u);
  BOOST_TEST(data.tokens[261] == "[PAD261]");  // an id that nothing has
  BOOST_TEST((data.types[261] == TokenType::kUnused));
  BOOST_TEST((data.types[262] == TokenType::kUserDefined));
  const auto tokenizer = MakeTokenizer(data, "");
  BOOST_TEST(tokenizer->Encode("abc a<|eot_id|>", true) == (Ids{257, 258, 260}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer->Encode("<tool>", false) == (Ids{262}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer->special().end_of_generation == (Ids{260}),
             boost::test_tools::per_element());
  // Merges as pairs.
  json pairs = ByteLevel();
  pairs["model"]["merges"] = json::parse(R"([["a", "b"], ["ab", "c"], ["Ġ", "a"]])");
  BOOST_TEST((Parse(pairs).merges == data.merges));
}

// White space that a token takes along is gone from the text around it; one that takes it from the
// left leaves what another has taken from the right.
BOOST_AUTO_TEST_CASE(TokensTakeWhiteSpaceAlong) {
  json root = ByteLevel();
  root["added_tokens"] = json::parse(R"([
    {"id": 259, "content": "<l>", "special": true, "lstrip": true, "rstrip": false},
    {"id": 260, "content": "<r>", "special": true, "rstrip": true, "normalized": true},
    {"id": 261, "content": "<both>", "special": false, "lstrip": true, "rstrip": true}])");
  root["post_processor"] = nullptr;
  const TokenizerData data = Parse(root);
  const std::string text = "a \u3000<l> a\n<r>\t a<both> <both>\u00A0<l>";
  const Ids expected = {97, 259, 258, 10, 260, 97, 261, 261, 259};
  GgufMetadata metadata;
  AppendGgufTokenizer(data, metadata);
  const std::string json_text = TokenizerToJson(MakeTokenizer(data, "")->data(), "");
  for (const TokenizerData& each :
       {data, ParseTokenizerJson(json_text, ""), *ReadGgufTokenizer(metadata)}) {
    BOOST_TEST(MakeTokenizer(each, "")->Encode(text, true) == expected,
               boost::test_tools::per_element());
  }
  BOOST_TEST(MakeTokenizer(data, "")->Encode("a <l>\xFF\xA0<both>", false) ==
                 (Ids{97, 32, 60, 108, 62, 255, 160, 261}),
             boost::test_tools::per_element());
  root["added_tokens"][0]["single_word"] = true;
  BOOST_TEST(Contains(ErrorText([&] { Parse(root); }), "single_word: not supported"));
}

BOOST_AUTO_TEST_CASE(RecognizesPreTokenizers) {
  const auto pre_of = [](const char* steps) {
    json root = ByteLevel();
    root["pre_tokenizer"] = json::parse(steps);
    return Parse(root).pre;
  };
  BOOST_TEST(pre_of(R"({"type": "ByteLevel", "add_prefix_space": false})") == "gpt-2");
  BOOST_TEST(pre_of(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})") == "smollm");
  // Every family that can be written is read back as itself.
  for (const char* name : {"default", "llama-bpe", "qwen2", "gpt-2", "falcon", "smollm"}) {
    TokenizerData data = BpeVocabulary({"a b"});
    data.types.clear();
    data.pre = name;
    BOOST_TEST(ParseTokenizerJson(TokenizerToJson(data, ""), "").pre == name);
  }
}

BOOST_AUTO_TEST_CASE(WhatIsWrittenIsReadBack) {
  TokenizerData data = BpeVocabulary({"a b", "ab c", "Ġ Ġ"}, {"<|begin|>", "<|eot_id|>"});
  data.pre = "qwen2";
  data.bos = 259;
  data.add_bos = true;
  const auto original = MakeTokenizer(data, "");
  const auto read =
      MakeTokenizer(ParseTokenizerJson(TokenizerToJson(original->data(), "t"), "t"), "t");
  BOOST_TEST((read->data().tokens == original->data().tokens));
  BOOST_TEST((read->data().types == original->data().types));
  BOOST_TEST((read->data().merges == original->data().merges));
  BOOST_TEST(read->data().pre == "qwen2");
  BOOST_TEST(read->special().bos == 259);
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    const std::string text = RandomText(random, 20);
    BOOST_REQUIRE(read->Encode(text, true) == original->Encode(text, true));
  }
}

// As Llama 2's file is built: the ranks of merges are what a SentencePiece model has as scores.
json WithByteFallback(const TokenizerData& spm) {
  json root = json::parse(R"({
    "added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                     {"id": 1, "content": "<s>", "special": true},
                     {"id": 2, "content": "</s>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": null,
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true,
              "vocab": {}, "merges": []}})");
  for (size_t i = 0; i < spm.tokens.size(); ++i) root["model"]["vocab"][spm.tokens[i]] = i;
  root["model"]["merges"] =
      json::parse(R"([["t", "h"], ["▁", "t"], ["▁", "th"], ["▁t", "h"], ["▁", "▁"]])");
  return root;
}

BOOST_AUTO_TEST_CASE(ReadsByteFallback) {
  // Pieces in the order of their scores: th, ▁t, ▁th, ▁▁, then what no merge makes.
  const TokenizerData spm = SpmVocabulary({"th", "▁t", "▁th", "▁▁", "t", "h", "▁"});
  const TokenizerData data = Parse(WithByteFallback(spm));
  BOOST_TEST(data.model == "llama");
  BOOST_TEST(*data.add_space_prefix);
  BOOST_TEST(*data.unknown == 0);
  BOOST_TEST((data.types[0] == TokenType::kUnknown));
  BOOST_TEST((data.types[3] == TokenType::kByte));
  const auto read = MakeTokenizer(data, "");
  const auto expected = MakeTokenizer(spm, "");
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const std::string text = RandomText(random, 20);
    BOOST_REQUIRE(read->Encode(text, false) == expected->Encode(text, false));
  }
  json metaspace = WithByteFallback(spm);
  metaspace["normalizer"] = nullptr;
  metaspace["pre_tokenizer"] =
      json::parse(R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"})");
  BOOST_TEST(*Parse(metaspace).add_space_prefix == false);
}

BOOST_AUTO_TEST_CASE(RefusesWhatItCannotDoExactly) {
  struct Case {
    const char* patch;
    const char* message;
  };
  const Case cases[] = {
      {R"({"model": {"type": "Unigram"}})", "model.type: a kind of tokenizer Trit does not have"},
      {R"({"model": {"end_of_word_suffix": "</w>"}})", "model.end_of_word_suffix: not supported"},
      {R"({"model": {"vocab": null}})", "model.vocab: missing"},
      {R"({"model": {"vocab": {"a": -1}}})", "token id out of range"},
      {R"({"model": {"vocab": {"a": 66000}}})", "token id out of range"},
      {R"({"added_tokens": [{"id": 66000, "content": "x"}]})", "token id out of range"},
      {R"({"model": {"vocab": {"a": 1}}})", "two tokens with one id"},
      {R"({"model": {"vocab": {"a": "x"}}})", "wrong type"},
      {R"({"model": {"merges": [["a"]]}})", "not a merge"},
      {R"({"model": {"merges": 5}})", "model.merges: wrong type"},
      {R"({"added_tokens": 5})", "added_tokens: wrong type"},
      {R"({"added_tokens": [{"id": 5, "content": "x"}]})", "two tokens with one id"},
      {R"({"added_tokens": [{"content": "x"}]})", "added_tokens.id: missing"},
      {R"({"normalizer": {"type": "Lowercase"}})", "a normalizer Trit does not have"},
      {R"({"pre_tokenizer": null})", "neither byte-level nor with byte fallback"},
      {R"({"pre_tokenizer": {"type": "Whitespace", "pretokenizers": null}})", "Whitespace"},
      {R"({"pre_tokenizer": {"type": "ByteLevel", "pretokenizers": null,
           "add_prefix_space": true}})",
       "add_prefix_space: not supported"},
      {R"({"pre_tokenizer": {"pretokenizers": [
           {"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated"},
           {"type": "ByteLevel", "use_regex": false}]}})",
       "a pre-tokenizer Trit does not know: found x+"},
      {R"({"pre_tokenizer": {"pretokenizers": [
           {"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Removed"}]}})",
       "behavior: not supported"},
      {R"({"post_processor": {"processors": [{"type": "TemplateProcessing",
           "single": [{"SpecialToken": {"id": "nope"}}]}]}})",
       "a special token that is not in the vocabulary"},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.patch) {
      json root = ByteLevel();
      root.merge_patch(json::parse(c.patch));
      const std::string text = ErrorText([&] { MakeTokenizer(Parse(root), ""); });
      BOOST_TEST(Contains(text, c.message), text);
    }
  }
}

BOOST_AUTO_TEST_CASE(DirectoriesOfTokenizers) {
  const TemporaryFolder folder;
  HfConfig config;
  config.model.vocab_size = 270;
  config.bos_token_id = 5;
  config.eos_token_ids = {7};
  BOOST_TEST(!ReadHfTokenizer(folder.path().string(), config).data);
  WriteBytes(folder / "tokenizer.json", ByteLevel().dump());
  WriteBytes(folder / "tokenizer_config.json", R"({
    "add_bos_token": false, "eos_token": {"content": "<|eot_id|>"}, "pad_token": "<tool>",
    "chat_template": [{"name": "tool_use", "template": "a"}, {"name": "default", "template": "b"}]})");
  WriteBytes(folder / "generation_config.json", R"({"eos_token_id": [260, 8, 9]})");
  HfTokenizer tokenizer = ReadHfTokenizer(folder.path().string(), config);
  BOOST_TEST(tokenizer.chat_template == "b");
  BOOST_TEST(tokenizer.data->tokens.size() == 270u);  // padded to the model's rows
  BOOST_TEST(*tokenizer.data->bos == 259);            // the tokenizer's own word counts
  BOOST_TEST(!*tokenizer.data->add_bos);
  BOOST_TEST(*tokenizer.data->eos == 260);
  BOOST_TEST(*tokenizer.data->padding == 262);
  BOOST_TEST(MakeTokenizer(*tokenizer.data, "")->special().end_of_generation == (Ids{8, 9, 260}),
             boost::test_tools::per_element());
  WriteBytes(folder / "chat_template.jinja", "c");
  BOOST_TEST(ReadHfTokenizer(folder.path().string(), config).chat_template == "c");
  WriteBytes(folder / "generation_config.json", R"({"eos_token_id": 270})");
  BOOST_TEST(Contains(ErrorText([&] { ReadHfTokenizer(folder.path().string(), config); }),
                      "eos_token_id: token id out of range"));
  config.model.vocab_size = 262;
  BOOST_TEST(Contains(ErrorText([&] { ReadHfTokenizer(folder.path().string(), config); }),
                      "the tokenizer has more tokens than the model"));
}

// Tokens that a SentencePiece model does not have, in either file.
BOOST_AUTO_TEST_CASE(AddedTokensOfDirectories) {
  const TemporaryFolder folder;
  TokenizerData pieces = SpmVocabulary({"th", "t", "h", "▁"});
  AddToken(pieces, "<own>", TokenType::kUserDefined);
  const auto spm = MakeTokenizer(pieces, "");
  const int64_t size = spm->vocab_size();
  WriteBytes(folder / "tokenizer.model", SerializeSentencePieceModel(spm->data()));
  HfConfig config;
  config.model.vocab_size = size + 3;
  const auto decoder = [&](const std::string& first, const std::string& id) {
    WriteBytes(folder / "tokenizer_config.json",
               R"({"added_tokens_decoder": {)" + first + "\"" + id +
                   R"(": {"content": "<tool>", "rstrip": true}}})");
  };
  const std::string end =
      "\"" + std::to_string(size) + R"(": {"content": "<|im_end|>", "special": true}, )";
  const auto error = [&] {
    return ErrorText([&] { ReadHfTokenizer(folder.path().string(), config); });
  };
  const std::string next = std::to_string(size + 1);
  decoder(end, next);
  for (const bool both : {false, true}) {
    if (both) {
      WriteBytes(folder / "added_tokens.json", "{\"<|im_end|>\": " + std::to_string(size) +
                                                   ", \"<own>\": " + std::to_string(size - 1) +
                                                   "}");
    }
    const TokenizerData data = *ReadHfTokenizer(folder.path().string(), config).data;
    BOOST_TEST((data.types[size - 1] == TokenType::kUserDefined));
    BOOST_TEST(data.tokens[size] == "<|im_end|>");
    BOOST_TEST((data.types[size] == TokenType::kControl));
    BOOST_TEST(data.tokens[size + 1] == "<tool>");
    BOOST_TEST((data.types[size + 1] == TokenType::kUserDefined));
    BOOST_TEST(data.strip_left.empty());
    BOOST_TEST(data.strip_right == Ids{static_cast<int32_t>(size + 1)},
               boost::test_tools::per_element());
    BOOST_TEST(MakeTokenizer(data, "")->Encode("t<tool> <|im_end|>", true).size() == 4u);
  }
  decoder(end, "x");
  BOOST_TEST(Contains(error(), "added_tokens_decoder.x: not a token id"));
  decoder(end, std::to_string(size + 2));
  BOOST_TEST(Contains(error(), "added_tokens_decoder." + std::to_string(size + 2) +
                                   ": an id that is not the next"));
  decoder("\"0\": 5, ", next);
  BOOST_TEST(Contains(error(), "added_tokens_decoder.0: wrong type"));
}

// Written and read: both kinds of vocabulary, and what a conversation needs of them.
BOOST_AUTO_TEST_CASE(TokenizersThereAndBack) {
  TokenizerData bpe = BpeVocabulary({"a b", "ab c"}, {"<|begin|>", "<|im_end|>"});
  bpe.bos = 258;
  bpe.add_bos = true;
  bpe.eos = 259;
  bpe.pre = "llama-bpe";
  TokenizerData spm = SpmVocabulary({"th", "▁t", "t", "h", "▁"});
  AddToken(spm, "<|im_end|>", TokenType::kControl);
  AddToken(spm, "<tool>", TokenType::kUserDefined);
  spm.padding = 2;
  spm.strip_left = {static_cast<int32_t>(spm.tokens.size()) - 2};
  spm.strip_right = {static_cast<int32_t>(spm.tokens.size()) - 2,
                     static_cast<int32_t>(spm.tokens.size()) - 1};
  for (const TokenizerData& data : {bpe, spm}) {
    const TemporaryFolder folder;
    const auto original = MakeTokenizer(data, "");
    WriteHfTokenizer(*original, "{{ template }}", folder.path().string());
    HfConfig config;
    config.model.vocab_size = original->vocab_size();
    const HfTokenizer tokenizer = ReadHfTokenizer(folder.path().string(), config);
    BOOST_TEST(tokenizer.chat_template == "{{ template }}");
    const auto read = MakeTokenizer(*tokenizer.data, "");
    const TokenizerData& a = original->data();
    const TokenizerData& b = read->data();
    BOOST_TEST((a.tokens == b.tokens && a.types == b.types && a.scores == b.scores));
    BOOST_TEST((a.merges == b.merges && a.pre == b.pre));
    BOOST_TEST((a.strip_left == b.strip_left && a.strip_right == b.strip_right));
    BOOST_TEST((a.add_bos == b.add_bos && a.add_space_prefix == b.add_space_prefix));
    BOOST_TEST(read->special().bos == original->special().bos);
    BOOST_TEST(read->special().eos == original->special().eos);
    BOOST_TEST(read->special().padding == original->special().padding);
    BOOST_TEST(read->special().end_of_generation == original->special().end_of_generation,
               boost::test_tools::per_element());
  }
}

}  // namespace
}  // namespace trit
