// One model in many files: what each format says must be the same model.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/formats/model_file.h"
#include "engine/formats/safetensors.h"
#include "engine/score.h"
#include "engine/session.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/unpack_weight.h"
#include "tests/support/error_text.h"
#include "tests/support/small_gguf.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace trit {
namespace {

using nlohmann::json;
using Logits = std::vector<std::vector<float>>;

const std::vector<int32_t> kTokens = {1, 5, 300, 7, 511, 263};  // what the fixtures were run on

std::string Fixture(const std::string& name) { return std::string(TRIT_TEST_DATA "/") + name; }

Logits LogitsOf(const Model& model, std::span<const int32_t> tokens = kTokens) {
  Logits logits;
  ComputeLogits(model, tokens, [&](int64_t, std::span<const float> row) {
    logits.emplace_back(row.begin(), row.end());
  });
  return logits;
}

Logits LogitsOf(const std::string& path, const LoadOptions& options = {}) {
  return LogitsOf(*LoadModel(path, options));
}

// Of the worst position.
double RelativeDifference(const Logits& a, const Logits& b) {
  double worst = 0;
  for (size_t row = 0; row < b.size(); ++row) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < b[row].size(); ++i) {
      difference += std::pow(static_cast<double>(a[row][i]) - b[row][i], 2);
      norm += std::pow(static_cast<double>(b[row][i]), 2);
    }
    worst = std::max(worst, std::sqrt(difference / norm));
  }
  return worst;
}

