// Trainer and inference are one model: a trained model, written to a file and read back, gives the
// bits that the trainer's evaluation gives, in every linear layer and in the logits.
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/model_file.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/transformer.h"
#include "support/tiny_model.h"
#include "training/optimizer.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

constexpr int64_t kTokens = 1000;

// What each linear layer took in and gave out.
struct LayerRecord {
  std::vector<int8_t> codes;
  std::vector<float> scales;
  std::vector<float> out;
  bool operator==(const LayerRecord& other) const {
    return codes == other.codes && scales == other.scales && out.size() == other.out.size() &&
           std::memcmp(out.data(), other.out.data(), out.size() * sizeof(float)) == 0;
  }
};
using Record = std::map<WeightId, LayerRecord>;

Taps RecordInto(Record& record) {
  return {.observe = {}, .observe_linear = [&record](const LinearTap& tap) {
            LayerRecord layer;
            if (tap.codes != nullptr) {
              for (int64_t r = 0; r < tap.rows; ++r) {
                const int8_t* row = tap.codes->codes.data() + r * tap.codes->stride;
                layer.codes.insert(layer.codes.end(), row, row + tap.in_features);
              }
              layer.scales.assign(tap.codes->scales.data(), tap.codes->scales.data() + tap.rows);
            }
            layer.out.assign(tap.out, tap.out + tap.rows * tap.out_features);
            record[tap.weight] = std::move(layer);
          }};
}

Batch OneSequence(const std::vector<int32_t>& tokens, SequenceId sequence) {
  Batch batch;
  batch.AddSegment(sequence, 0, tokens);
  return batch;
}

std::vector<int32_t> AllRows(int64_t n) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(static_cast<int32_t>(i));
  return rows;
}

// Some steps on random tokens: enough to move weights, scales and norms away from their start.
void TrainBriefly(TrainableModel& model) {
  const int64_t length = 128;
  const std::vector<int32_t> tokens = RandomTokens(length + 1, model.config().vocab_size, 5);
  const std::vector<int32_t> targets(tokens.begin() + 1, tokens.end());
  const std::vector<float> weights(static_cast<size_t>(length), 1.0f / length);
  Batch batch;
  batch.AddSegment(0, 0, {tokens.data(), static_cast<size_t>(length)});
  for (int64_t step = 0; step < 8; ++step) {
    model.parameters().ZeroGradients();
    model.AccumulateGradients(batch, targets, weights, true);
    AdamWStepAll(
        OptimizerConfig(),
        {.step = step, .learning_rate = 1e-3, .weight_decay_ratio = 1.0, .gradient_scale = 1.0},
        model.parameters());
    model.ParametersChanged();
  }
}

QuantizationConfig Quantizers(const std::string& weights, const std::string& activations,
                              ScaleKind granularity, int64_t group_size,
                              const std::string& scale = "", bool symmetric = true) {
  QuantizationConfig config;
  config.standard = {weights, activations, granularity, group_size, scale, symmetric};
  return config;
}

struct Evaluation {
  Record layers;
  std::vector<float> logits;
};

Evaluation EvaluateInTrainer(TrainableModel& model, const std::vector<int32_t>& tokens) {
  Evaluation result;
  result.logits.resize(tokens.size() * static_cast<size_t>(model.config().vocab_size));
  TrainingExecutor& executor = model.executor();
  executor.set_recording(false);
  executor.set_taps(RecordInto(result.layers));
  const Batch batch = OneSequence(tokens, 0);
  const Value hidden = ForwardTransformer(model.config(), model.table(), batch, executor);
  executor.Head(hidden, AllRows(batch.num_rows()), FullLogits{result.logits.data()});
  executor.set_taps({});
  return result;
}

Evaluation EvaluateInEngine(const Model& model, const std::vector<int32_t>& tokens) {
  Evaluation result;
  result.logits.resize(tokens.size() * static_cast<size_t>(model.config.vocab_size));
  KvCache cache(model.config, KvCache::PagesFor(kTokens));
  InferenceExecutor executor(model, cache, kTokens);
  executor.set_taps(RecordInto(result.layers));
  const Batch batch = OneSequence(tokens, cache.Create());
  const Value hidden = ForwardTransformer(model.config, model.table, batch, executor);
  executor.Head(hidden, AllRows(batch.num_rows()), FullLogits{result.logits.data()});
  return result;
}

