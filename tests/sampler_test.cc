#include "engine/sampler.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "tests/support/error_text.h"

namespace trit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Every step switched off, temperature 1.
SamplingOptions Plain() {
  return {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 42};
}

Candidates All(const std::vector<float>& logits) {
  Candidates candidates{
      .ids = std::vector<int32_t>(logits.size()), .logits = logits, .complete = true};
  std::iota(candidates.ids.begin(), candidates.ids.end(), 0);
  return candidates;
}

Candidates FromProbabilities(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return All(logits);
}

std::map<int32_t, int> Count(const SamplingOptions& options, const Candidates& candidates,
                             int num_draws, const std::vector<int32_t>& recent = {}) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < num_draws; ++i) ++counts[sampler.Sample(candidates, recent)];
  return counts;
}

// The number of draws of each token is binomial: 5 standard deviations are exceeded once in 1.7
// million, and the seed is fixed.
void ExpectDistribution(const SamplingOptions& options, const Candidates& candidates,
                        const std::map<int32_t, double>& probabilities,
                        const std::vector<int32_t>& recent = {}) {
  constexpr int kDraws = 50000;
  const std::map<int32_t, int> counts = Count(options, candidates, kDraws, recent);
  for (const auto& [id, count] : counts) BOOST_TEST(probabilities.count(id) == 1u, "token " << id);
  for (const auto& [id, p] : probabilities) {
    const double found = counts.count(id) != 0 ? counts.at(id) : 0;
    BOOST_TEST(std::abs(found - kDraws * p) <= 5 * std::sqrt(kDraws * p * (1 - p)),
               "token " << id << ": " << found << " of " << kDraws << ", expected " << p);
  }
}

BOOST_AUTO_TEST_CASE(GreedyTakesTheLargestAndTheFirstOfEqual) {
  SamplingOptions options;
  options.temperature = 0;
  Sampler sampler(options);
  BOOST_TEST(sampler.Sample(All({1, 3, 2}), {}) == 1);
  BOOST_TEST(sampler.Sample(All({1, 3, 3, 3}), {}) == 1);
  BOOST_TEST(sampler.Sample(All({-kInfinity, -5, -kInfinity}), {}) == 1);
  BOOST_TEST(sampler.Sample({.ids = {7, 90, 300}, .logits = {1, 1, 2}}, {}) == 300);
}

BOOST_AUTO_TEST_CASE(DrawsFromTheSoftmax) {
  ExpectDistribution(Plain(), FromProbabilities({0.5, 0.125, 0.25, 0.125}),
                     {{0, 0.5}, {1, 0.125}, {2, 0.25}, {3, 0.125}});
  // exp(ln p / 0.5) = p^2
  SamplingOptions cold = Plain();
  cold.temperature = 0.5;
  ExpectDistribution(cold, FromProbabilities({0.75, 0.25}), {{0, 0.9}, {1, 0.1}});
  SamplingOptions hot = Plain();
  hot.temperature = 2;  // square roots
  ExpectDistribution(hot, FromProbabilities({0.64, 0.36}), {{0, 0.8 / 1.4}, {1, 0.6 / 1.4}});
}

BOOST_AUTO_TEST_CASE(LargeLogitsDoNotOverflow) {
  ExpectDistribution(Plain(), All({3e38F, 3e38F, -3e38F}), {{0, 0.5}, {1, 0.5}});
  SamplingOptions cold = Plain();
  cold.temperature = 1e-300;
  BOOST_TEST(Count(cold, All({1, 2, 1.5F}), 100) == (std::map<int32_t, int>{{1, 100}}));
}

BOOST_AUTO_TEST_CASE(TopKKeepsTheMostLikely) {
  SamplingOptions options = Plain();
  options.top_k = 2;
  ExpectDistribution(options, FromProbabilities({0.1, 0.3, 0.6}), {{1, 1.0 / 3}, {2, 2.0 / 3}});
  ExpectDistribution(options, All({1, 1, 1, 1}),
                     {{0, 0.5}, {1, 0.5}});  // smaller ids of equal ones
  options.top_k = 100;
  ExpectDistribution(options, FromProbabilities({0.5, 0.5}), {{0, 0.5}, {1, 0.5}});
}

