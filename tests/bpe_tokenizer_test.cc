#include "engine/tokenizers/bpe_tokenizer.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/tokenizers/byte_alphabet.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

void ExpectIds(const Tokenizer& tokenizer, std::string_view text, const Ids& ids,
               bool parse_special = false) {
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST(tokenizer.Encode(text, parse_special) == ids, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(TheByteAlphabetIsGpt2s) {
  BOOST_TEST(ToByteAlphabet(" a\n") == "\u0120a\u010A");
  BOOST_TEST(ToByteAlphabet(std::string_view("\0\x20\x7F\xA0\xAD\xFF", 6)) ==
             "\u0100\u0120\u0121\u0142\u0143\u00FF");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  BOOST_TEST((FromByteAlphabet(ToByteAlphabet(all)) == all));
  BOOST_TEST(!FromByteAlphabet("a b").has_value());
  BOOST_TEST(!FromByteAlphabet("\u0144").has_value());
  BOOST_TEST(!FromByteAlphabet("\u00AD").has_value());
  BOOST_TEST(!FromByteAlphabet("a\xFF").has_value());
}

// Tokens from 256 on are the merges in order.
BOOST_AUTO_TEST_CASE(MergesByRankNotByPlace) {
  const auto tokenizer = MakeTokenizer(BpeVocabulary({"b c", "a b", "ab c", "bc d"}), "");
  ExpectIds(*tokenizer, "abcd", {'a', 259});  // bc first, so ab and abc never come about
  ExpectIds(*tokenizer, "abd", {257, 'd'});
  ExpectIds(*tokenizer, "bcbc", {256, 256});
}

BOOST_AUTO_TEST_CASE(EqualRanksMergeFromTheLeft) {
  const auto tokenizer = MakeTokenizer(BpeVocabulary({"a a", "aa aa"}), "");
  ExpectIds(*tokenizer, "a", {'a'});
  ExpectIds(*tokenizer, "aaa", {256, 'a'});
  ExpectIds(*tokenizer, "aaaaa", {257, 'a'});
  ExpectIds(*tokenizer, "aaaaaaa", {257, 256, 'a'});
}

BOOST_AUTO_TEST_CASE(MergesStayWithinWords) {
  const auto tokenizer = MakeTokenizer(BpeVocabulary({"\u0120 b", "a \u0120b"}), "");
  ExpectIds(*tokenizer, "a b", {'a', 256});
}

BOOST_AUTO_TEST_CASE(IgnoringMergesTakesWholeWords) {
  TokenizerData data = BpeVocabulary({"a b"}, {"xyz"});
  AddToken(data, "abc", TokenType::kNormal);  // 258, out of reach for merges
  ExpectIds(*MakeTokenizer(data, ""), "abc", {256, 'c'});
  data.ignore_merges = true;
  ExpectIds(*MakeTokenizer(data, ""), "abc", {258});
  ExpectIds(*MakeTokenizer(data, ""), "abcd", {256, 'c', 'd'});
  ExpectIds(*MakeTokenizer(data, ""), "xyz", {'x', 'y', 'z'});  // a control token is no word
  data.ignore_merges.reset();
  data.pre = "llama-bpe";
  ExpectIds(*MakeTokenizer(data, ""), "abc", {258});
}

// Byte-pair encoding as its definition has it: look for the best pair over and over.
Ids EncodeBySearch(const TokenizerData& data, const std::string& word) {
  std::map<std::string, int32_t> ids;
  for (size_t i = 0; i < data.tokens.size(); ++i) ids[data.tokens[i]] = static_cast<int32_t>(i);
  std::vector<std::string> symbols;
  for (const char c : word) symbols.push_back(ToByteAlphabet({&c, 1}));
  for (;;) {
    size_t best_rank = data.merges.size();
    size_t best = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto merge =
          std::find(data.merges.begin(), data.merges.end(), symbols[i] + ' ' + symbols[i + 1]);
      const size_t rank = static_cast<size_t>(merge - data.merges.begin());
      if (rank < best_rank) {
        best_rank = rank;
        best = i;
      }
    }
    if (best_rank == data.merges.size()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  Ids encoded;
  for (const std::string& symbol : symbols) encoded.push_back(ids.at(symbol));
  return encoded;
}

BOOST_AUTO_TEST_CASE(AgreesWithPlainSearchOnRandomVocabularies) {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    // Merges of random earlier tokens over three letters: many overlap.
    std::vector<std::string> texts = {"a", "b", "c"};
    std::vector<std::string> merges;
    while (merges.size() < 25) {
      const std::string left = texts[random() % texts.size()];
      const std::string right = texts[random() % texts.size()];
      if (std::find(texts.begin(), texts.end(), left + right) != texts.end()) continue;
      merges.push_back(left + ' ' + right);
      texts.push_back(left + right);
    }
    const TokenizerData data = BpeVocabulary(merges);
    const auto tokenizer = MakeTokenizer(data, "");
    for (int word = 0; word < 50; ++word) {
      std::string text;
      for (size_t size = random() % 40; size > 0; --size) text += "abc"[random() % 3];
      BOOST_REQUIRE(tokenizer->Encode(text, false) == EncodeBySearch(data, text));
    }
  }
}

// A search over the word for every merge would take minutes.
BOOST_AUTO_TEST_CASE(LongWordsAreNotQuadratic) {
  const auto tokenizer = MakeTokenizer(BpeVocabulary({"a a", "aa aa", "aaaa aaaa"}), "");
  const Ids ids = tokenizer->Encode(std::string(400000, 'a'), false);
  BOOST_TEST(ids.size() == 50000u);
  BOOST_TEST(std::count(ids.begin(), ids.end(), 258) == 50000);
}

BOOST_AUTO_TEST_CASE(AnyBytesComeBack) {
  std::mt19937 random(5);
  const std::vector<std::string> merges = {"t h", "th e", "\u0120 the", "\u00C3 \u00A9", "a a"};
  for (const char* pre : {"gpt-2", "llama-bpe", "qwen2", "falcon", "smollm", "default"}) {
    TokenizerData data = BpeVocabulary(merges, {"<|im_end|>", "</s>"});
    data.pre = pre;
    const auto tokenizer = MakeTokenizer(data, "");
    for (int round = 0; round < 200; ++round) {
      const std::string text = RandomText(random, 15);
      BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, false), false) == text);
      BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, true), true) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(SpecialTokensAreTokensOnlyWhenAskedFor) {
  TokenizerData data = BpeVocabulary({}, {"<|a|>", "<|a|>b"});  // 256, 257
  AddToken(data, "@@", TokenType::kUserDefined);                // 258
  AddToken(data, "<unk>", TokenType::kUnknown);                 // 259
  AddToken(data, "<pad>", TokenType::kUnused);                  // 260
  const auto tokenizer = MakeTokenizer(data, "");
  ExpectIds(*tokenizer, "x<|a|>y<|a|>b", {'x', 256, 'y', 257}, true);  // the longest one
  ExpectIds(*tokenizer, "<|a|>", {'<', '|', 'a', '|', '>'}, false);
  ExpectIds(*tokenizer, "@@@", {258, '@'}, false);
  ExpectIds(*tokenizer, "<unk>", {259}, true);
  ExpectIds(*tokenizer, "<pad>", {'<', 'p', 'a', 'd', '>'}, true);

  BOOST_TEST(tokenizer->Decode(256, false) == "");
  BOOST_TEST(tokenizer->Decode(256, true) == "<|a|>");
  BOOST_TEST(tokenizer->Decode(258, false) == "@@");
  BOOST_TEST(tokenizer->Decode(260, false) == "");
  BOOST_TEST(tokenizer->Decode(0xFF, false) == "\xFF");
  BOOST_TEST(Contains(ErrorText([&] { tokenizer->Decode(261, true); }), "0 to 260"));
  BOOST_TEST(Contains(ErrorText([&] { tokenizer->Decode(-1, true); }), "-1"));
}