void CheckSameBits(const Evaluation& a, const Evaluation& b) {
  BOOST_REQUIRE_EQUAL(a.layers.size(), b.layers.size());
  for (const auto& [id, layer] : a.layers) {
    BOOST_TEST(bool(layer == b.layers.at(id)), "linear layer " << id << " differs");
  }
  BOOST_REQUIRE_EQUAL(a.logits.size(), b.logits.size());
  BOOST_TEST(std::memcmp(a.logits.data(), b.logits.data(), a.logits.size() * sizeof(float)) == 0);
}

TrainableModel& Prepared(TrainableModel& model) {
  InitializeForTest(model, 3);
  // Ranges of static activations, that clip some inputs.
  model.SetInputRanges(std::vector<float>(model.table().size(), 1.5f));
  TrainBriefly(model);
  return model;
}

// embeddings: the type that the file is to have them in.
void CheckThroughFile(const QuantizationConfig& quantization,
                      const ModelConfig& config = TinyConfig(),
                      TensorType embeddings = TensorType::kF32) {
  TrainableModel trainable(config, quantization, Precision::kF32, kTokens);
  Prepared(trainable);
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("trit_exact_pair_" + std::to_string(getpid()) + ".gguf"))
                               .string();
  WriteGgufModel(trainable.MakeInferenceModel(), path,
                 {.linear_type = TensorType::kI2_S, .embedding_type = std::nullopt});
  BOOST_TEST((GgufReader(path).RequireTensor("token_embd.weight").type == embeddings));
  const std::unique_ptr<Model> loaded = LoadModel(path, {});
  std::filesystem::remove(path);
  const std::vector<int32_t> tokens = RandomTokens(kTokens, 256, 11);
  CheckSameBits(EvaluateInTrainer(trainable, tokens), EvaluateInEngine(*loaded, tokens));
}

BOOST_AUTO_TEST_CASE(through_the_written_file) { CheckThroughFile({}); }

BOOST_AUTO_TEST_CASE(other_activations_through_the_written_file) {
  CheckThroughFile(Quantizers("ternary", "int4", ScaleKind::kTensor, 0));
  CheckThroughFile(Quantizers("ternary", "int8_static", ScaleKind::kTensor, 0));
  QuantizationConfig mixed;
  mixed.rules = {{.match = "*.q_proj", .choice = {.activations = "int4"}},
                 {.match = "*.k_proj", .choice = {.activations = "none"}},
                 {.match = "*.down_proj", .choice = {.activations = "int8_static"}}};
  CheckThroughFile(mixed);
}

// Every other pair of quantizers, in memory.
BOOST_AUTO_TEST_CASE(other_quantizers) {
  const std::vector<QuantizationConfig> all = {
      Quantizers("ternary", "int8", ScaleKind::kRow, 0),
      Quantizers("ternary", "int8", ScaleKind::kGroup, 64),
      Quantizers("ternary", "none", ScaleKind::kTensor, 0),
      Quantizers("int8", "int8", ScaleKind::kRow, 0),
      Quantizers("int4", "int8", ScaleKind::kGroup, 32),
      Quantizers("int4", "none", ScaleKind::kGroup, 32),
      Quantizers("binary", "int8", ScaleKind::kTensor, 0),
      Quantizers("binary", "int8", ScaleKind::kGroup, 64),
      Quantizers("int2", "int8", ScaleKind::kRow, 0),
      Quantizers("int3", "int8", ScaleKind::kRow, 0, "mse"),
      Quantizers("ternary", "int8", ScaleKind::kRow, 0, "learned"),
      Quantizers("int4", "int8", ScaleKind::kRow, 0, "mse", false),
      Quantizers("int8", "int8", ScaleKind::kTensor, 0, "minmax", false),
      Quantizers("int4", "int8", ScaleKind::kGroup, 32, "learned", false),
      Quantizers("int2", "none", ScaleKind::kRow, 0, "minmax", false),
      Quantizers("none", "none", ScaleKind::kTensor, 0),
      Quantizers("int4", "int4", ScaleKind::kGroup, 32),
      Quantizers("ternary", "int8_static", ScaleKind::kRow, 0),
  };
  const std::vector<int32_t> tokens = RandomTokens(200, 256, 12);
  for (const QuantizationConfig& quantization : all) {
    const QuantizerChoice& choice = quantization.standard;
    BOOST_TEST_CONTEXT(choice.weights << " " << choice.activations << " granularity "
                                      << static_cast<int>(choice.granularity)) {
      TrainableModel trainable(TinyConfig(), quantization, Precision::kF32, kTokens);
      Prepared(trainable);
      const Model model = trainable.MakeInferenceModel();
      CheckSameBits(EvaluateInTrainer(trainable, tokens), EvaluateInEngine(model, tokens));
    }
  }
}