// Every type of file against the logits of a program of its own.
BOOST_AUTO_TEST_CASE(FixturesGiveTheirLogits) {
  for (const char* name :
       {"bitnet-b1.58_tq2_0", "bitnet-b1.58_i2_s", "bitnet_tq1_0", "llama_tq1_0"}) {
    BOOST_TEST_CONTEXT(name) {
      Logits expected;
      std::ifstream file(Fixture(std::string(name) + ".logits.jsonl"));
      for (std::string line; std::getline(file, line);) {
        expected.push_back(json::parse(line).get<std::vector<float>>());
      }
      BOOST_REQUIRE(expected.size() == kTokens.size());
      const std::string gguf = Fixture(std::string(name) + ".gguf");
      const TemporaryFolder folder;
      WriteHfModel(*LoadModel(gguf, {}), folder / "hf");
      for (const std::string& path : {gguf, folder / "hf"}) {
        const Logits logits = LogitsOf(path);
        BOOST_TEST(RelativeDifference(logits, expected) < 1e-4);
        for (size_t row = 0; row < expected.size(); ++row) {
          const auto argmax = [](const std::vector<float>& v) {
            return std::max_element(v.begin(), v.end()) - v.begin();
          };
          BOOST_TEST(argmax(logits[row]) == argmax(expected[row]));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(TheSameTritsGiveTheSameLogits) {
  const TemporaryFolder folder;
  // Its scales are f16 numbers, which every type has exactly.
  const std::unique_ptr<Model> model = LoadModel(Fixture("bitnet-b1.58_tq2_0.gguf"), {});
  const Logits expected = LogitsOf(*model);
  for (const TensorType type : {TensorType::kTQ1_0, TensorType::kTQ2_0, TensorType::kI2_S,
                                TensorType::kQ2_0, TensorType::kIQ1_BN, TensorType::kIQ2_BN}) {
    BOOST_TEST_CONTEXT(InfoOf(type).name) {
      const std::string path = folder / "model.gguf";
      WriteGgufModel(*model, path,
                     {.linear_type = type, .embedding_type = std::nullopt, .provenance = {}});
      BOOST_TEST((GgufReader(path).RequireTensor("blk.1.ffn_down.weight").type == type));
      BOOST_TEST((LogitsOf(path) == expected));
    }
  }
  BOOST_TEST(Contains(ErrorText([&] {
                        WriteGgufModel(*model, folder / "4.gguf",
                                       {.linear_type = TensorType::kQ4_0, .provenance = {}});
                      }),
                      "the matrix has no integers of 4 bits, which q4_0 is for (write i2_s"));
  WriteHfModel(*model, folder / "hf");
  BOOST_TEST((LogitsOf(folder / "hf") == expected));
  // And back: the file holds the same trits and scales.
  WriteGgufModel(
      *LoadModel(folder / "hf", {}), folder / "back.gguf",
      {.linear_type = TensorType::kTQ2_0, .embedding_type = TensorType::kQ8_0, .provenance = {}});
  const GgufReader original(Fixture("bitnet-b1.58_tq2_0.gguf"));
  const GgufReader back(folder / "back.gguf");
  for (const GgufTensorInfo& tensor : original.tensors()) {
    if (InfoOf(tensor.type).ternary_codec == nullptr) continue;
    const auto a = original.ReadTensor(tensor);
    const auto b = back.ReadTensor(back.RequireTensor(tensor.name));
    BOOST_TEST(
        (std::vector<uint8_t>(a.begin(), a.end()) == std::vector<uint8_t>(b.begin(), b.end())));
  }
}

// Tensors of a Hugging Face directory, changed one by one and written again as `num_files` files.
using Change = std::function<void(SafetensorsInfo& info, std::vector<uint8_t>& bytes)>;
void Rewrite(const std::string& directory, size_t num_files, const Change& change) {
  std::vector<SafetensorsInfo> infos;
  std::vector<std::vector<uint8_t>> contents;
  {
    const SafetensorsReader reader(directory);
    for (const SafetensorsInfo& tensor : reader.tensors()) {
      const auto bytes = reader.ReadTensor(tensor);
      infos.push_back(tensor);
      contents.emplace_back(bytes.begin(), bytes.end());
      change(infos.back(), contents.back());
    }
  }
  json weight_map;
  for (size_t file = 0; file < num_files; ++file) {
    const std::string name =
        num_files == 1 ? "model.safetensors" : "part-" + std::to_string(file) + ".safetensors";
    std::vector<SafetensorsInfo> part;
    for (size_t i = file; i < infos.size(); i += num_files) part.push_back(infos[i]);
    TensorFileWriter writer = CreateSafetensors(directory + "/" + name, part);
    for (size_t i = file; i < infos.size(); i += num_files) {
      writer.WriteTensor(infos[i].name, contents[i]);
      weight_map[infos[i].name] = name;
    }
    writer.Commit();
  }
  if (num_files == 1) return;
  std::filesystem::remove(directory + "/model.safetensors");
  WriteBytes(directory + "/model.safetensors.index.json",
             json{{"metadata", json::object()}, {"weight_map", weight_map}}.dump());
}

void ChangeConfig(const std::string& directory, const char* patch) {
  const std::string path = directory + "/config.json";
  json config = json::parse(ReadBytes(path));
  config.merge_patch(json::parse(patch));
  WriteBytes(path, config.dump());
}

const Change kNoChange = [](SafetensorsInfo&, std::vector<uint8_t>&) {};

BOOST_AUTO_TEST_CASE(FormsOfHuggingFaceDirectories) {
  const TemporaryFolder folder;
  const std::string directory = folder / "hf";
  const std::unique_ptr<Model> model = LoadModel(Fixture("bitnet_tq1_0.gguf"), {});
  const Logits expected = LogitsOf(*model);
  WriteHfModel(*model, directory);
  Rewrite(directory, 3, kNoChange);  // an index of several files
  BOOST_TEST((LogitsOf(directory) == expected));

  // 1bitLLM's names of the sub-norms, a buffer that is computed, a copy of the tied head.
  std::filesystem::remove(directory + "/model.safetensors.index.json");
  WriteHfModel(*model, directory);
  Rewrite(directory, 1, [](SafetensorsInfo& info, std::vector<uint8_t>&) {
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"attn_sub_norm", "inner_attn_ln"},
          {"ffn_sub_norm", "ffn_layernorm"}}) {
      const size_t at = info.name.find(from);
      if (at != std::string::npos) info.name.replace(at, from.size(), to);
    }
  });
  ChangeConfig(directory, R"({"architectures": ["BitnetForCausalLM"], "model_type": "llama",
                              "quantization_config": {"linear_class": "autobitlinear"}})");
  BOOST_TEST((LogitsOf(directory) == expected));

  // The scale as a divisor. A power of two, so that its reciprocal is exact.
  const auto halve = [](SafetensorsInfo& info, std::vector<uint8_t>& bytes) {
    if (!info.name.ends_with("weight_scale")) return;
    const float scale = 0.5f;
    std::memcpy(bytes.data(), &scale, sizeof(scale));
  };
  Rewrite(directory, 1, halve);
  const Logits times_half = LogitsOf(directory);
  BOOST_TEST((times_half != expected));
  Rewrite(directory, 1, [](SafetensorsInfo& info, std::vector<uint8_t>& bytes) {
    if (!info.name.ends_with("weight_scale")) return;
    const float scale = 2.0f;
    std::memcpy(bytes.data(), &scale, sizeof(scale));
  });
  ChangeConfig(directory, R"({"quantization_config": {"linear_class": "bitlinear"}})");
  BOOST_TEST((LogitsOf(directory) == times_half));
}

// Latent weights in bf16, of which each fourth is 0 and the others +-c: the mean magnitude is 3/4
// c, so they round to their signs, and the scale is 3/4 c, which is exact.
BOOST_AUTO_TEST_CASE(LatentWeightsAreRoundedAtLoad) {
  const TemporaryFolder folder;
  const std::string directory = folder / "hf";
  TrainableModel trainable(TinyConfig(), QuantizationConfig(), Precision::kF32, 64);
  InitializeForTest(trainable, 3);
  for (const WeightInfo& info : trainable.table().weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const std::span<float> values = trainable.parameters().Values(info.id);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = i % 4 == 3 ? 0.0f : std::copysign(0.25f, values[i]);
    }
  }
  trainable.ParametersChanged();
  const Model model = trainable.MakeInferenceModel();
  const std::vector<int32_t> tokens = RandomTokens(40, 256, 1);
  const Logits expected = LogitsOf(model, tokens);
  WriteHfModel(model, directory);
  BOOST_TEST(SafetensorsReader(directory).FindTensor("model.layers.0.mlp.up_proj.weight_scale"));
  BOOST_TEST((LogitsOf(*LoadModel(directory, {}), tokens) == expected));

  std::vector<SafetensorsInfo> infos;
  for (const WeightInfo& info : trainable.table().weights()) {
    SafetensorsInfo& tensor = infos.emplace_back();
    tensor.name = info.name;
    tensor.type = info.kind == WeightKind::kLinear ? SafetensorsType::kBF16 : SafetensorsType::kF32;
    tensor.shape = info.IsVector() ? std::vector<int64_t>{info.cols}
                                   : std::vector<int64_t>{info.rows, info.cols};
  }
  TensorFileWriter writer = CreateSafetensors(directory + "/model.safetensors", infos);
  for (const WeightInfo& info : trainable.table().weights()) {
    const std::span<const float> values = trainable.parameters().Values(info.id);
    const bool linear = info.kind == WeightKind::kLinear;
    writer.WriteTensor(info.name, EncodeFloats(linear ? TensorType::kBF16 : TensorType::kF32, 1,
                                               info.NumElements(), values.data(), {})
                                      .span());
  }
  writer.Commit();
  ChangeConfig(directory, R"({"quantization_config": {"quantization_mode": "online"}})");
  BOOST_TEST((LogitsOf(*LoadModel(directory, {}), tokens) == expected));
}