BOOST_AUTO_TEST_CASE(TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options = Plain();
  options.top_p = 0.79;
  ExpectDistribution(options, FromProbabilities({0.1, 0.5, 0.1, 0.3}), {{1, 0.625}, {3, 0.375}});
  options.top_p = 0.81;
  ExpectDistribution(options, FromProbabilities({0.1, 0.5, 0.1, 0.3}),
                     {{1, 5.0 / 9}, {3, 3.0 / 9}, {0, 1.0 / 9}});
  options.top_p = 0;
  ExpectDistribution(options, FromProbabilities({0.4, 0.6}), {{1, 1.0}});
  // Of what top-k left: 0.3 of 0.8 do not reach, 0.5 of 0.8 does.
  options.top_k = 2;
  options.top_p = 0.6;
  ExpectDistribution(options, FromProbabilities({0.1, 0.5, 0.1, 0.3}), {{1, 1.0}});
}

BOOST_AUTO_TEST_CASE(MinPKeepsWhatIsNearTheLikeliest) {
  SamplingOptions options = Plain();
  options.min_p = 0.45;
  ExpectDistribution(options, FromProbabilities({0.2, 0.5, 0.3}), {{1, 0.625}, {2, 0.375}});
  options.min_p = 1;
  ExpectDistribution(options, All({2, 5, 5}), {{1, 0.5}, {2, 0.5}});
}

// The filters look at the distribution before the temperature.
BOOST_AUTO_TEST_CASE(TemperatureComesLast) {
  SamplingOptions options = Plain();
  options.temperature = 1000;  // nearly uniform over what is left
  options.top_p = 0.85;
  const auto counts = Count(options, FromProbabilities({0.5, 0.3, 0.1, 0.1}), 3000);
  BOOST_TEST(counts.size() == 3u);
}

BOOST_AUTO_TEST_CASE(RepetitionIsPenalized) {
  SamplingOptions options = Plain();
  options.repetition_penalty = 2;
  options.repetition_window = 3;
  // Positive logits are halved, negative doubled, each once however often the token was there;
  // tokens before the window do not count.
  const std::vector<float> logits = {4, -1, 2, 1};
  const std::vector<int32_t> recent = {2, 2, 0, 1, 0};
  const double total = std::exp(2) + std::exp(-2) + std::exp(2) + std::exp(1);
  ExpectDistribution(options, All(logits),
                     {{0, std::exp(2) / total},
                      {1, std::exp(-2) / total},
                      {2, std::exp(2) / total},
                      {3, std::exp(1) / total}},
                     recent);
  options.temperature = 0;
  BOOST_TEST(Sampler(options).Sample(All({4, 3, 1}), recent) == 0);  // 2, 1.5, 1
  BOOST_TEST(Sampler(options).Sample(All({4, 1, 2.5F}), recent) == 2);
  options.repetition_window = -1;  // now 2 counts too
  BOOST_TEST(Sampler(options).Sample(All({4, 1, 2.5F}), recent) == 0);
  options.repetition_window = 0;
  BOOST_TEST(Sampler(options).Sample(All({4, 5, 2.5F}), recent) == 1);
  // Tokens that are no candidates are passed over.
  options.repetition_window = -1;
  BOOST_TEST(Sampler(options).Sample({.ids = {5, 9}, .logits = {1, 2}}, recent) == 9);
}