void CheckPair(const ModelConfig& config, const QuantizationConfig& quantization) {
  TrainableModel trainable(config, quantization, Precision::kF32, kTokens);
  Prepared(trainable);
  const std::vector<int32_t> tokens = RandomTokens(200, 256, 14);
  CheckSameBits(EvaluateInTrainer(trainable, tokens),
                EvaluateInEngine(trainable.MakeInferenceModel(), tokens));
}

// One input quantized in several ways for the matrices that read it.
BOOST_AUTO_TEST_CASE(activations_that_differ_by_matrix) {
  QuantizationConfig mixed;
  mixed.rules = {{.match = "*.q_proj", .choice = {.weights = "int4", .activations = "int4"}},
                 {.match = "*.k_proj", .choice = {.activations = "none"}},
                 {.match = "*.up_proj", .choice = {.weights = "none"}},
                 {.match = "*.down_proj", .choice = {.activations = "int8_static"}}};
  CheckPair(TinyConfig(), mixed);
}

// Scales are what files have, so that the pair holds through one.
BOOST_AUTO_TEST_CASE(embeddings_and_heads_of_few_bits) {
  for (const bool tied : {true, false}) {
    for (const char* weights : {"int8", "int4"}) {
      ModelConfig config = TinyConfig();
      config.tie_word_embeddings = tied;
      QuantizationConfig quantization;
      quantization.rules = {{.match = "embed_tokens",
                             .choice = {.weights = weights, .granularity = ScaleKind::kRow}}};
      if (!tied) {
        quantization.rules.push_back(
            {.match = "lm_head",
             .choice = {.weights = "int4", .granularity = ScaleKind::kGroup, .group_size = 32}});
      }
      CheckPair(config, quantization);
      const TensorType type =
          weights == std::string("int8") ? TensorType::kQ8_0 : TensorType::kQ4_0;
      CheckThroughFile(quantization, config, type);
    }
  }
}

// Evaluation has the quantized model, whatever training computes with.
BOOST_AUTO_TEST_CASE(evaluation_while_quantization_is_phased_in) {
  const std::vector<int32_t> tokens = RandomTokens(200, 256, 15);
  for (const float share : {0.0f, 0.3f}) {
    QuantizationConfig quantization = Quantizers("int4", "int8", ScaleKind::kGroup, 32);
    quantization.rules = {{.match = "embed_tokens", .choice = {.weights = "int8"}}};
    TrainableModel trainable(TinyConfig(), quantization, Precision::kF32, kTokens);
    trainable.set_quantized_share(share);
    Prepared(trainable);
    CheckSameBits(EvaluateInTrainer(trainable, tokens),
                  EvaluateInEngine(trainable.MakeInferenceModel(), tokens));
  }
}

// While it records, the trainer's integer layers still give inference's bits: only products that
// are floating-point on both sides run elsewhere.
BOOST_AUTO_TEST_CASE(recording_gives_the_same_linear_layers) {
  TrainableModel trainable(TinyConfig(), {}, Precision::kF32, kTokens);
  Prepared(trainable);
  const std::vector<int32_t> tokens = RandomTokens(130, 256, 13);
  const Evaluation evaluated = EvaluateInTrainer(trainable, tokens);
  Record recorded;
  trainable.executor().set_taps(RecordInto(recorded));
  trainable.executor().set_recording(true);
  const Batch batch = OneSequence(tokens, 0);
  ForwardTransformer(trainable.config(), trainable.table(), batch, trainable.executor());
  trainable.executor().set_taps({});
  BOOST_REQUIRE_EQUAL(recorded.size(), evaluated.layers.size());
  for (const auto& [id, layer] : recorded) BOOST_TEST(bool(layer == evaluated.layers.at(id)));
}

}  // namespace
}  // namespace trit