// A model of the llama architecture: rows of queries and keys are permuted in GGUF files.
BOOST_AUTO_TEST_CASE(LlamaThereAndBack) {
  const TemporaryFolder folder;
  ModelConfig config = TinyConfig();
  config.sub_norms = false;
  config.hidden_act = GateActivation::kSilu;
  config.tie_word_embeddings = false;
  config.rope_frequency_factors.assign(16, 2.0f);
  TrainableModel trainable(config, QuantizationConfig(), Precision::kF32, 64);
  InitializeForTest(trainable, 4);
  const Model model = trainable.MakeInferenceModel();
  const std::vector<int32_t> tokens = RandomTokens(40, 256, 1);
  const Logits expected = LogitsOf(model, tokens);
  WriteHfModel(model, folder / "hf");
  BOOST_TEST((LogitsOf(*LoadModel(folder / "hf", {}), tokens) == expected));
  WriteGgufModel(*LoadModel(folder / "hf", {}), folder / "a.gguf",
                 {.linear_type = std::nullopt, .embedding_type = std::nullopt, .provenance = {}});
  const std::unique_ptr<Model> gguf = LoadModel(folder / "a.gguf", {});
  BOOST_TEST((gguf->config.rope_style == RopeStyle::kInterleaved));
  // Row 2 i + s of a head is the model's row 16 s + i.
  const GgufReader reader(folder / "a.gguf");
  BOOST_TEST((reader.RequireTensor("blk.0.attn_q.weight").type == TensorType::kI2_S));
  // The same sums in another order: a rounding may flip a code of the activations.
  BOOST_TEST(RelativeDifference(LogitsOf(*gguf, tokens), expected) < 1e-2);
  WriteHfModel(*gguf, folder / "back");
  BOOST_TEST(ReadBytes(folder / "back/model.safetensors") ==
             ReadBytes(folder / "hf/model.safetensors"));
  BOOST_TEST(ReadBytes(folder / "back/config.json") == ReadBytes(folder / "hf/config.json"));
}

