#include "engine/tokenizers/pre_tokenizer.h"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Words = std::vector<std::string>;

Words Split(const std::string& name, std::string_view text) {
  const PreTokenizer pre_tokenizer(name, "file");
  Words words;
  for (const std::string_view word : pre_tokenizer.Split(text)) words.emplace_back(word);
  return words;
}

void Expect(const std::string& name, std::string_view text, const Words& words) {
  BOOST_TEST_CONTEXT(name << ": " << text) {
    BOOST_TEST(Split(name, text) == words, boost::test_tools::per_element());
  }
}

// Expectations are worked out by hand from the published expressions.

BOOST_AUTO_TEST_CASE(Gpt2) {
  Expect("gpt-2", "", {});
  Expect("gpt-2", "Hello, it's 1234th.", {"Hello", ",", " it", "'s", " 1234", "th", "."});
  // Contractions are lower case only; all but the last of several spaces stand alone.
  Expect("gpt-2", "I'LL  go", {"I", "'", "LL", " ", " go"});
  Expect("gpt-2", "a\n\n\nb \n", {"a", "\n\n", "\n", "b", " \n"});
  Expect("gpt-2", "x=1;\ty", {"x", "=", "1", ";", "\t", "y"});
  Expect("gpt-2", "naïve 日本 ½²", {"naïve", " 日本", " ½²"});
}

BOOST_AUTO_TEST_CASE(Llama3) {
  Expect("llama-bpe", "Hello, it'S 1234th.",
         {"Hello", ",", " it", "'S", " ", "123", "4", "th", "."});
  // One character that is no letter may lead a word, a line end may follow punctuation.
  Expect("llama-bpe", "(foo)\n\nbar", {"(foo", ")\n\n", "bar"});
  Expect("llama-bpe", "a \n \n  b", {"a", " \n \n", " ", " b"});
  Expect("llama-bpe", "\tx\t\t y", {"\tx", "\t\t", " y"});
}

BOOST_AUTO_TEST_CASE(Qwen2SplitsNumbersIntoDigits) {
  Expect("qwen2", "it'S 123 a", {"it", "'S", " ", "1", "2", "3", " a"});
  Expect("stablelm2", "12", {"1", "2"});
}

BOOST_AUTO_TEST_CASE(SeveralExpressionsInOrder) {
  // Digits one by one first, then GPT-2's, which sees each word alone.
  Expect("smollm", "it's 42!", {"it", "'s", " ", "4", "2", "!"});
  // Punctuation first, so that contractions fall apart; then numbers by threes.
  Expect("falcon", "it's 12345`a", {"it", "'", "s", " ", "123", "45", "`", "a"});
  Expect("default", "it's 12345+a", {"it", "'", "s", " ", "123", "45", "+", "a"});
  Expect("", "1234+", {"123", "4", "+"});
  Expect("default", "a 12", {"a", " ", "12"});
}

// What tells the families apart: case of contractions, runs of digits, punctuation first or last.
BOOST_AUTO_TEST_CASE(EveryNameIsOfItsFamily) {
  const char* text = "it'S 12345`+x.\n";
  struct Family {
    std::vector<const char*> names;
    Words words;
  };
  const std::vector<Family> families = {
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon_e", "falcon-h1", "pixtral", "lfm2"},
       {"it", "'S", " ", "123", "45", "`+", "x", ".\n"}},
      {{"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"},
       {"it", "'S", " ", "1", "2", "3", "4", "5", "`+", "x", ".\n"}},
      {{"gpt-2", "phi-2", "roberta-bpe", "gigachat", "olmo", "mpt", "jais"},
       {"it", "'", "S", " 12345", "`+", "x", ".", "\n"}},
      {{"falcon"}, {"it", "'", "S", " ", "123", "45", "`+", "x", ".", "\n"}},
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
       {"it", "'", "S", " ", "1", "2", "3", "4", "5", "`+", "x", ".", "\n"}},
      {{"default", ""}, {"it", "'", "S", " ", "123", "45", "`", "+", "x", ".", "\n"}},
  };
  for (const Family& family : families) {
    for (const char* name : family.names) Expect(name, text, family.words);
  }
}

// U+180E is no white space (Unicode 6.3 and newer), U+00A0, U+0085 and U+3000 are.
BOOST_AUTO_TEST_CASE(WhiteSpaceIsUnicodes) {
  Expect("gpt-2", "a\u180E!b", {"a", "\u180E!", "b"});
  Expect("gpt-2", "a\u00A0!\u0085\u0085b\u3000\u3000",
         {"a", "\u00A0", "!", "\u0085", "\u0085", "b", "\u3000\u3000"});
}

BOOST_AUTO_TEST_CASE(BytesThatAreNotUtf8AreWordsOfTheirOwn) {
  Expect("gpt-2",
         "ab\xFF\xFE"
         "cd \x80",
         {"ab", "\xFF\xFE", "cd", " ", "\x80"});
  Expect("llama-bpe", "\xE2\x82", {"\xE2\x82"});
  // Cut off, overlong and surrogate.
  Expect("qwen2", "a\xF0\x9F\x98 b\xC0\xAF\xED\xA0\x80",
         {"a", "\xF0\x9F\x98", " b", "\xC0\xAF\xED\xA0\x80"});
}

BOOST_AUTO_TEST_CASE(WordsJoinedAreTheText) {
  std::mt19937 random(3);
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "falcon", "smollm", "default"}) {
    const PreTokenizer pre_tokenizer(name, "file");
    for (int round = 0; round < 300; ++round) {
      const std::string text = RandomText(random, 20);
      std::string joined;
      for (const std::string_view word : pre_tokenizer.Split(text)) {
        BOOST_REQUIRE(!word.empty());
        joined += word;
      }
      BOOST_REQUIRE(joined == text);
    }
  }
}

// Would take minutes if a run were gone over again for every character of it.
BOOST_AUTO_TEST_CASE(LongRunsTakeLinearTime) {
  const size_t kSize = 300000;
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "falcon", "smollm", "default"}) {
    for (const char c : {' ', 'a', '1', '!', '\n', '\xFF'}) {
      const std::string text = std::string(kSize, c) + "x";
      size_t size = 0;
      for (const std::string& word : Split(name, text)) size += word.size();
      BOOST_TEST(size == text.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(FamiliesKnowTheirDefaults) {
  for (const char* name : {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon_e", "falcon-h1"}) {
    BOOST_TEST(PreTokenizer(name, "").ignore_merges());
    BOOST_TEST(PreTokenizer(name, "").add_bos());
  }
  for (const char* name : {"gpt-2", "qwen2", "falcon", "smollm", "default", ""}) {
    BOOST_TEST(!PreTokenizer(name, "").ignore_merges());
    BOOST_TEST(!PreTokenizer(name, "").add_bos());
  }
}

BOOST_AUTO_TEST_CASE(AnUnknownNameIsRefusedWithTheKnownOnes) {
  const std::string error = ErrorText([] { PreTokenizer("tekken", "m.gguf"); });
  BOOST_TEST(Contains(error, "m.gguf"));
  BOOST_TEST(Contains(error, "tekken"));
  BOOST_TEST(Contains(error, "llama-bpe"));
}

}  // namespace
}  // namespace trit
