// Rounding after training: with the quantizers of training, from every kind of file, into GGUF.
#include "training/rounding/quantize_model.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/unpack_weight.h"
#include "ternary_kernels/pack_matrix.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "training/checkpoint.h"
#include "training/export_run.h"
#include "training/quantizers/weight_width.h"
#include "training/rounding/quantization_report.h"
#include "training/rounding/rounding_config.h"

namespace trit {
namespace {

QuantizationConfig FullPrecision() {
  QuantizationConfig config;
  config.standard = {.weights = "none", .activations = "none"};
  return config;
}

// A checkpoint of a model in full precision, with random weights.
struct Source {
  explicit Source(const ModelConfig& config = TinyConfig()) {
    TrainableModel trainable(config, FullPrecision(), Precision::kF32, 64);
    InitializeForTest(trainable, 11);
    const TrainerState state;
    const SpecialTokens special;
    checkpoint = SaveCheckpoint(folder.path().string(),
                                {.state = state,
                                 .model = config,
                                 .quantizer = FullPrecision(),
                                 .special = special,
                                 .parameters = trainable.parameters(),
                                 .files = {}},
                                {});
    model = LoadTrainedModel(checkpoint);
  }

  TemporaryFolder folder;
  std::string checkpoint;
  std::unique_ptr<Model> model;
};

QuantizationConfig Config(const QuantizerChoice& standard) {
  QuantizationConfig config;
  config.standard = standard;
  return config;
}

Model Quantize(const Model& model, const QuantizationConfig& config) {
  return QuantizeModel(model, config, {}, RoundToNearest, {});
}

std::string Write(const Model& model, const std::string& path) {
  WriteGgufModel(model, path, {.embedding_type = std::nullopt, .round_scales = true});
  return path;
}

std::string TypeOf(const std::string& path, const std::string& tensor) {
  return std::string(InfoOf(GgufReader(path).RequireTensor(tensor).type).name);
}

std::string BytesOf(const std::string& path, const std::string& tensor) {
  const GgufReader reader(path);
  const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(reader.RequireTensor(tensor));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr const char* kTypes[] = {"ternary", "binary", "int2", "int3", "int4", "int8"};

// The whole file, to the bit, with every width, rule and granularity that has one.
BOOST_AUTO_TEST_CASE(equals_the_training_objects) {
  const Source source;
  int files = 0;
  for (const char* weights : kTypes) {
    for (const char* scale : {"absmean", "minmax", "percentile", "mse"}) {
      const WeightWidth& width = *FindWeightWidth(weights);
      if (std::string(scale) == "absmean" ? !width.absmean : !width.ranges) continue;
      for (const auto& [kind, group_size] :
           {std::pair{ScaleKind::kTensor, 0}, {ScaleKind::kRow, 0}, {ScaleKind::kGroup, 64}}) {
        for (const bool symmetric : {true, false}) {
          if (!symmetric && (!width.asymmetric || width.low < -8)) continue;
          // Without quantized inputs, training has asymmetric weights as floats.
          for (const char* activations : {"int8", "none"}) {
            if (!symmetric && std::string(activations) == "none") continue;
            const QuantizationConfig config = Config({.weights = weights,
                                                      .activations = activations,
                                                      .granularity = kind,
                                                      .group_size = group_size,
                                                      .scale = scale,
                                                      .symmetric = symmetric,
                                                      .percentile = 99});
            const std::string mine =
                Write(Quantize(*source.model, config), source.folder / "mine.gguf");
            const std::string theirs =
                Write(*LoadTrainedModel(source.checkpoint, config), source.folder / "theirs.gguf");
            BOOST_TEST_INFO_SCOPE(weights << " " << scale << " " << static_cast<int>(kind));
            BOOST_TEST((ReadBytes(mine) == ReadBytes(theirs)));
            BOOST_TEST(TypeOf(mine, "blk.0.attn_q.weight").substr(0, 3) != "f32");
            ++files;
          }
        }
      }
    }
  }
  BOOST_TEST(files == 6 * 4 + 6 + 4 * 3 * 6 + 3 * 3 * 3);
}

BOOST_AUTO_TEST_CASE(types_of_files) {
  const Source source;
  for (const auto& [choice, type] :
       {std::pair{QuantizerChoice{"ternary", "int8"}, "i2_s"},
        {QuantizerChoice{"binary", "int8", ScaleKind::kRow}, "iq2_bn"},
        {QuantizerChoice{"ternary", "int8", ScaleKind::kGroup, 64}, "q2_0"},
        {QuantizerChoice{"int2", "int8", ScaleKind::kGroup, 32, "mse"}, "q4_0"},
        {QuantizerChoice{"int3", "none", ScaleKind::kRow, 0, "mse"}, "q4_0"},
        {QuantizerChoice{"int4", "none", ScaleKind::kGroup, 32, "minmax", false}, "q4_1"},
        {QuantizerChoice{"int8", "none"}, "q8_0"}}) {
    const std::string path =
        Write(Quantize(*source.model, Config(choice)), source.folder / "model.gguf");
    BOOST_TEST(TypeOf(path, "blk.1.ffn_down.weight") == type);
    BOOST_TEST(TypeOf(path, "token_embd.weight") == "f32");
    // It runs, with the inputs that it says.
    const std::unique_ptr<Model> model = LoadModel(path, {});
    const ModelWeight& weight = model->weights[model->table.Layer(1).down_proj];
    BOOST_TEST((weight.activation_quantizer == (choice.activations == "int8"
                                                    ? ActivationQuantizer::kInt8PerToken
                                                    : ActivationQuantizer::kNone)));
    ComputeLogits(*model, RandomTokens(5, 256, 1), [](int64_t, std::span<const float> logits) {
      for (const float logit : logits) BOOST_REQUIRE(std::isfinite(logit));
    });
  }
}

// Weights with offsets are in the file whatever the inputs are.
BOOST_AUTO_TEST_CASE(asymmetric_weights_with_float_inputs) {
  const Source source;
  QuantizerChoice choice{"int4", "int8", ScaleKind::kGroup, 32, "mse", false};
  const std::string codes =
      Write(Quantize(*source.model, Config(choice)), source.folder / "a.gguf");
  choice.activations = "none";
  const std::string floats =
      Write(Quantize(*source.model, Config(choice)), source.folder / "b.gguf");
  for (const char* tensor : {"blk.0.attn_q.weight", "blk.1.ffn_up.weight"}) {
    BOOST_TEST((BytesOf(floats, tensor) == BytesOf(codes, tensor)));
  }
}

// Llama's query and key rows lie in another order in GGUF files than elsewhere.
BOOST_AUTO_TEST_CASE(every_source_gives_the_same_file) {
  for (const bool llama : {false, true}) {
    ModelConfig shape = TinyConfig();
    shape.sub_norms = !llama;
    shape.tie_word_embeddings = !llama;
    if (llama) shape.hidden_act = GateActivation::kSilu;
    const Source source(shape);
    const std::string directory = source.folder / "hf";
    WriteHfModel(*source.model, directory);
    const std::string floats = source.folder / "floats.gguf";
    WriteGgufModel(*source.model, floats, {});
    BOOST_REQUIRE(TypeOf(floats, "blk.0.attn_q.weight") == "f32");
    const QuantizationConfig config = Config({"int4", "int8", ScaleKind::kRow, 0, "mse"});
    const std::string expected =
        Write(Quantize(*source.model, config), source.folder / "expected.gguf");
    for (const std::string& path : {directory, floats}) {
      std::unique_ptr<Model> model = LoadModel(path, {});
      RequireFullPrecision(*model, path);
      model->name = source.model->name;
      const std::string found = Write(Quantize(*model, config), source.folder / "found.gguf");
      BOOST_TEST((ReadBytes(found) == ReadBytes(expected)), path);
    }
    // As f16 it is another model, whose embeddings stay f16.
    WriteGgufModel(*source.model, floats,
                   {.linear_type = TensorType::kF16, .embedding_type = TensorType::kF16});
    const std::string found =
        Write(Quantize(*LoadModel(floats, {}), config), source.folder / "found.gguf");
    BOOST_TEST(TypeOf(found, "token_embd.weight") == "f16");
    BOOST_TEST(TypeOf(found, "blk.0.attn_q.weight") == "q4_0");
  }
}

BOOST_AUTO_TEST_CASE(rules_by_name) {
  const Source source;
  QuantizationConfig config = Config({"int4", "none", ScaleKind::kGroup, 32, "mse"});
  config.rules = {{"layers.0.self_attn.*", {"int8", "none", ScaleKind::kRow}},
                  {"*.down_proj", {"none", "none"}}};
  const std::string path = Write(Quantize(*source.model, config), source.folder / "model.gguf");
  BOOST_TEST(TypeOf(path, "blk.0.attn_k.weight") == "q8_0");
  BOOST_TEST(TypeOf(path, "blk.1.attn_k.weight") == "q4_0");
  BOOST_TEST(TypeOf(path, "blk.0.ffn_down.weight") == "f32");
  BOOST_TEST(*GgufReader(path).metadata().FindString("trit.weight_quantizer") == "mixed");
}

// Embeddings and head are rounded where a rule says so, with what training has for them.
BOOST_AUTO_TEST_CASE(embeddings_and_head) {
  for (const bool tied : {true, false}) {
    ModelConfig shape = TinyConfig();
    shape.tie_word_embeddings = tied;
    const Source source(shape);
    for (const auto& [weights, type] : {std::pair{"int8", "q8_0"}, {"int4", "q4_0"}}) {
      QuantizationConfig config = Config({"ternary", "int8", ScaleKind::kRow});
      config.rules = {{"embed_tokens", {weights, "int8", ScaleKind::kRow, 0, "minmax"}},
                      {"lm_head", {weights, "int8", ScaleKind::kGroup, 32, "mse"}}};
      if (tied) config.rules.pop_back();
      const std::string mine =
          Write(Quantize(*source.model, config), source.folder / "mine.gguf");
      const std::string theirs =
          Write(*LoadTrainedModel(source.checkpoint, config), source.folder / "theirs.gguf");
      BOOST_TEST((ReadBytes(mine) == ReadBytes(theirs)));
      BOOST_TEST(TypeOf(mine, "token_embd.weight") == type);
      if (!tied) BOOST_TEST(TypeOf(mine, "output.weight") == type);
    }
    QuantizationConfig config = Config({"int8", "int8", ScaleKind::kRow});
    config.rules = {{"*", {"int2", "int8", ScaleKind::kRow, 0, "mse"}}};
    BOOST_TEST(Contains(ErrorText([&] { Quantize(*source.model, config); }),
                        "embeddings and the head cannot be quantized so"));
    config.rules = {{"embed_tokens", {"int4", "int8", ScaleKind::kRow, 0, "learned"}}};
    BOOST_TEST(Contains(ErrorText([&] { Quantize(*source.model, config); }),
                        "learned scales need training"));
  }
}

// Rules may leave matrices in full precision, whose inputs then are floats.
BOOST_AUTO_TEST_CASE(inputs_by_matrix) {
  const Source source;
  QuantizationConfig config = Config({"int8", "int8_static", ScaleKind::kRow});
  config.rules = {{"layers.0.self_attn.*", {"int4", "int4", ScaleKind::kRow, 0, "mse"}},
                  {"*.down_proj", {"none", "int8"}}};
  BOOST_TEST(Contains(ErrorText([&] { Quantize(*source.model, config); }),
                      "static activations need a range"));
  std::vector<float> ranges(source.model->table.size());
  for (size_t i = 0; i < ranges.size(); ++i) ranges[i] = 1.0f + static_cast<float>(i);
  const std::string path = Write(QuantizeModel(*source.model, config, ranges, RoundToNearest, {}),
                                 source.folder / "model.gguf");
  const std::unique_ptr<Model> model = LoadModel(path, {});
  for (const WeightInfo& info : model->table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const ActivationScheme found = model->weights[info.id].activations();
    ActivationScheme expected{ActivationQuantizer::kInt8Static,
                              127 / (1.0f + static_cast<float>(info.id))};
    if (info.name.find("down_proj") != std::string::npos) expected = {};
    if (info.name.find("layers.0.self_attn") != std::string::npos) {
      expected = {ActivationQuantizer::kInt4PerToken};
    }
    BOOST_TEST((found == expected), info.name);
  }
}

// Other ways to find codes need nothing but a function.
BOOST_AUTO_TEST_CASE(the_method_is_a_seam) {
  const Source source;
  std::vector<std::string> seen;
  const RoundingMethod method = [&](const WeightInfo& info, const WeightQuantizer& quantizer,
                                    const float* weights, int8_t* codes, WeightScales& scales) {
    seen.push_back(info.name);
    RoundToNearest(info, quantizer, weights, codes, scales);
    for (int64_t i = 0; i < info.NumElements(); ++i) codes[i] = static_cast<int8_t>(i % 5 - 2);
  };
  const Model model = QuantizeModel(
      *source.model, Config({"int4", "int8", ScaleKind::kRow, 0, "minmax"}), {}, method, {});
  BOOST_TEST(seen.size() == 14u);
  const std::unique_ptr<Model> loaded = LoadModel(Write(model, source.folder / "model.gguf"), {});
  const WeightInfo& info = loaded->table[loaded->table.Layer(1).up_proj];
  std::vector<int8_t> codes(info.cols);
  UnpackCodes(loaded->weights[info.id].matrix, 3, codes.data());
  for (int64_t c = 0; c < info.cols; ++c) {
    BOOST_TEST(int{codes[c]} == (3 * info.cols + c) % 5 - 2);
  }
}

BOOST_AUTO_TEST_CASE(what_is_quantized_already_is_refused) {
  const Source source;
  const auto text = [&](const GgufModelOptions& options, const Model& model) {
    const std::string path = source.folder / "model.gguf";
    WriteGgufModel(model, path, options);
    return ErrorText([&] { RequireFullPrecision(*LoadModel(path, {}), path); });
  };
  BOOST_TEST(text({}, *source.model) == "");
  BOOST_TEST(text({.linear_type = TensorType::kBF16}, *source.model) == "");
  const std::string q8_0 = text({.linear_type = TensorType::kQ8_0}, *source.model);
  BOOST_TEST(Contains(q8_0, "model.gguf: model.layers.0.self_attn.q_proj.weight"));
  BOOST_TEST(Contains(q8_0, "quantized already"));
  BOOST_TEST(Contains(q8_0, "found q8_0"));
  for (const char* weights : {"ternary", "binary", "int8"}) {
    for (const char* activations : {"int8", "none"}) {
      const Model model = Quantize(*source.model, Config({weights, activations}));
      BOOST_TEST(Contains(text({.round_scales = true}, model), "quantized already"));
    }
  }
  // Trained with quantizers: its latent weights are not the model.
  BOOST_TEST(Contains(ErrorText([&] {
                        RequireFullPrecision(*LoadTrainedModel(source.checkpoint, Config({})), "r");
                      }),
                      "found trits"));
}

BOOST_AUTO_TEST_CASE(what_has_no_type_of_file_is_refused) {
  ModelConfig narrow = TinyConfig();
  narrow.intermediate_size = 240;
  const Source source, odd(narrow);
  struct Case {
    const Model& model;
    QuantizerChoice choice;
    std::vector<const char*> parts;
  };
  const Case cases[] = {
      {*source.model,
       {"int4", "int8", ScaleKind::kGroup, 16, "mse"},
       {"q_proj.weight: no type of GGUF files", "groups of a multiple of 32", "granularity 16"}},
      {*source.model,
       {"ternary", "int8", ScaleKind::kGroup, 32},
       {"no type of GGUF files", "groups of a multiple of 64"}},
      {*source.model,
       {"int8", "int8", ScaleKind::kRow, 0, "minmax", false},
       {"no type of GGUF files", "symmetric weights, or int4 with offsets"}},
      {*source.model,
       {"int4", "int8", ScaleKind::kRow, 0, "learned"},
       {"quantizer.scale", "learned scales need training"}},
      {*source.model,
       {"int4", "int8", ScaleKind::kGroup, 48, "mse"},
       {"the group size does not divide the row", "a divisor of 128", "found 48"}},
      {*odd.model,
       {"int8", "int8"},
       {"layers.0.mlp.down_proj", "rows of a multiple of 32", "a rule for the matrix"}},
      {*odd.model, {"ternary", "int8"}, {"down_proj", "rows of a multiple of 64"}}};
  for (const Case& c : cases) {
    const std::string text = ErrorText([&] { Quantize(c.model, Config(c.choice)); });
    BOOST_TEST(text.starts_with("usage: "), c.choice.weights << c.choice.group_size << text);
    for (const char* part : c.parts) BOOST_TEST(Contains(text, part), text);
  }
}

// Errors and sizes as plain loops find them.
BOOST_AUTO_TEST_CASE(reports_what_it_did) {
  const Source source;
  QuantizationConfig config = Config({"int4", "none", ScaleKind::kRow, 0, "minmax"});
  config.rules = {{"layers.1.*", {"none", "none"}}};
  const std::string path = Write(Quantize(*source.model, config), source.folder / "model.gguf");
  const std::unique_ptr<Model> after = LoadModel(path, {});
  const QuantizationReport report = ReportQuantization(*source.model, *after, config, path);
  BOOST_TEST(report.matrices.size() == 15u);
  const WeightInfo& info = source.model->table[source.model->table.Layer(0).up_proj];
  double difference = 0, norm = 0;
  std::vector<float> w(info.cols);
  for (int64_t row = 0; row < info.rows; ++row) {
    UnpackFloats(source.model->weights[info.id].matrix, row, w.data());
    float largest = 0;
    for (const float v : w) largest = std::max(largest, std::abs(v));
    const double scale = F16ToF32(F32ToF16(largest / 7.5f));
    const float inverse = 1 / (largest / 7.5f);
    for (const float v : w) {
      const double code = std::min(7.0f, std::nearbyint(v * inverse));
      difference += std::pow(code * scale - v, 2);
      norm += double{v} * v;
    }
  }
  for (const ReportedMatrix& matrix : report.matrices) {
    const bool rounded = matrix.name.starts_with("layers.0.");
    BOOST_TEST(matrix.type == (rounded ? "q4_0" : "f32"));
    BOOST_TEST((matrix.error.Value() > 0) == rounded);
    if (matrix.name != "layers.0.mlp.up_proj") continue;
    BOOST_TEST(std::abs(matrix.error.Value() / std::sqrt(difference / norm) - 1) < 1e-6);
    BOOST_TEST(matrix.bytes_before == info.NumElements() * 4);
    BOOST_TEST(matrix.bytes_after == info.NumElements() / 32 * 18);
  }
  BOOST_REQUIRE(report.parts.size() == 4u);
  BOOST_TEST(report.parts[0].name == "embeddings");
  BOOST_TEST(report.parts[1].name == "layers.0");
  BOOST_TEST(report.parts[1].BitsPerWeight() == 4.5);
  BOOST_TEST(report.parts[1].num_tensors == 7);
  BOOST_TEST(report.parts[2].BitsPerWeight() == 32.0);
  BOOST_TEST(report.parts[3].name == "norms");
  BOOST_TEST(report.total.num_weights == source.model->table.NumParameters());
}

BOOST_AUTO_TEST_CASE(configs_of_rounding) {
  const TemporaryFolder folder;
  WriteBytes(folder / "config.toml",
             "[model]\nhidden_size = 32\n[quantizer]\nweights = \"int4\"\ngranularity = 64\n"
             "[[quantizer.rule]]\nmatch = \"layers.0.*\"\nweights = \"int8\"\n");
  const std::string file = folder / "config.toml";
  const auto read = [&](const std::optional<std::string>& path,
                        const std::vector<std::string>& overrides,
                        const std::vector<std::string>& rules) {
    return ReadRoundingConfig(path, overrides, rules);
  };
  const QuantizationConfig from_file = read(file, {"quantizer.activations=none"}, {});
  BOOST_TEST(from_file.standard.weights == "int4");
  BOOST_TEST(from_file.standard.activations == "none");
  BOOST_TEST(from_file.standard.group_size == 64);
  BOOST_TEST(from_file.standard.scale == "mse");  // training would learn it
  BOOST_REQUIRE(from_file.rules.size() == 1u);
  BOOST_TEST(from_file.rules[0].choice.scale == "minmax");
  BOOST_TEST(from_file.rules[0].choice.activations == "none");

  const QuantizationConfig mixed =
      read(file, {"quantizer.granularity=row"},
           {"*.down_proj=int8", "layers.?.mlp.*=int2,granularity=32,symmetric=false",
            "*.q_proj=none"});
  BOOST_REQUIRE(mixed.rules.size() == 4u);
  BOOST_TEST(mixed.rules[0].match == "*.down_proj");
  BOOST_TEST((mixed.rules[0].choice.granularity == ScaleKind::kRow));
  BOOST_TEST(mixed.rules[1].choice.weights == "int2");
  BOOST_TEST(mixed.rules[1].choice.group_size == 32);
  BOOST_TEST(!mixed.rules[1].choice.symmetric);
  BOOST_TEST(mixed.rules[2].choice.weights == "none");
  BOOST_TEST(mixed.rules[3].match == "layers.0.*");

  const auto text = [&](const std::vector<std::string>& rules) {
    return ErrorText([&] { read({}, {"quantizer.weights=int4"}, rules); });
  };
  BOOST_TEST(Contains(text({"=int8"}), "not a rule"));
  BOOST_TEST(Contains(text({"layers.0.*"}), "PATTERN=WEIGHTS"));
  BOOST_TEST(Contains(text({"a=weights=int8,row"}), "not a rule"));
  BOOST_TEST(Contains(text({"a=int9"}), "quantizer.rule.weights: unknown weight quantizer"));
  BOOST_TEST(Contains(text({"a=weight=int8"}), "did you mean quantizer.rule.weights?"));
  BOOST_TEST(Contains(text({"a=weights=int8,granularity=0"}), "value out of range"));
  WriteBytes(file, "[quantiser]\nweights = \"int4\"\n");
  BOOST_TEST(Contains(ErrorText([&] { read(file, {}, {}); }), "did you mean quantizer.weights?"));
}

}  // namespace
}  // namespace trit
