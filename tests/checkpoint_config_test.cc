#include "training/checkpoint_config.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/error.h"
#include "tests/support/error_text.h"
#include "tests/support/tiny_checkpoint.h"

namespace trit {
namespace {

using nlohmann::json;

QuantizerChoice Choice(const char* weights, const char* activations, ScaleKind granularity,
                       int64_t group_size) {
  return {weights, activations, granularity, group_size};
}

std::string Written(const QuantizationConfig& quantizer, double quantized_share = 1) {
  SpecialTokens special;
  special.eos = 3;
  return CheckpointConfigJson({.model = TinyCheckpoint::Model(),
                               .quantizer = quantizer,
                               .quantized_share = quantized_share},
                              special, "config.json");
}

BOOST_AUTO_TEST_CASE(keeps_the_rule_of_static_ranges) {
  QuantizationConfig quantizer;
  quantizer.standard.activations = "int8_static";
  BOOST_TEST(!Contains(Written(quantizer), "activation_"));
  quantizer.standard.activation_range = "percentile";
  quantizer.standard.activation_percentile = 99;
  BOOST_TEST((ParseCheckpointConfig(Written(quantizer), "c").quantizer == quantizer));
}

BOOST_AUTO_TEST_CASE(says_how_far_training_was_quantized) {
  BOOST_TEST(!Contains(Written({}), "share"));
  BOOST_TEST(ParseCheckpointConfig(Written({}), "c").quantized_share == 1);
  const std::string written = Written({}, 0.25);
  BOOST_TEST(ParseCheckpointConfig(written, "c").quantized_share == 0.25);
  std::string wrong = written;
  wrong.replace(wrong.find("0.25"), 4, "1.25");
  BOOST_TEST(
      Contains(ErrorText([&] { ParseCheckpointConfig(wrong, "c"); }), "c: trit.quantized_share"));
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  QuantizationConfig quantizer;
  for (const QuantizerChoice& standard : {Choice("ternary", "int8", ScaleKind::kTensor, 0),
                                          Choice("ternary", "none", ScaleKind::kRow, 0),
                                          Choice("int4", "int8", ScaleKind::kGroup, 64),
                                          Choice("none", "none", ScaleKind::kTensor, 0)}) {
    quantizer.standard = standard;
    quantizer.rules.clear();
    for (int rules = 0; rules < 3; ++rules) {
      const CheckpointModel read = ParseCheckpointConfig(Written(quantizer), "config.json");
      BOOST_TEST((read.model == TinyCheckpoint::Model()));
      BOOST_TEST((read.quantizer == quantizer));
      quantizer.rules.push_back({.match = "layers." + std::to_string(rules) + ".*",
                                 .choice = Choice("int8", "none", ScaleKind::kGroup, 8)});
      quantizer.rules.back().choice.scale = "percentile";
      quantizer.rules.back().choice.symmetric = rules > 0;
      quantizer.rules.back().choice.percentile = rules > 0 ? 99.9 : 97.25;
    }
  }
}

// transformers would ternarize what a file says bitnet of, whatever else it says.
BOOST_AUTO_TEST_CASE(SaysBitnetOnlyWhereItIsExact) {
  QuantizationConfig quantizer;
  const auto says_bitnet = [&] {
    return json::parse(Written(quantizer)).contains("quantization_config");
  };
  BOOST_TEST(says_bitnet());
  quantizer.standard.granularity = ScaleKind::kRow;
  BOOST_TEST(!says_bitnet());
  quantizer.standard = {};
  quantizer.standard.activations = "none";
  BOOST_TEST(!says_bitnet());
  quantizer.standard = {};
  quantizer.standard.scale = "absmean";
  BOOST_TEST(says_bitnet());
  quantizer.standard.scale = "learned";
  BOOST_TEST(!says_bitnet());
  quantizer.standard = {};
  quantizer.rules.push_back({.match = "layers.0.*", .choice = {.weights = "int8"}});
  BOOST_TEST(!says_bitnet());
  const json written = json::parse(Written({}));
  BOOST_TEST(written["eos_token_id"] == 3);
  BOOST_TEST(!written.contains("bos_token_id"));
  BOOST_TEST(written["quantization_config"]["quantization_mode"] == "online");
}

BOOST_AUTO_TEST_CASE(ReadsConfigsOfOtherTrainers) {
  json config = json::parse(Written({}));
  config.erase("trit");
  BOOST_TEST((ParseCheckpointConfig(config.dump(), "x").quantizer == QuantizationConfig{}));
  config.erase("quantization_config");
  const QuantizerChoice plain = ParseCheckpointConfig(config.dump(), "x").quantizer.standard;
  BOOST_TEST(plain.weights == "none");
  BOOST_TEST(plain.activations == "none");
  config["quantization_config"] = {{"quant_method", "bitnet"}};
  BOOST_TEST(
      Contains(ErrorText([&] { ParseCheckpointConfig(config.dump(), "x"); }), "packed trits"));
}

BOOST_AUTO_TEST_CASE(RefusesMalformedQuantizers) {
  struct Case {
    const char* patch;
    const char* message;
  };
  const Case cases[] = {
      {R"({"trit": 5})", "trit: wrong type"},
      {R"({"trit": {"quantizer": null}})", "trit.quantizer.weights: missing"},
      {R"({"trit": {"quantizer": {"weights": 5}}})", "trit.quantizer.weights: wrong type"},
      {R"({"trit": {"quantizer": {"activations": null}}})", "trit.quantizer.activations"},
      {R"({"trit": {"quantizer": {"granularity": null}}})", "trit.quantizer.granularity: missing"},
      {R"({"trit": {"quantizer": {"granularity": "col"}}})", "trit.quantizer.granularity"},
      {R"({"trit": {"quantizer": {"granularity": 0}}})", "trit.quantizer.granularity"},
      {R"({"trit": {"quantizer": {"granularity": 1.5}}})", "trit.quantizer.granularity"},
      {R"({"trit": {"quantizer": {"percentile": 50}}})", "trit.quantizer.percentile"},
      {R"({"trit": {"quantizer": {"percentile": "99"}}})", "percentile: wrong type"},
      {R"({"trit": {"quantizer": {"rules": 5}}})", "trit.quantizer.rules: wrong type"},
      {R"({"trit": {"quantizer": {"rules": [5]}}})", "trit.quantizer.rules: wrong type"},
      {R"({"trit": {"quantizer": {"rules": [{}]}}})", "trit.quantizer.rules.match: missing"},
  };
  for (const Case& c : cases) {
    json config = json::parse(Written({}));
    config.merge_patch(json::parse(c.patch));
    const std::string text = ErrorText([&] { ParseCheckpointConfig(config.dump(), "c.json"); });
    BOOST_TEST_INFO_SCOPE(c.patch << "\n" << text);
    BOOST_TEST(Contains(text, "c.json: "));
    BOOST_TEST(Contains(text, c.message));
  }
}

}  // namespace
}  // namespace trit
