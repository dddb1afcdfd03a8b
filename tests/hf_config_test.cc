#include "engine/formats/hf_config.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

using nlohmann::json;

// As microsoft/bitnet-b1.58-2B-4T has it.
json Bitnet2B() {
  return json::parse(R"({
    "architectures": ["BitNetForCausalLM"], "model_type": "bitnet",
    "hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 30,
    "num_attention_heads": 20, "num_key_value_heads": 5, "hidden_act": "relu2",
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
    "tie_word_embeddings": true, "vocab_size": 128256, "bos_token_id": 128000,
    "eos_token_id": 128001, "torch_dtype": "bfloat16", "attention_bias": false,
    "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear",
                            "quantization_mode": "offline"}})");
}

json Llama() {
  return json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "vocab_size": 100})");
}

HfConfig Parse(const json& config) { return ParseHfConfig(config.dump(), "config.json"); }

// The error for a config after a merge patch (null removes a member).
std::string PatchError(json config, const char* patch) {
  config.merge_patch(json::parse(patch));
  return ErrorText([&] { Parse(config); });
}

BOOST_AUTO_TEST_CASE(ReadsBitnet) {
  const HfConfig config = Parse(Bitnet2B());
  BOOST_TEST(config.model.hidden_size == 2560);
  BOOST_TEST(config.model.intermediate_size == 6912);
  BOOST_TEST(config.model.num_hidden_layers == 30);
  BOOST_TEST(config.model.num_attention_heads == 20);
  BOOST_TEST(config.model.num_key_value_heads == 5);
  BOOST_TEST(config.model.head_dim == 128);
  BOOST_TEST(config.model.max_position_embeddings == 4096);
  BOOST_TEST(config.model.rms_norm_eps == 1e-5f);
  BOOST_TEST(config.model.rope_theta == 500000.0);
  BOOST_TEST((config.model.hidden_act == GateActivation::kRelu2));
  BOOST_TEST(config.model.sub_norms);
  BOOST_TEST(config.model.tie_word_embeddings);
  BOOST_TEST((config.model.rope_style == RopeStyle::kHalves));
  BOOST_TEST((config.weights == HfWeights::kPackedMultiply));
  BOOST_TEST(config.bos_token_id == 128000);
  BOOST_TEST(config.eos_token_ids == std::vector<int32_t>({128001}));
  BOOST_TEST(config.torch_dtype == "bfloat16");
}

BOOST_AUTO_TEST_CASE(ReadsLlamaWithDefaults) {
  const HfConfig config = Parse(Llama());
  BOOST_TEST(config.model.num_key_value_heads == 4);
  BOOST_TEST(config.model.head_dim == 16);
  BOOST_TEST(config.model.max_position_embeddings == 2048);
  BOOST_TEST(config.model.rms_norm_eps == 1e-6f);
  BOOST_TEST(config.model.rope_theta == 10000.0);
  BOOST_TEST((config.model.hidden_act == GateActivation::kSilu));
  BOOST_TEST(!config.model.sub_norms);
  BOOST_TEST(!config.model.tie_word_embeddings);
  BOOST_TEST((config.weights == HfWeights::kPlain));
  BOOST_TEST(config.bos_token_id == -1);
  BOOST_TEST(config.eos_token_ids.empty());
}

BOOST_AUTO_TEST_CASE(ReadsVariants) {
  json config = Llama();
  config["rope_parameters"] = {{"rope_theta", 7.0}, {"rope_type", "default"}};
  BOOST_TEST(Parse(config).model.rope_theta == 7.0);
  config["rope_scaling"] = nullptr;
  config["head_dim"] = 32;
  config["eos_token_id"] = {3, 4};
  config["dtype"] = "float16";
  config["hidden_act"] = "relu2";
  BOOST_TEST(Parse(config).model.head_dim == 32);
  BOOST_TEST(Parse(config).eos_token_ids == std::vector<int32_t>({3, 4}));
  BOOST_TEST(Parse(config).torch_dtype == "float16");
  BOOST_TEST((Parse(config).model.hidden_act == GateActivation::kRelu2));
  // By model_type, where there is no architecture.
  config.erase("architectures");
  BOOST_TEST(!Parse(config).model.sub_norms);
  config["model_type"] = "bitnet";
  BOOST_TEST(Parse(config).model.sub_norms);
  // 1bitLLM's
  config = Llama();
  config["architectures"] = {"BitnetForCausalLM"};
  config["weight_bits"] = 1;
  config["input_bits"] = 8;
  BOOST_TEST(Parse(config).model.sub_norms);
  BOOST_TEST((Parse(config).model.hidden_act == GateActivation::kSilu));
  BOOST_TEST((Parse(config).weights == HfWeights::kTernaryOnline));
}

