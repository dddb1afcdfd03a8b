#include "engine/tokenizers/utf8_stream.h"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <string_view>

#include "engine/tokenizers/utf8.h"

namespace trit {
namespace {

std::string Whole(std::string_view bytes) {
  Utf8Stream stream;
  std::string text = stream.Push(bytes);
  return text + stream.Flush();
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char next = DecodeUtf8(text);
    if (next.status != Utf8Char::Status::kValid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

BOOST_AUTO_TEST_CASE(HandsOutWholeCharactersOnly) {
  Utf8Stream stream;
  BOOST_TEST(stream.Push("a\xE2") == "a");
  BOOST_TEST(stream.Push("\x82") == "");
  BOOST_TEST(stream.Push("\xAC"
                         "b\xF0\x9F") ==
             "\u20AC"
             "b");
  BOOST_TEST(stream.Push("\x98\x80") == "\U0001F600");
  BOOST_TEST(stream.Flush() == "");
}

BOOST_AUTO_TEST_CASE(AnUnfinishedCharacterIsReplacedAtTheEnd) {
  Utf8Stream stream;
  BOOST_TEST(stream.Push("x\xF0\x9F\x98") == "x");
  BOOST_TEST(stream.Flush() == "\uFFFD");
  BOOST_TEST(stream.Flush() == "");
  BOOST_TEST(stream.Push("y") == "y");
}

// The examples of the Unicode standard, chapter 3, tables 3-8 to 3-11.
BOOST_AUTO_TEST_CASE(ReplacesAsTheUnicodeStandardRecommends) {
  BOOST_TEST(Whole("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") ==
             "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  BOOST_TEST(Whole("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") ==
             "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  BOOST_TEST(Whole("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") ==
             "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42");
  BOOST_TEST(Whole("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
}

BOOST_AUTO_TEST_CASE(EveryCodePointPassesAndReadsBack) {
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string text;
    AppendUtf8(code_point, text);
    const Utf8Char decoded = DecodeUtf8(text);
    if (decoded.status != Utf8Char::Status::kValid || decoded.code_point != code_point ||
        decoded.length != text.size() || Whole(text) != text) {
      BOOST_FAIL("code point " << static_cast<uint32_t>(code_point));
    }
  }
}

BOOST_AUTO_TEST_CASE(DoesNotDependOnWhereTheBytesAreCut) {
  std::mt19937 random(7);
  constexpr std::string_view kParts[] = {"a",    "é",    "\u20AC", "\U0001F600", "\xF0\x9F",
                                         "\xE2", "\x80", "\xC0",   "\xED\xA0",   "\xF4\x90"};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) bytes += kParts[random() % std::size(kParts)];
    Utf8Stream stream;
    std::string text;
    for (size_t begin = 0; begin < bytes.size();) {
      const size_t size = 1 + random() % 5;
      const std::string piece = stream.Push(std::string_view(bytes).substr(begin, size));
      BOOST_REQUIRE(IsUtf8(piece));
      text += piece;
      begin += size;
    }
    text += stream.Flush();
    BOOST_REQUIRE(text == Whole(bytes));
  }
}

}  // namespace
}  // namespace trit
