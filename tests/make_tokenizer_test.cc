#include "engine/tokenizers/make_tokenizer.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

// What is wrong with a vocabulary after a change; every message names the file.
std::string ErrorAfter(TokenizerData data, const std::function<void(TokenizerData&)>& change) {
  change(data);
  const std::string error = ErrorText([&] { MakeTokenizer(data, "model.gguf"); });
  BOOST_TEST((error.empty() || error.starts_with("model.gguf: ")));
  return error;
}

#define EXPECT_REFUSED(data, change, part)                                        \
  BOOST_TEST_CONTEXT(#change) {                                                   \
    const std::string error = ErrorAfter(data, [](TokenizerData& d) { change; }); \
    BOOST_TEST(Contains(error, part), error);                                     \
  }

BOOST_AUTO_TEST_CASE(RefusesVocabulariesThatCannotBe) {
  const TokenizerData bpe = BpeVocabulary({"a b", "ab c"}, {"<|end|>"});
  const TokenizerData spm = SpmVocabulary({"ab", "a", "b"});
  BOOST_TEST(ErrorAfter(bpe, [](TokenizerData&) {}) == "");
  BOOST_TEST(ErrorAfter(spm, [](TokenizerData&) {}) == "");

  EXPECT_REFUSED(bpe, d.model = "bert", "gpt2");
  EXPECT_REFUSED(bpe, d.pre = "no-such", "no-such");
  EXPECT_REFUSED(spm, d.tokens.clear(), "tokens");
  for (const TokenizerData& data : {bpe, spm}) {
    EXPECT_REFUSED(data, d.tokens[9] = d.tokens[5], "tokens[9]");
    EXPECT_REFUSED(data, d.tokens[9] = "", "tokens[9]");
    EXPECT_REFUSED(data, d.tokens[9] = std::string(5000, 'x'), "5000");
    EXPECT_REFUSED(data, d.types.pop_back(), "token types");
    EXPECT_REFUSED(data, d.types[7] = static_cast<TokenType>(0), "token types[7]");
    EXPECT_REFUSED(data, d.types[7] = static_cast<TokenType>(-3), "token types[7]");
    EXPECT_REFUSED(data, d.types[7] = static_cast<TokenType>(7), "token types[7]");
    EXPECT_REFUSED(data, d.scores.resize(3), "scores");
    EXPECT_REFUSED(data, d.scores.assign(d.tokens.size(), NAN), "scores[0]");
    EXPECT_REFUSED(data, d.scores.assign(d.tokens.size(), INFINITY), "scores[0]");
    EXPECT_REFUSED(data, d.bos = static_cast<int32_t>(d.tokens.size()), "bos token");
    EXPECT_REFUSED(data, d.eos = -2, "eos token");
    EXPECT_REFUSED(data, d.unknown = 1 << 30, "unknown token");
    EXPECT_REFUSED(data, d.padding = 300000, "padding token");
    EXPECT_REFUSED(data, d.end_of_turn = 300000, "eot token");
    EXPECT_REFUSED(data, d.end_of_message = 300000, "eom token");
    EXPECT_REFUSED(data, (d.bos = -1, d.add_bos = true), "bos token");
    EXPECT_REFUSED(data, (d.eos = -1, d.add_eos = true), "eos token");
  }
  EXPECT_REFUSED(spm, d.scores.clear(), "scores");
  EXPECT_REFUSED(spm, d.types.clear(), "token types");
}

BOOST_AUTO_TEST_CASE(RefusesMergesOfOtherThanTokens) {
  const TokenizerData bpe = BpeVocabulary({"a b", "ab c"});
  EXPECT_REFUSED(bpe, d.merges[1] = "xy c", "\"xy\"");
  EXPECT_REFUSED(bpe, d.merges[1] = "c xy", "\"xy\"");
  EXPECT_REFUSED(bpe, d.merges[1] = "a c", "\"ac\"");
  EXPECT_REFUSED(bpe, d.merges[1] = "abc", "merges[1]");
  EXPECT_REFUSED(bpe, d.merges[1] = "", "merges[1]");
  EXPECT_REFUSED(bpe, d.merges[1] = " ", "merges[1]");
  EXPECT_REFUSED(bpe, d.merges[1] = "a ", "merges[1]");
  EXPECT_REFUSED(bpe, d.merges[1] = std::string(1 << 20, 'x'), "…");  // shown in part only
}