BOOST_AUTO_TEST_CASE(KnowsWhatScalesMean) {
  const auto weights = [](json config, const char* quantization) {
    config["quantization_config"] = json::parse(quantization);
    return Parse(config).weights;
  };
  const char* legacy = R"({"quant_method": "bitnet"})";
  BOOST_TEST((weights(Llama(), legacy) == HfWeights::kPackedDivide));
  BOOST_TEST((weights(Bitnet2B(), legacy) == HfWeights::kPackedMultiply));
  BOOST_TEST((weights(Bitnet2B(), R"({"quant_method": "bitnet", "offline_quantization": true})") ==
              HfWeights::kPackedMultiply));
  BOOST_TEST((weights(Bitnet2B(), R"({"quant_method": "bitnet", "linear_class": "bitlinear"})") ==
              HfWeights::kPackedDivide));
  BOOST_TEST((weights(Llama(), R"({"quant_method": "bitnet", "linear_class": "autobitlinear",
                                   "quantization_mode": "online",
                                   "modules_to_not_convert": null})") ==
              HfWeights::kTernaryOnline));
}

BOOST_AUTO_TEST_CASE(ScaledRotaryEmbeddings) {
  json config = Bitnet2B();
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 4}};
  const HfConfig linear = Parse(config);
  BOOST_TEST((linear.model.rope_frequency_factors == std::vector<float>(64, 4.0f)));
  BOOST_TEST((ParseHfConfig(HfConfigToJson(linear, "m"), "m").model == linear.model));

  // Llama 3.1's own numbers. A frequency f turns 8192 f / 2 pi times over the original context:
  // more than 4 times up to pair 28 (500000^(-56/128) = 3.2e-3: 4.19 times), less than once from
  // pair 36 (6.2e-4: 0.81 times); pair 32 (1.41e-3: 1.84 times) is 0.28 of the way between.
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8},
                            {"low_freq_factor", 1},
                            {"high_freq_factor", 4},
                            {"original_max_position_embeddings", 8192}};
  const std::vector<float> factors = Parse(config).model.rope_frequency_factors;
  BOOST_TEST(factors.size() == 64u);
  for (size_t i = 0; i <= 28; ++i) BOOST_TEST(factors[i] == 1.0f);
  for (size_t i = 36; i < 64; ++i) BOOST_TEST(factors[i] == 8.0f);
  const double smooth = (8192 * std::pow(500000.0, -0.5) / (2 * std::acos(-1.0)) - 1) / 3;
  BOOST_TEST(std::fabs(smooth - 0.28) < 0.01);
  BOOST_TEST(std::fabs(factors[32] - 1 / ((1 - smooth) / 8 + smooth)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(RefusesWhatItCannotCompute) {
  struct Case {
    const char* patch;
    std::vector<std::string> message;
  };
  const Case cases[] = {
      {R"({"architectures": ["GPT2LMHeadModel"]})", {"architectures", "GPT2LMHeadModel"}},
      {R"({"architectures": null, "model_type": "gpt2"})", {"architectures", "gpt2"}},
      {R"({"attention_bias": true})", {"attention_bias: not supported"}},
      {R"({"mlp_bias": true})", {"mlp_bias: not supported"}},
      {R"({"hidden_act": "gelu"})", {"hidden_act: not supported", "found \"gelu\""}},
      {R"({"rope_scaling": {"rope_type": "yarn"}})", {"rope_scaling.rope_type", "yarn"}},
      {R"({"rope_scaling": {"type": "dynamic", "factor": 2}})", {"rope_scaling.type", "dynamic"}},
      {R"({"rope_scaling": {"type": "linear", "factor": -2}})", {"rope_freqs", "positive"}},
      {R"({"rope_scaling": {"rope_type": "llama3"}})", {"rope_scaling.factor", "missing"}},
      {R"({"rope_parameters": {"partial_rotary_factor": 0.5}})", {"partial_rotary_factor", "0.5"}},
      {R"({"quantization_config": {"quant_method": "gptq"}})", {"quant_method", "gptq"}},
      {R"({"quantization_config": {"quant_method": "bitnet", "use_rms_norm": true}})",
       {"quantization_config.use_rms_norm: not supported"}},
      {R"({"quantization_config": {"quant_method": "bitnet", "linear_class": "x"}})",
       {"quantization_config.linear_class"}},
      {R"({"quantization_config": {"quant_method": "bitnet", "quantization_mode": "x"}})",
       {"quantization_config.quantization_mode"}},
  };
  for (const Case& c : cases) {
    const std::string text = PatchError(Llama(), c.patch);
    BOOST_TEST_INFO_SCOPE(c.patch << "\n" << text);
    BOOST_TEST(Contains(text, "config.json: "));
    for (const std::string& part : c.message) BOOST_TEST(Contains(text, part));
  }
}

BOOST_AUTO_TEST_CASE(RefusesMissingAndWrongValues) {
  struct Case {
    const char* patch;
    const char* message;
  };
  const Case cases[] = {
      {R"({"hidden_size": null})", "hidden_size: missing"},
      {R"({"intermediate_size": null})", "intermediate_size: missing"},
      {R"({"num_hidden_layers": null})", "num_hidden_layers: missing"},
      {R"({"num_attention_heads": null})", "num_attention_heads: missing"},
      {R"({"vocab_size": null})", "vocab_size: missing"},
      {R"({"hidden_size": "64"})", "hidden_size: wrong type: expected an integer"},
      {R"({"hidden_size": 64.0})", "hidden_size: wrong type"},
      {R"({"hidden_size": 0})", "hidden_size"},
      {R"({"hidden_size": -64})", "hidden_size"},
      {R"({"vocab_size": 18446744073709551615})", "vocab_size: wrong type"},
      {R"({"vocab_size": 9223372036854775807})", "vocab_size: value out of range"},
      {R"({"num_attention_heads": 0})", "num_attention_heads"},
      {R"({"num_attention_heads": 3})", "num_attention_heads: does not divide"},
      {R"({"num_key_value_heads": 3})", "num_key_value_heads"},
      {R"({"head_dim": 15})", "head_dim"},
      {R"({"rms_norm_eps": 0})", "rms_norm_eps"},
      {R"({"rms_norm_eps": 1e300})", "rms_norm_eps"},
      {R"({"rope_theta": -1})", "rope_theta"},
      {R"({"rope_theta": "x"})", "rope_theta: wrong type"},
      {R"({"rope_scaling": 5})", "rope_scaling: wrong type"},
      {R"({"tie_word_embeddings": 1})", "tie_word_embeddings: wrong type"},
      {R"({"bos_token_id": 100})", "bos_token_id: token id out of range"},
      {R"({"bos_token_id": -1})", "bos_token_id"},
      {R"({"eos_token_id": [5, 100]})", "eos_token_id"},
      {R"({"eos_token_id": "x"})", "eos_token_id: wrong type"},
      {R"({"torch_dtype": 5})", "torch_dtype"},
  };
  for (const Case& c : cases) {
    const std::string text = PatchError(Llama(), c.patch);
    BOOST_TEST_INFO_SCOPE(c.patch << "\n" << text);
    BOOST_TEST(Contains(text, "config.json: "));
    BOOST_TEST(Contains(text, c.message));
  }
  for (const char* text : {"", "{", "[]", "5", "{\"a\": 1, \"a\": 2}"}) {
    BOOST_CHECK_THROW(ParseHfConfig(text, "config.json"), Error);
  }
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  HfConfig config = Parse(Bitnet2B());
  config.trit = R"({"quantizer":{"weights":"ternary"}})";
  for (const HfWeights weights : {HfWeights::kPlain, HfWeights::kTernaryOnline,
                                  HfWeights::kPackedMultiply, HfWeights::kPackedDivide}) {
    for (const bool sub_norms : {true, false}) {
      config.weights = weights;
      config.model.sub_norms = sub_norms;
      config.model.hidden_act = sub_norms ? GateActivation::kSilu : GateActivation::kRelu2;
      config.eos_token_ids.push_back(5);
      const HfConfig read = ParseHfConfig(HfConfigToJson(config, "x"), "x");
      BOOST_TEST((read.model == config.model));
      BOOST_TEST((read.weights == config.weights));
      BOOST_TEST(read.bos_token_id == config.bos_token_id);
      BOOST_TEST(read.eos_token_ids == config.eos_token_ids);
      BOOST_TEST(read.torch_dtype == config.torch_dtype);
      BOOST_TEST(read.trit == config.trit);
    }
  }
}

BOOST_AUTO_TEST_CASE(WritesWhatTransformersReads) {
  HfConfig config = Parse(Bitnet2B());
  config.weights = HfWeights::kTernaryOnline;
  const json bitnet = json::parse(HfConfigToJson(config, "x"));
  BOOST_TEST(bitnet["architectures"] == json::array({"BitNetForCausalLM"}));
  BOOST_TEST(bitnet["model_type"] == "bitnet");
  BOOST_TEST(bitnet["quantization_config"]["quant_method"] == "bitnet");
  BOOST_TEST(bitnet["quantization_config"]["linear_class"] == "autobitlinear");
  BOOST_TEST(bitnet["quantization_config"]["quantization_mode"] == "online");
  BOOST_TEST(bitnet["rms_norm_eps"] == 1e-5);  // not 9.99999974737875e-06
  BOOST_TEST(bitnet["eos_token_id"] == 128001);
  BOOST_TEST(!bitnet.contains("trit"));
  config.model.sub_norms = false;
  config.bos_token_id = -1;
  config.eos_token_ids.clear();
  const json llama = json::parse(HfConfigToJson(config, "x"));
  BOOST_TEST(llama["architectures"] == json::array({"LlamaForCausalLM"}));
  BOOST_TEST(!llama.contains("bos_token_id"));
  BOOST_TEST(!llama.contains("eos_token_id"));
  config.model.rope_style = RopeStyle::kInterleaved;
  BOOST_CHECK_THROW(HfConfigToJson(config, "x"), Error);
}

}  // namespace
}  // namespace trit