BOOST_AUTO_TEST_CASE(ABpeVocabularyOfBytesIsTheByteTokenizer) {
  const auto bytes = MakeTokenizer(ByteVocabulary(), "");
  BOOST_TEST(dynamic_cast<const ByteTokenizer*>(bytes.get()) != nullptr);
  BOOST_TEST(bytes->vocab_size() == 256);
  BOOST_TEST(bytes->special().bos == -1);
  BOOST_TEST(bytes->special().end_of_generation.empty());
  ExpectIds(*bytes, std::string_view("a\0\xFF \xC3\xA9", 6), {'a', 0, 255, 32, 0xC3, 0xA9}, true);
  BOOST_TEST(bytes->Decode(0xC3, false) == "\xC3");
  BOOST_TEST(Contains(ErrorText([&] { bytes->Decode(256, false); }), "256"));

  // The same bytes under other ids, as in GPT-2's vocabulary.
  TokenizerData shuffled = ByteVocabulary();
  std::reverse(shuffled.tokens.begin(), shuffled.tokens.end());
  const auto tokenizer = MakeTokenizer(shuffled, "");
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    const std::string text = RandomText(random, 20);
    Ids ids = tokenizer->Encode(text, true);
    BOOST_REQUIRE(tokenizer->DecodeText(ids, true) == text);
    for (int32_t& id : ids) id = 255 - id;
    BOOST_REQUIRE(ids == bytes->Encode(text, true));
  }
}

BOOST_AUTO_TEST_CASE(ABytesTokenMayBeMissing) {
  TokenizerData data = BpeVocabulary({"a b"});
  data.tokens['x'] = "xx";
  ExpectIds(*MakeTokenizer(data, ""), "axb", {'a', 'b'});
  AddToken(data, "<unk>", TokenType::kUnknown);
  data.unknown = 257;
  ExpectIds(*MakeTokenizer(data, ""), "axab", {'a', 257, 256});
}

}  // namespace
}  // namespace trit
