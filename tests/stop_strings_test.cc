#include "engine/stop_strings.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace trit {
namespace {

// Whatever pieces a text comes in, the same is shown.
std::string Shown(StopStrings stops, const std::string& text, size_t piece) {
  std::string shown;
  for (size_t i = 0; i < text.size() && !stops.found(); i += piece) {
    shown += stops.Push(text.substr(i, piece));
  }
  return shown + stops.Flush();
}

BOOST_AUTO_TEST_CASE(cut_at_the_first_stop) {
  for (size_t piece = 1; piece <= 12; ++piece) {
    BOOST_TEST(Shown(StopStrings({"<|end|>", "User:"}), "Hello<|end|>User: more", piece) ==
               "Hello");
    BOOST_TEST(Shown(StopStrings({"User:", "<|end|>"}), "Hi.\nUser: <|end|>", piece) == "Hi.\n");
  }
}

BOOST_AUTO_TEST_CASE(beginnings_that_come_to_nothing_are_shown) {
  for (size_t piece = 1; piece <= 12; ++piece) {
    BOOST_TEST(Shown(StopStrings({"<|end|>"}), "a <|en <|end| b<", piece) == "a <|en <|end| b<");
    BOOST_TEST(Shown(StopStrings({"aab"}), "aaaab", piece) == "aa");
  }
}

BOOST_AUTO_TEST_CASE(what_may_be_a_stop_is_held_back) {
  StopStrings stops({"<|end|>", ""});
  BOOST_TEST(stops.Push("text<|e") == "text");
  BOOST_TEST(!stops.found());
  BOOST_TEST(stops.Push("nd|>") == "");
  BOOST_TEST(stops.found());
  BOOST_TEST(stops.Push("more") == "");
}

}  // namespace
}  // namespace trit
