#include "engine/tokenizers/spm_tokenizer.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/tokenizers/make_tokenizer.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

constexpr int32_t kByte = 3;     // id of <0x00>
constexpr int32_t kPiece = 259;  // id of the first piece
constexpr int32_t kSpaceBytes[] = {kByte + 0xE2, kByte + 0x96, kByte + 0x81};

std::unique_ptr<Tokenizer> Make(const std::vector<std::string>& pieces, bool add_space_prefix) {
  TokenizerData data = SpmVocabulary(pieces);
  data.add_space_prefix = add_space_prefix;
  return MakeTokenizer(data, "");
}

void ExpectIds(const Tokenizer& tokenizer, std::string_view text, const Ids& ids,
               bool parse_special = false) {
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST(tokenizer.Encode(text, parse_special) == ids, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(MergesTheHighestScoreFirst) {
  // bc 259, ab 260, abc 261, bcd 262, then characters
  const auto tokenizer = Make({"bc", "ab", "abc", "bcd", "a", "b", "c", "d"}, false);
  ExpectIds(*tokenizer, "", {});
  ExpectIds(*tokenizer, "abc", {261});
  ExpectIds(*tokenizer, "abcd", {261, 266});  // abc before bcd
  ExpectIds(*tokenizer, "bcd", {262});
  ExpectIds(*tokenizer, "ab", {260});
}

BOOST_AUTO_TEST_CASE(EqualScoresMergeFromTheLeft) {
  const auto tokenizer = Make({"aa", "aaaa", "a"}, false);
  ExpectIds(*tokenizer, "aaa", {259, 261});
  ExpectIds(*tokenizer, "aaaaaaa", {260, 259, 261});
}

BOOST_AUTO_TEST_CASE(WhatIsNoPieceBecomesBytes) {
  const auto tokenizer = Make({"a", "é"}, false);
  ExpectIds(*tokenizer, "aéb", {259, 260, kByte + 'b'});
  ExpectIds(*tokenizer, "\u20AC", {kByte + 0xE2, kByte + 0x82, kByte + 0xAC});
  ExpectIds(*tokenizer, "a\xFF\xC3", {259, kByte + 0xFF, kByte + 0xC3});
  // The text of a byte token, or of unknown, is text like any other.
  ExpectIds(*tokenizer, "<0x41>",
            {kByte + '<', kByte + '0', kByte + 'x', kByte + '4', kByte + '1', kByte + '>'}, true);
}

BOOST_AUTO_TEST_CASE(SpacesAndTheOneBeforeTheText) {
  const std::vector<std::string> pieces = {"\u2581a", "\u2581\u2581", "\u2581", "a"};
  const auto plain = Make(pieces, false);
  ExpectIds(*plain, "a a", {kPiece + 3, kPiece});
  ExpectIds(*plain, "   a", {kPiece + 1, kPiece});
  BOOST_TEST(plain->DecodeText(Ids{kPiece, kPiece + 1, kPiece + 3}, false) == " a  a");

  const auto prefixed = Make(pieces, true);
  ExpectIds(*prefixed, "", {});
  ExpectIds(*prefixed, "a a", {kPiece, kPiece});
  ExpectIds(*prefixed, "a</s>a", {kPiece, 2, kPiece}, true);
  BOOST_TEST(prefixed->Decode(kPiece, false) == " a");
  BOOST_TEST(prefixed->DecodeText(Ids{1, kPiece, kPiece, 2, kPiece}, true) == "<s>a a</s>a");
  BOOST_TEST(prefixed->DecodeText(Ids{1, kPiece, kPiece}, false) == "a a");
  BOOST_TEST(prefixed->DecodeText(Ids{kPiece + 3, kPiece}, false) == "a a");
}

BOOST_AUTO_TEST_CASE(ControlTokensAreNeverMerged) {
  // "<s" and ">" would join to the text of bos.
  const auto tokenizer = Make({"<s", "s>", "<", "s", ">"}, false);
  ExpectIds(*tokenizer, "<s>", {259, 263}, false);
  ExpectIds(*tokenizer, "<s>", {1}, true);
  BOOST_TEST(tokenizer->Decode(1, false) == "");
  BOOST_TEST(tokenizer->Decode(1, true) == "<s>");
}

BOOST_AUTO_TEST_CASE(UserDefinedTokensAreCutOutFirst) {
  TokenizerData data = SpmVocabulary({"ax", "xx", "a", "x"});
  AddToken(data, "xa", TokenType::kUserDefined, -100);  // 263
  data.add_space_prefix = false;
  const auto tokenizer = MakeTokenizer(data, "");
  ExpectIds(*tokenizer, "axax", {261, 263, 262}, false);
  BOOST_TEST(tokenizer->Decode(263, false) == "xa");
}

// A text begins anew, with its space, after every token that is cut out.
BOOST_AUTO_TEST_CASE(TheSpaceComesBackAfterEverySpecialToken) {
  TokenizerData data = SpmVocabulary({"\u2581a", "\u2581\u2581", "\u2581", "a"});  // 259 to 262
  AddToken(data, "<tool>", TokenType::kUserDefined);                               // 263
  const auto tokenizer = MakeTokenizer(data, "");
  ExpectIds(*tokenizer, "a<tool>a", {259, 263, 259}, false);
  ExpectIds(*tokenizer, "<tool>a</s>a", {263, 259, 2, 259}, true);
  ExpectIds(*tokenizer, "<s><s>", {1, 1}, true);
  ExpectIds(*tokenizer, " ", {260}, false);
  ExpectIds(*tokenizer, " a", {261, 259}, false);  // one space of its own and the one of the text
  ExpectIds(*tokenizer, "a ", {259, 261}, false);
  ExpectIds(*tokenizer, "<tool> a", {263, 261, 259}, false);
  for (const char* text : {"a<tool>a", "<tool> a</s>  a ", " ", "<s>a", "  <tool>"}) {
    BOOST_TEST(tokenizer->DecodeText(tokenizer->Encode(text, true), true) == text);
  }
}

BOOST_AUTO_TEST_CASE(UnusedPiecesAreOnlySteps) {
  // abc can only be reached through ab.
  TokenizerData data = SpmVocabulary({"ab", "abc", "a", "b", "c"});
  data.types[259] = TokenType::kUnused;
  data.add_space_prefix = false;
  const auto tokenizer = MakeTokenizer(data, "");
  ExpectIds(*tokenizer, "abc", {260});
  ExpectIds(*tokenizer, "ab", {261, 262});
  ExpectIds(*tokenizer, "abab", {261, 262, 261, 262});
}

BOOST_AUTO_TEST_CASE(WithoutByteTokensUnknownCharactersBecomeUnknown) {
  TokenizerData data;
  data.model = "llama";
  AddToken(data, "<unk>", TokenType::kUnknown);
  AddToken(data, "<s>", TokenType::kControl);
  AddToken(data, "</s>", TokenType::kControl);
  AddToken(data, "a", TokenType::kNormal);
  data.add_space_prefix = false;
  const auto tokenizer = MakeTokenizer(data, "");
  ExpectIds(*tokenizer, "axéxa", {3, 0, 3});  // one for a run, as SentencePiece does
}

BOOST_AUTO_TEST_CASE(DefaultsAreLlamas) {
  const auto tokenizer = MakeTokenizer(SpmVocabulary({"a"}), "");
  BOOST_TEST(tokenizer->special().bos == 1);
  BOOST_TEST(tokenizer->special().eos == 2);
  BOOST_TEST(tokenizer->special().unknown == 0);
  BOOST_TEST(tokenizer->special().padding == -1);
  BOOST_TEST(tokenizer->special().add_bos);
  BOOST_TEST(!tokenizer->special().add_eos);
  ExpectIds(*tokenizer, "a", {kSpaceBytes[0], kSpaceBytes[1], kSpaceBytes[2], kPiece});
}

// The definition: join the best pair over and over, looking at all of them every time.
Ids EncodeBySearch(const TokenizerData& data, const std::vector<std::string>& characters) {
  std::vector<std::string> symbols = characters;
  const auto find = [&](const std::string& text) {
    const auto token = std::find(data.tokens.begin() + kPiece, data.tokens.end(), text);
    return static_cast<size_t>(token - data.tokens.begin());
  };
  for (;;) {
    size_t best = symbols.size();
    float best_score = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const size_t id = find(symbols[i] + symbols[i + 1]);
      if (id == data.tokens.size()) continue;
      if (best == symbols.size() || data.scores[id] > best_score) {
        best = i;
        best_score = data.scores[id];
      }
    }
    if (best == symbols.size()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  Ids ids;
  for (const std::string& symbol : symbols) ids.push_back(static_cast<int32_t>(find(symbol)));
  return ids;
}

BOOST_AUTO_TEST_CASE(AgreesWithPlainSearchOnRandomVocabularies) {
  std::mt19937 random(17);
  for (int round = 0; round < 60; ++round) {
    // Every other vocabulary has pieces with spaces inside, which forbid encoding word by word.
    const std::vector<std::string> characters = {"a", "b", "\u2581"};
    std::vector<std::string> pieces = characters;
    while (pieces.size() < 30) {
      const std::string piece = pieces[random() % pieces.size()] + pieces[random() % pieces.size()];
      const size_t word_end = piece.find("\u2581", 1);
      if (round % 2 == 0 && word_end != std::string::npos) continue;
      if (std::find(pieces.begin(), pieces.end(), piece) == pieces.end()) pieces.push_back(piece);
    }
    TokenizerData data = SpmVocabulary(pieces);
    std::shuffle(data.scores.begin() + kPiece, data.scores.end(), random);
    for (size_t i = kPiece; i < data.scores.size(); i += 4) data.scores[i] = -1;  // ties
    data.add_space_prefix = false;
    const auto tokenizer = MakeTokenizer(data, "");
    for (int line = 0; line < 40; ++line) {
      std::string text;
      std::vector<std::string> symbols;
      for (size_t size = random() % 40; size > 0; --size) {
        const size_t choice = random() % 3;
        symbols.push_back(characters[choice]);
        text += choice == 2 ? " " : characters[choice];
      }
      BOOST_REQUIRE(tokenizer->Encode(text, false) == EncodeBySearch(data, symbols));
    }
  }
}

BOOST_AUTO_TEST_CASE(AnyBytesComeBack) {
  std::mt19937 random(23);
  for (const bool add_space_prefix : {false, true}) {
    const auto tokenizer =
        Make({"\u2581t", "he", "\u2581the", "\u2581\u2581", "é", "a", "t", "h", "e", "\u2581"},
             add_space_prefix);
    for (int round = 0; round < 500; ++round) {
      const std::string text = RandomText(random, 15);
      BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, false), false) == text);
      BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, true), true) == text);
    }
  }
}