BOOST_AUTO_TEST_CASE(TheSeedDecides) {
  SamplingOptions options = Plain();
  const Candidates candidates = All(std::vector<float>(1000, 0));
  const auto draw = [&](uint64_t seed) {
    options.seed = seed;
    Sampler sampler(options);
    std::vector<int32_t> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(sampler.Sample(candidates, {}));
    return ids;
  };
  BOOST_TEST((draw(1) == draw(1)));
  std::set<std::vector<int32_t>> sequences;
  for (uint64_t seed = 0; seed < 100; ++seed) sequences.insert(draw(seed));
  BOOST_TEST(sequences.size() == 100u);
}

// A head that hands over only the candidates asked for must not change what is said.
BOOST_AUTO_TEST_CASE(TheCandidatesNeededSuffice) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  const std::vector<SamplingOptions> variants = {
      {.temperature = 0},
      {.temperature = 0, .repetition_penalty = 3, .repetition_window = 10},
      {.temperature = 0.7, .top_k = 5, .top_p = 0.9, .min_p = 0.02},
      {.temperature = 1.3, .top_k = 8, .repetition_penalty = 1.5, .repetition_window = 12},
      {.temperature = 1.0, .top_k = 8, .repetition_penalty = 0.5, .repetition_window = 12},
      {.temperature = 1.0, .top_k = 0},
  };
  for (const SamplingOptions& options : variants) {
    Sampler whole(options);
    Sampler part(options);
    std::vector<int32_t> recent;
    for (int step = 0; step < 200; ++step) {
      std::vector<float> logits(100);
      for (float& logit : logits) logit = normal(random);
      const Candidates all = All(logits);
      Candidates top = all;
      const size_t needed = static_cast<size_t>(part.CandidatesNeeded());
      if (needed != 0 && needed < logits.size()) {
        std::vector<int32_t> ids = all.ids;
        std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
          return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
        });
        ids.resize(needed);
        std::sort(ids.begin(), ids.end());
        top = {.ids = ids};
        for (const int32_t id : ids) top.logits.push_back(logits[static_cast<size_t>(id)]);
      }
      const int32_t token = whole.Sample(all, recent);
      BOOST_REQUIRE(part.Sample(top, recent) == token);
      recent.push_back(token);
    }
  }
  BOOST_TEST(Sampler(variants[0]).CandidatesNeeded() == 1);
  BOOST_TEST(Sampler(variants[2]).CandidatesNeeded() == 5);
}

BOOST_AUTO_TEST_CASE(OptionsOutOfRangeAreWrongUsage) {
  const auto expect = [](const SamplingOptions& options, const char* key) {
    const std::string error = ErrorText([&] { Sampler{options}; });
    BOOST_TEST(error.starts_with("usage: "), error);
    BOOST_TEST(Contains(error, key), error);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect({.temperature = -0.1}, "temperature");
  expect({.temperature = nan}, "temperature");
  expect({.temperature = std::numeric_limits<double>::infinity()}, "temperature");
  expect({.top_k = -1}, "top_k");
  expect({.top_p = 1.01}, "top_p");
  expect({.top_p = -0.5}, "top_p");
  expect({.min_p = 2}, "min_p");
  expect({.min_p = nan}, "min_p");
  expect({.repetition_penalty = 0}, "repetition_penalty");
  expect({.repetition_penalty = -1}, "repetition_penalty");
  expect({.repetition_window = -2}, "repetition_window");
}

BOOST_AUTO_TEST_CASE(LogitsThatAreNoNumbersAreAnError) {
  Sampler sampler(Plain());
  BOOST_TEST(Contains(ErrorText([&] { sampler.Sample(All({1, NAN}), {}); }), "token 1"));
  BOOST_TEST(Contains(ErrorText([&] { sampler.Sample(All({kInfinity, 1}), {}); }), "token 0"));
  BOOST_TEST(ErrorText([&] { sampler.Sample(All({-kInfinity, -kInfinity}), {}); }) != "");
  ExpectDistribution(Plain(), All({1, -kInfinity, 1}), {{0, 0.5}, {2, 0.5}});
}

}  // namespace
}  // namespace trit