// Factors that are not all equal go into a tensor of the GGUF file; Hugging Face's layout has no
// place for them.
BOOST_AUTO_TEST_CASE(FrequencyFactors) {
  const TemporaryFolder folder;
  ModelConfig config = TinyConfig();
  for (int i = 0; i < 16; ++i) config.rope_frequency_factors.push_back(1.0f + 0.5f * i);
  TrainableModel trainable(config, QuantizationConfig(), Precision::kF32, 64);
  InitializeForTest(trainable, 5);
  const Model model = trainable.MakeInferenceModel();
  WriteGgufModel(
      model, folder / "a.gguf",
      {.linear_type = TensorType::kI2_S, .embedding_type = TensorType::kF32, .provenance = {}});
  const std::unique_ptr<Model> read = LoadModel(folder / "a.gguf", {});
  BOOST_TEST((read->config.rope_frequency_factors == config.rope_frequency_factors));
  const std::vector<int32_t> tokens = RandomTokens(40, 256, 1);
  BOOST_TEST((LogitsOf(*read, tokens) == LogitsOf(model, tokens)));
  BOOST_TEST(Contains(ErrorText([&] { WriteHfModel(model, folder / "hf"); }),
                      "rotary embedding does not fit Hugging Face's layout"));
}

// Ternary values in a plain type, with two scales a row, as TriLM's files have them.
BOOST_AUTO_TEST_CASE(UnpackedTernaryWeights) {
  const TemporaryFolder folder;
  ModelConfig config = TinyConfig();
  config.hidden_size = 256;
  config.head_dim = 64;
  config.intermediate_size = 512;
  config.sub_norms = false;
  config.hidden_act = GateActivation::kSilu;
  QuantizationConfig none;
  none.standard = {.weights = "none", .activations = "none"};
  TrainableModel trainable(config, none, Precision::kF32, 64);
  InitializeForTest(trainable, 6);
  for (const WeightInfo& info : trainable.table().weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const std::span<float> values = trainable.parameters().Values(info.id);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool first_half = static_cast<int64_t>(i) % info.cols < info.cols / 2;
      const bool two_scales = info.cols == 512;
      values[i] =
          i % 3 == 0 ? 0 : std::copysign(two_scales && first_half ? 0.03125f : 0.0625f, values[i]);
    }
  }
  trainable.ParametersChanged();
  const Model model = trainable.MakeInferenceModel();
  const std::vector<int32_t> tokens = RandomTokens(40, 256, 1);
  const Logits expected = LogitsOf(model, tokens);
  WriteHfModel(model, folder / "hf");
  const std::unique_ptr<Model> read = LoadModel(folder / "hf", {});
  const ModelWeight& down = read->weights[static_cast<size_t>(read->table.Layer(0).down_proj)];
  BOOST_TEST((down.activation_quantizer == ActivationQuantizer::kNone));
  BOOST_TEST((down.matrix.scales.kind == ScaleKind::kGroup));
  BOOST_TEST(down.matrix.scales.group_size == 256);
  BOOST_TEST(RelativeDifference(LogitsOf(*read, tokens), expected) < 1e-5);

  WriteGgufModel(
      *read, folder / "a.gguf",
      {.linear_type = TensorType::kTQ2_0, .embedding_type = std::nullopt, .provenance = {}});
  BOOST_TEST(RelativeDifference(LogitsOf(*LoadModel(folder / "a.gguf", {}), tokens), expected) <
             1e-5);
  WriteHfModel(*LoadModel(folder / "a.gguf", {}), folder / "back");
  BOOST_TEST(ReadBytes(folder / "back/model.safetensors") ==
             ReadBytes(folder / "hf/model.safetensors"));
}

