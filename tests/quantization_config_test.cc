#include "training/quantizers/quantization_config.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/support/error_text.h"
#include "tests/support/tiny_model.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

BOOST_AUTO_TEST_CASE(GlobsMatchWholeNames) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"*", "", true},
      {"*", "layers.0.mlp", true},
      {"?", "", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"layers.0.*", "layers.0.mlp.up_proj", true},
      {"layers.0.*", "layers.0", false},
      {"layers.0.*", "layers.01.mlp", false},
      {"layers.?.*", "layers.7.mlp.up_proj", true},
      {"layers.?.*", "layers.17.mlp.up_proj", false},
      {"*.q_proj", "layers.3.self_attn.q_proj", true},
      {"*.q_proj", "layers.3.self_attn.k_proj", false},
      {"*.q_proj", "layers.3.self_attn.q_proj.q", false},
      {"*proj", "projproj", true},  // the star must go back beyond its first try
      {"*ab*ab*", "xabyabz", true},
      {"*ab*ab*", "xabybaz", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbYcZb", false},
      {"**", "a", true},
      {"*?", "", false},
      {"*?", "abc", true},
      {"[a]", "a", false},  // nothing but * and ? is special
      {"[a]", "[a]", true},
  };
  for (const Case& c : cases) {
    BOOST_TEST_INFO_SCOPE("pattern " << c.pattern << ", text " << c.text);
    BOOST_TEST(GlobMatch(c.pattern, c.text) == c.matches);
  }
}

// Matching must not take exponential time: this pattern has no match.
BOOST_AUTO_TEST_CASE(ManyStarsAreFast) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  BOOST_TEST(!GlobMatch(pattern + "b", std::string(2000, 'a')));
}

BOOST_AUTO_TEST_CASE(ShortensNames) {
  BOOST_TEST(ShortWeightName("model.layers.0.mlp.up_proj.weight") == "layers.0.mlp.up_proj");
  BOOST_TEST(ShortWeightName("lm_head.weight") == "lm_head");
  BOOST_TEST(ShortWeightName("model.layers.0.mlp.up_proj.weight_scale") ==
             "layers.0.mlp.up_proj.weight_scale");
  BOOST_TEST(ShortWeightName("") == "");
}

BOOST_AUTO_TEST_CASE(FirstMatchingRuleWins) {
  QuantizationConfig config;
  config.standard.weights = "ternary";
  config.rules = {{.match = "layers.0.*", .choice = {.weights = "int8"}},
                  {.match = "*.down_proj", .choice = {.weights = "int4"}}};
  BOOST_TEST(config.For("model.layers.0.mlp.down_proj.weight").weights == "int8");
  BOOST_TEST(config.For("model.layers.1.mlp.down_proj.weight").weights == "int4");
  BOOST_TEST(config.For("model.layers.10.mlp.up_proj.weight").weights == "ternary");
}

BOOST_AUTO_TEST_CASE(rules_alone) {
  QuantizationConfig config;
  config.rules = {{.match = "embed_tokens", .choice = {.weights = "int8"}}};
  BOOST_REQUIRE(config.RuleFor("model.embed_tokens.weight") != nullptr);
  BOOST_TEST(config.RuleFor("model.embed_tokens.weight")->weights == "int8");
  BOOST_TEST(config.RuleFor("lm_head.weight") == nullptr);
}

// Before anything is trained that no file could hold.
BOOST_AUTO_TEST_CASE(embeddings_are_what_blocks_of_32_hold) {
  const auto error = [](const QuantizerChoice& choice) {
    QuantizationConfig config;
    config.rules = {{.match = "embed*", .choice = choice}};
    return ErrorText([&] { TrainableModel(TinyConfig(), config, Precision::kF32, 64); });
  };
  const std::string ternary = error({.weights = "ternary"});
  BOOST_TEST(Contains(ternary, "model.embed_tokens.weight"));
  BOOST_TEST(Contains(ternary,
                      "embeddings and the head cannot be quantized so: expected \"int8\", \"int4\" "
                      "or \"none\", found \"ternary\""));
  BOOST_TEST(Contains(error({.weights = "int4", .symmetric = false}), "quantizer.rule.symmetric"));
  BOOST_TEST(
      Contains(error({.weights = "int8", .granularity = ScaleKind::kGroup, .group_size = 16}),
               "expected scales of a multiple of 32 columns, found 16"));
}

BOOST_AUTO_TEST_CASE(rules_that_match_nothing_are_mistakes) {
  const auto error = [](const char* match) {
    QuantizationConfig config;
    config.rules = {{.match = match, .choice = {.weights = "int8"}}};
    return ErrorText([&] { TrainableModel(TinyConfig(), config, Precision::kF32, 64); });
  };
  BOOST_TEST(error("*.down_proj") == "");
  BOOST_TEST(
      Contains(error("*.down_projection"), "quantizer.rule.match: matches no matrix of the model"));
  BOOST_TEST(Contains(error("norm"), "matches no matrix"));
}

BOOST_AUTO_TEST_CASE(shares_of_a_ramp) {
  const QuantizationRamp none;
  BOOST_TEST(none.ShareAt(0) == 1.0f);
  const QuantizationRamp late{.start_step = 3};
  BOOST_TEST(late.ShareAt(2) == 0.0f);
  BOOST_TEST(late.ShareAt(3) == 1.0f);
  const QuantizationRamp ramp{.start_step = 10, .ramp_steps = 4};
  BOOST_TEST(ramp.ShareAt(10) == 0.0f);
  BOOST_TEST(ramp.ShareAt(11) == 0.25f);
  BOOST_TEST(ramp.ShareAt(14) == 1.0f);
  BOOST_TEST(ramp.ShareAt(1000) == 1.0f);
}

}  // namespace
}  // namespace trit