BOOST_AUTO_TEST_CASE(ByteTokensMustReadAsSuch) {
  const TokenizerData spm = SpmVocabulary({"a"});
  for (const char* text : {"<0x-1>", "<0x1>", "<0x0a>", "<0x0A", "<0xGG>", "0x0A", "<0x100>"}) {
    TokenizerData data = spm;
    data.tokens[13] = text;
    BOOST_TEST(Contains(ErrorText([&] { MakeTokenizer(data, ""); }), "<0x00> to <0xFF>"));
  }
  EXPECT_REFUSED(spm, d.types[13] = TokenType::kNormal, "255");
  // Neither bytes nor an unknown token: some text would have no ids.
  EXPECT_REFUSED(spm,
                 (std::fill(d.types.begin(), d.types.end(), TokenType::kNormal), d.unknown = 0),
                 "unknown token");
}

BOOST_AUTO_TEST_CASE(DefaultIdsAreCheckedToo) {
  TokenizerData data;
  data.model = "llama";
  AddToken(data, "<unk>", TokenType::kUnknown);
  AddToken(data, "a", TokenType::kNormal);
  BOOST_TEST(Contains(ErrorText([&] { MakeTokenizer(data, ""); }), "eos token"));
  data.eos = -1;  // none
  BOOST_TEST(MakeTokenizer(data, "")->special().eos == -1);
  BOOST_TEST(MakeTokenizer(data, "")->special().end_of_generation.empty());
  data.bos = -1;
  BOOST_TEST(!MakeTokenizer(data, "")->special().add_bos);
}

BOOST_AUTO_TEST_CASE(WhatEndsAGenerationIsFoundByIdAndByText) {
  TokenizerData data = BpeVocabulary({}, {"<a>", "<b>", "<c>", "<|eot_id|>"});  // 256 to 259
  AddToken(data, "<|im_end|>", TokenType::kUserDefined);                        // 260
  AddToken(data, "<EOT>", TokenType::kNormal);                                  // 261
  data.eos = 257;
  data.end_of_turn = 259;
  data.end_of_message = 256;
  const auto tokenizer = MakeTokenizer(data, "");
  BOOST_TEST(tokenizer->special().end_of_generation == Ids({256, 257, 259, 260, 261}),
             boost::test_tools::per_element());
  // Those found by text are control tokens: no text becomes them unasked, and they print nothing.
  BOOST_TEST(tokenizer->Encode("<|im_end|>", false).size() == 10u);
  BOOST_TEST(tokenizer->Encode("<|im_end|>", true) == Ids({260}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer->Decode(261, false) == "");
  BOOST_TEST((tokenizer->data().types[260] == TokenType::kControl));
}

BOOST_AUTO_TEST_CASE(DefaultsAreFilledIn) {
  TokenizerData data = BpeVocabulary({}, {"<s>"});
  data.types.clear();
  data.pre.clear();
  data.add_bos.reset();
  data.bos = 256;
  const auto plain = MakeTokenizer(data, "");
  BOOST_TEST(plain->data().pre == "default");
  BOOST_TEST(plain->data().types.size() == 257u);
  BOOST_TEST(*plain->data().ignore_merges == false);
  BOOST_TEST(!plain->special().add_bos);
  BOOST_TEST(plain->special().eos == -1);

  data.pre = "falcon3";
  const auto falcon = MakeTokenizer(data, "");
  BOOST_TEST(falcon->special().add_bos);
  BOOST_TEST(*falcon->data().ignore_merges == true);
  data.bos.reset();  // bos cannot be added where there is none
  BOOST_TEST(!MakeTokenizer(data, "")->special().add_bos);

  // The Llama-3 vocabulary is known by its size.
  data.pre.clear();
  while (data.tokens.size() < 128256)
    data.tokens.push_back("t" + std::to_string(data.tokens.size()));
  BOOST_TEST(MakeTokenizer(data, "")->data().pre == "llama-bpe");
}

BOOST_AUTO_TEST_CASE(DataComesBackAsItWas) {
  const TokenizerData bpe = BpeVocabulary({"a b"}, {"<x>"});
  const TokenizerData spm = SpmVocabulary({"ab", "a"});
  for (const TokenizerData& data : {bpe, spm}) {
    const auto first = MakeTokenizer(data, "");
    const auto second = MakeTokenizer(first->data(), "");
    for (const TokenizerData& back : {first->data(), second->data()}) {
      BOOST_TEST((back.tokens == data.tokens));
      BOOST_TEST((back.scores == data.scores));
      BOOST_TEST((back.types == data.types));
      BOOST_TEST((back.merges == data.merges));
    }
    BOOST_TEST((second->data().bos == first->data().bos));
    BOOST_TEST((second->data().add_space_prefix == first->data().add_space_prefix));
  }
}

}  // namespace
}  // namespace trit
