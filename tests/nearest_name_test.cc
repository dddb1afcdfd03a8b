#include "training/config/nearest_name.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace trit {
namespace {

BOOST_AUTO_TEST_CASE(EditDistances) {
  BOOST_TEST(EditDistance("", "") == 0u);
  BOOST_TEST(EditDistance("", "abc") == 3u);
  BOOST_TEST(EditDistance("abc", "") == 3u);
  BOOST_TEST(EditDistance("kitten", "sitting") == 3u);
  BOOST_TEST(EditDistance("steps", "stesp") == 1u);  // two neighbours swapped
  BOOST_TEST(EditDistance("ab", "ba") == 1u);
  BOOST_TEST(EditDistance("ca", "abc") == 3u);  // each place is edited once only
  BOOST_TEST(EditDistance("hidden_size", "hidden_size") == 0u);
}

BOOST_AUTO_TEST_CASE(NamesTheClosest) {
  const std::vector<std::string> known = {"model.hidden_size", "train.steps",
                                          "train.seed",        "schedule.learning_rate",
                                          "checkpoint.every",  "train.eval_every"};
  BOOST_TEST(NearestName("train.step", known) == "train.steps");
  BOOST_TEST(NearestName("train.stesp", known) == "train.steps");
  BOOST_TEST(NearestName("model.hiden_size", known) == "model.hidden_size");
  BOOST_TEST(NearestName("training.steps", known) == "train.steps");
  // Right name, wrong section; and no section at all.
  BOOST_TEST(NearestName("train.learning_rate", known) == "schedule.learning_rate");
  BOOST_TEST(NearestName("optimizer.learning_rte", known) == "schedule.learning_rate");
  BOOST_TEST(NearestName("every", known) == "checkpoint.every");
  BOOST_TEST(NearestName("zzz", {known.data(), 1}) == "model.hidden_size");
}

}  // namespace
}  // namespace trit