BOOST_AUTO_TEST_CASE(LayoutsOfI2s) {
  const TemporaryFolder folder;
  const std::unique_ptr<Model> model = LoadModel(Fixture("bitnet-b1.58_i2_s.gguf"), {});
  const Logits expected = LogitsOf(*model);
  // The same bytes of every group of 128 in the order that groups of 64 have.
  std::string bytes = ReadBytes(Fixture("bitnet-b1.58_i2_s.gguf"));
  const GgufReader reader(Fixture("bitnet-b1.58_i2_s.gguf"));
  for (const GgufTensorInfo& tensor : reader.tensors()) {
    if (tensor.type != TensorType::kI2_S) continue;
    for (uint64_t group = 0; group < (tensor.size - 32) / 32; ++group) {
      char* const at = bytes.data() + tensor.offset + 32 * group;
      uint8_t codes[128], out[32] = {};
      for (int i = 0; i < 128; ++i) codes[i] = (at[i % 32] >> (6 - 2 * (i / 32))) & 3;
      for (int i = 0; i < 128; ++i) {
        out[i / 64 * 16 + i % 16] |= static_cast<uint8_t>(codes[i] << (6 - 2 * (i % 64 / 16)));
      }
      std::memcpy(at, out, 32);
    }
  }
  WriteBytes(folder / "64.gguf", bytes);
  BOOST_TEST((LogitsOf(folder / "64.gguf", {.i2s_layout = I2sLayout::k64}) == expected));
  BOOST_TEST((LogitsOf(folder / "64.gguf") != expected));
}

// Blocks whose scales another encoder chose: encoded anew they would get other values.
BOOST_AUTO_TEST_CASE(ExactConversionsKeepBlocks) {
  const TemporaryFolder folder;
  const std::vector<int32_t> tokens = {1, 5, 3};
  for (const TensorType type : {TensorType::kQ4_0, TensorType::kQ8_0, TensorType::kQ6_K}) {
    SmallGguf file(OneLayer(256), FewTokens("gpt2"), type, type);
    for (auto& [name, tensor] : file.tensors) {
      if (tensor.type != TensorType::kQ8_0) continue;
      for (size_t i = 0; i < tensor.bytes.size(); ++i) {  // codes of 50 at most
        if (i % 34 >= 2) tensor.bytes[i] = static_cast<uint8_t>(i % 51);
      }
    }
    file.Write(folder / "a.gguf");
    const std::unique_ptr<Model> model = LoadModel(folder / "a.gguf", {});
    WriteGgufModel(*model, folder / "b.gguf",
                   {.linear_type = std::nullopt, .embedding_type = std::nullopt, .provenance = {}});
    BOOST_TEST((LogitsOf(*LoadModel(folder / "b.gguf", {}), tokens) == LogitsOf(*model, tokens)),
               InfoOf(type).name);
    if (type == TensorType::kQ6_K) {
      BOOST_TEST((model->weights[0].matrix.format == WeightFormat::kQ6_K));
    }
  }
}

BOOST_AUTO_TEST_CASE(WritesAndReadsQ6K) {
  const TemporaryFolder folder;
  const std::unique_ptr<Model> model = LoadModel(Fixture("llama_tq1_0.gguf"), {});
  WriteGgufModel(
      *model, folder / "a.gguf",
      {.linear_type = std::nullopt, .embedding_type = TensorType::kQ6_K, .provenance = {}});
  const double difference = RelativeDifference(LogitsOf(folder / "a.gguf"), LogitsOf(*model));
  BOOST_TEST(difference > 1e-4);
  BOOST_TEST(difference < 0.1);  // six bits, through activations of eight
}

BOOST_AUTO_TEST_CASE(PartsOfModelsAreRefused) {
  const TemporaryFolder folder;
  GgufMetadata metadata;
  metadata.Set("general.architecture", std::string("llama"));
  metadata.Set("split.no", uint16_t{0});
  metadata.Set("split.count", uint16_t{3});
  CreateGguf(folder / "a-00001-of-00003.gguf", metadata, {}).Commit();
  BOOST_TEST(Contains(ErrorText([&] { LoadModel(folder / "a-00001-of-00003.gguf", {}); }),
                      "split.count: the file is a part of a model"));
}