// U+2581 stands for a space within the tokenizer; one in the text itself is written as its bytes.
BOOST_AUTO_TEST_CASE(TheSpaceCharacterItself) {
  const auto tokenizer = Make({"\u2581a", "\u2581", "a"}, true);  // ids from 259
  BOOST_TEST(
      tokenizer->Encode("a\u2581a", false) == (std::vector<int32_t>{259, 229, 153, 132, 261}),
      boost::test_tools::per_element());
  BOOST_TEST(tokenizer->Encode("\u2581", false) == (std::vector<int32_t>{260, 229, 153, 132}),
             boost::test_tools::per_element());
}

// As a stream: the space that Encode puts before a text is dropped there and nowhere else.
BOOST_AUTO_TEST_CASE(DecodesTokenByToken) {
  const auto tokenizer = Make({"\u2581a", "\u2581", "a"}, true);
  BOOST_TEST(tokenizer->DecodeNext(-1, 259, false) == "a");
  BOOST_TEST(tokenizer->DecodeNext(1, 259, false) == "a");  // after <s>
  BOOST_TEST(tokenizer->DecodeNext(261, 259, false) == " a");
  BOOST_TEST(tokenizer->DecodeNext(259, 1, false) == "");
  BOOST_TEST(Make({"\u2581a", "\u2581", "a"}, false)->DecodeNext(-1, 259, false) == " a");
}

// A search over the text for every merge would take minutes.
BOOST_AUTO_TEST_CASE(LongTextsAreNotQuadratic) {
  const auto tokenizer = Make({"aa", "aaaa", "\u2581\u2581", "\u2581a", "a", "\u2581"}, false);
  BOOST_TEST(tokenizer->Encode(std::string(200000, 'a'), false).size() == 50000u);
  BOOST_TEST(tokenizer->Encode(std::string(200000, ' '), false).size() == 100000u);
}

}  // namespace
}  // namespace trit