// A context whose tables alone would exhaust the memory.
BOOST_AUTO_TEST_CASE(ContextsBeyondReasonAreRefused) {
  std::unique_ptr<Model> model = LoadModel(Fixture("llama_tq1_0.gguf"), {});
  model->config.max_position_embeddings = int64_t{1} << 24;
  BOOST_TEST(Contains(ErrorText([&] { Session(*model, {}); }),
                      "at most 4194304 positions, found 16777216"));
}

BOOST_AUTO_TEST_CASE(SaysWhatDoesNotFit) {
  const TemporaryFolder folder;
  const std::string directory = folder / "hf";
  WriteHfModel(*LoadModel(Fixture("bitnet_tq1_0.gguf"), {}), directory);
  const auto error = [&] { return ErrorText([&] { LoadModel(directory, {}); }); };
  const auto with = [&](const Change& change) {
    WriteHfModel(*LoadModel(Fixture("bitnet_tq1_0.gguf"), {}), directory);
    Rewrite(directory, 1, change);
    return error();
  };
  BOOST_TEST(error().empty());
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>&) {
                        if (info.name == "model.norm.weight") info.name = "model.other.weight";
                      }),
                      "model.norm.weight: tensor is missing"));
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>& bytes) {
                        if (info.type == SafetensorsType::kU8) bytes[3] = 0xff;
                      }),
                      "code that stands for no trit in row 0, column 3"));
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>& bytes) {
                        if (info.name.ends_with("k_proj.weight_scale")) bytes[3] |= 0x80;
                      }),
                      "k_proj.weight_scale: not a scale"));
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>&) {
                        if (info.name.ends_with("q_proj.weight"))
                          std::swap(info.shape[0], info.shape[1]);
                      }),
                      "q_proj.weight: wrong tensor: expected U8 [64, 256], found U8 [256, 64]"));
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>& bytes) {
                        if (info.name == "model.norm.weight") bytes[2] = 0x80, bytes[3] = 0x7f;
                      }),
                      "model.norm.weight: value is NaN or infinite"));
  BOOST_TEST(Contains(with([](SafetensorsInfo& info, std::vector<uint8_t>&) {
                        if (info.name.ends_with("0.self_attn.k_proj.weight_scale"))
                          info.name = "x.bias";
                      }),
                      "weight_scale: tensor is missing"));
}

// A directory has no place for integers: with float inputs they are the weights they stand for, to
// the bit where scales are f16's; with int8 inputs the layout cannot say what the model computes.
BOOST_AUTO_TEST_CASE(integers_in_a_directory) {
  const TemporaryFolder folder;
  const std::string gguf = folder / "model.gguf", directory = folder / "hf";
  for (const char* activations : {"none", "int8"}) {
    QuantizationConfig config;
    config.standard = {"int4", activations, ScaleKind::kGroup, 32, "mse"};
    TrainableModel trainable(TinyConfig(), config, Precision::kF32, 64);
    InitializeForTest(trainable, 3);
    WriteGgufModel(trainable.MakeInferenceModel(), gguf, {.round_scales = true});
    const std::unique_ptr<Model> model = LoadModel(gguf, {});
    if (activations == std::string("int8")) {
      const std::string text = ErrorText([&] { WriteHfModel(*model, directory); });
      BOOST_TEST(Contains(text, "hf: model.layers.0.self_attn.q_proj.weight: a matrix with int8"));
      BOOST_TEST(Contains(text, "found integers (a GGUF file holds it)"));
      continue;
    }
    WriteHfModel(*model, directory);
    BOOST_TEST(!Contains(ReadBytes(directory + "/config.json"), "quantization_config"));
    const std::unique_ptr<Model> back = LoadModel(directory, {});
    const WeightId up_proj = model->table.Layer(1).up_proj;
    const PackedMatrix &written = model->weights[up_proj].matrix,
                       &read = back->weights[up_proj].matrix;
    BOOST_TEST((read.format == WeightFormat::kF32));
    std::vector<float> expected(written.cols), found(written.cols);
    for (int64_t row = 0; row < written.rows; ++row) {
      UnpackWeights(written, row, expected.data());
      UnpackWeights(read, row, found.data());
      BOOST_TEST(found == expected);
    }
    // Sums of 256 products in another order.
    BOOST_TEST(RelativeDifference(LogitsOf(*back, RandomTokens(20, 256, 1)),
                                  LogitsOf(*model, RandomTokens(20, 256, 1))) < 1e-4);
  }
}

}  // namespace
}  // namespace trit
