// Gradients of whole models: numerically where nothing rounds, and for what must not depend on how
// a step is computed (threads, accumulation).
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "support/tiny_model.h"
#include "ternary_kernels/parallel_for.h"
#include "training/optimizer.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

QuantizationConfig Quantizers(const std::string& weights, const std::string& activations,
                              ScaleKind granularity = ScaleKind::kTensor, int64_t group_size = 0,
                              const std::string& scale = "", bool symmetric = true) {
  QuantizationConfig config;
  config.standard = {weights, activations, granularity, group_size, scale, symmetric};
  return config;
}

ModelConfig SmallConfig(GateActivation activation, bool sub_norms, bool tied) {
  ModelConfig config = TinyConfig();
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.head_dim = 8;
  config.vocab_size = 40;
  config.max_position_embeddings = 128;
  config.hidden_act = activation;
  config.sub_norms = sub_norms;
  config.tie_word_embeddings = tied;
  return config;
}

struct Task {
  Batch batch;
  std::vector<int32_t> targets;
  std::vector<float> weights;
};

// Two documents of different length; some rows masked.
Task MakeTask(int64_t vocab_size) {
  Task task;
  const std::vector<int32_t> tokens = RandomTokens(30, vocab_size, 21);
  task.batch.AddSegment(0, 0, {tokens.data(), 19});
  task.batch.AddSegment(1, 0, {tokens.data() + 19, 11});
  task.targets = RandomTokens(30, vocab_size, 22);
  for (int i = 0; i < 30; ++i) task.weights.push_back(i % 5 == 3 ? 0.0f : 1.0f / 24);
  return task;
}

double LossOf(TrainableModel& model, const Task& task) {
  std::vector<float> losses(task.targets.size());
  model.ParametersChanged();
  model.Evaluate(task.batch, task.targets, task.weights, losses);
  double sum = 0;
  for (size_t i = 0; i < losses.size(); ++i) sum += double{task.weights[i]} * losses[i];
  return sum;
}

// Central differences along the gradient of each weight: the loss is computed in float, so a step h
// in a direction of unit length leaves an error of about 2^-22 * loss / h plus the curvature's h^2.
void CheckDirectionalDerivatives(TrainableModel& model, const Task& task) {
  model.ParametersChanged();
  model.parameters().ZeroGradients();
  model.AccumulateGradients(task.batch, task.targets, task.weights, true);
  for (const WeightInfo& info : model.table().weights()) {
    const std::span<float> values = model.parameters().Values(info.id);
    const std::span<const float> gradient = model.parameters().Gradients(info.id);
    const std::vector<float> before(values.begin(), values.end());
    double norm = 0;
    for (const float g : gradient) norm += double{g} * g;
    norm = std::sqrt(norm);
    BOOST_REQUIRE(norm > 0);
    const double h = 4e-3;
    double losses[2];
    for (int side = 0; side < 2; ++side) {
      const double step = side == 0 ? h : -h;
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(before[i] + step * gradient[i] / norm);
      }
      losses[side] = LossOf(model, task);
    }
    std::copy(before.begin(), before.end(), values.begin());
    const double numeric = (losses[0] - losses[1]) / (2 * h);
    BOOST_TEST_CONTEXT(info.name << " analytic " << norm << " numeric " << numeric) {
      BOOST_TEST(std::fabs(numeric - norm) < 0.02 * norm + 4e-4);
    }
  }
  model.ParametersChanged();
}

BOOST_AUTO_TEST_CASE(every_weight_numerically) {
  for (const GateActivation activation : {GateActivation::kRelu2, GateActivation::kSilu}) {
    for (const bool variant : {true, false}) {
      const ModelConfig config = SmallConfig(activation, variant, variant);
      TrainableModel model(config, Quantizers("none", "none"), Precision::kF32, 128);
      InitializeForTest(model, 31);
      // Larger weights than training starts from, for gradients well above float's noise.
      for (const WeightInfo& info : model.table().weights()) {
        if (info.IsVector()) continue;
        for (float& w : model.parameters().Values(info.id)) w *= 8;
      }
      CheckDirectionalDerivatives(model, MakeTask(config.vocab_size));
    }
  }
}

std::vector<float> AllGradients(TrainableModel& model) {
  std::vector<float> all;
  for (const WeightInfo& info : model.table().weights()) {
    const std::span<const float> part = model.parameters().Gradients(info.id);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Matrices that see one input differently.
QuantizationConfig WithMixedActivations() {
  QuantizationConfig config;
  config.rules = {{.match = "*.q_proj", .choice = {.weights = "int4", .activations = "int4"}},
                  {.match = "*.k_proj", .choice = {.activations = "none"}}};
  return config;
}

const std::vector<QuantizationConfig>& ManyQuantizers() {
  static const std::vector<QuantizationConfig> all = {
      Quantizers("ternary", "int8"),
      Quantizers("ternary", "none"),
      Quantizers("none", "none"),
      Quantizers("ternary", "int8", ScaleKind::kRow),
      Quantizers("ternary", "int8", ScaleKind::kGroup, 16),
      Quantizers("int8", "int8", ScaleKind::kRow),
      Quantizers("int4", "int8", ScaleKind::kGroup, 16),
      Quantizers("ternary", "int8", ScaleKind::kTensor, 0, "learned"),
      Quantizers("binary", "int8", ScaleKind::kRow),
      Quantizers("int2", "int8", ScaleKind::kRow, 0, "mse"),
      Quantizers("int3", "int8", ScaleKind::kTensor, 0, "percentile"),
      Quantizers("int4", "int8", ScaleKind::kRow, 0, "learned", false),
      Quantizers("int8", "int4", ScaleKind::kRow),
      WithMixedActivations(),
  };
  return all;
}

BOOST_AUTO_TEST_CASE(one_or_two_threads_give_the_same_bits) {
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const Task task = MakeTask(config.vocab_size);
  const int before = NumThreads();
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    if (precision == Precision::kBF16 && !HasBF16Gemm()) continue;
    for (const QuantizationConfig& quantization : ManyQuantizers()) {
      std::vector<float> gradients[2];
      double losses[2];
      for (int run = 0; run < 2; ++run) {
        SetNumThreads(run + 1);
        TrainableModel model(config, quantization, precision, 128);
        InitializeForTest(model, 32);
        model.parameters().ZeroGradients();
        losses[run] = model.AccumulateGradients(task.batch, task.targets, task.weights, true);
        gradients[run] = AllGradients(model);
      }
      BOOST_TEST(losses[0] == losses[1]);
      BOOST_TEST(std::memcmp(gradients[0].data(), gradients[1].data(),
                             gradients[0].size() * sizeof(float)) == 0);
    }
  }
  SetNumThreads(before);
}

BOOST_AUTO_TEST_CASE(checkpointed_layers_give_the_same_bits) {
  ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  config.num_hidden_layers = 8;
  const Task task = MakeTask(config.vocab_size);
  for (const QuantizationConfig& quantization : ManyQuantizers()) {
    std::vector<float> gradients[2];
    double losses[2];
    int64_t bytes[2];
    for (const bool checkpointed : {false, true}) {
      TrainableModel model(config, quantization, Precision::kF32, 128);
      InitializeForTest(model, 35);
      model.executor().set_activation_checkpointing(checkpointed);
      for (int step = 0; step < 2; ++step) {
        model.parameters().ZeroGradients();
        losses[checkpointed] =
            model.AccumulateGradients(task.batch, task.targets, task.weights, true);
      }
      gradients[checkpointed] = AllGradients(model);
      bytes[checkpointed] = model.executor().activation_bytes();
    }
    BOOST_TEST(losses[0] == losses[1]);
    BOOST_TEST(std::memcmp(gradients[0].data(), gradients[1].data(),
                           gradients[0].size() * sizeof(float)) == 0);
    BOOST_TEST(bytes[1] < 0.5 * bytes[0]);
  }
}

// 16 rows in one pass, and four by four.
BOOST_AUTO_TEST_CASE(accumulated_passes_give_the_gradient_of_one) {
  constexpr int64_t kRows = 16, kTokens = 20;
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const std::vector<int32_t> tokens = RandomTokens(kRows * kTokens, config.vocab_size, 41);
  const std::vector<int32_t> targets = RandomTokens(kRows * kTokens, config.vocab_size, 42);
  const std::vector<float> weights(targets.size(), 1.0f / (kRows * kTokens));
  for (const QuantizationConfig& quantization : ManyQuantizers()) {
    TrainableModel model(config, quantization, Precision::kF32, 128);
    InitializeForTest(model, 36);
    std::vector<float> gradients[2];
    for (const int64_t rows : {kRows, kRows / 4}) {
      model.parameters().ZeroGradients();
      for (int64_t first = 0; first < kRows; first += rows) {
        Batch batch;
        for (int64_t row = first; row < first + rows; ++row) {
          batch.AddSegment(0, 0, {tokens.data() + row * kTokens, size_t{kTokens}});
        }
        const size_t begin = static_cast<size_t>(first * kTokens);
        const size_t size = static_cast<size_t>(rows * kTokens);
        model.AccumulateGradients(batch, std::span(targets).subspan(begin, size),
                                  std::span(weights).subspan(begin, size), first + rows == kRows);
      }
      gradients[rows == kRows ? 0 : 1] = AllGradients(model);
    }
    double difference = 0, norm = 0;
    for (size_t i = 0; i < gradients[0].size(); ++i) {
      difference += std::pow(double{gradients[0][i]} - gradients[1][i], 2);
      norm += std::pow(double{gradients[0][i]}, 2);
    }
    BOOST_TEST(std::sqrt(difference / norm) < 1e-5);
  }
}

// Ranges that clip, and that no step moves.
BOOST_AUTO_TEST_CASE(static_activations_give_the_same_bits) {
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const Task task = MakeTask(config.vocab_size);
  const int before = NumThreads();
  std::vector<float> first;
  for (int run = 0; run < 4; ++run) {
    SetNumThreads(run % 2 + 1);
    TrainableModel model(config, Quantizers("ternary", "int8_static"), Precision::kF32, 128);
    InitializeForTest(model, 37);
    BOOST_TEST(model.HasStaticInputs());
    model.SetInputRanges(std::vector<float>(model.table().size(), 1.5f));
    model.executor().set_activation_checkpointing(run >= 2);
    model.parameters().ZeroGradients();
    model.AccumulateGradients(task.batch, task.targets, task.weights, true);
    const std::vector<float> gradients = AllGradients(model);
    if (run == 0) first = gradients;
    BOOST_TEST(std::memcmp(first.data(), gradients.data(), first.size() * sizeof(float)) == 0);
    const WeightId down_proj = model.table().Layer(0).down_proj;
    const WeightId range = model.weights().quantizers(down_proj).input_range;
    BOOST_REQUIRE(range != kNoWeight);
    BOOST_TEST(model.table()[range].name == "model.layers.0.mlp.down_proj.input_range");
    BOOST_TEST(model.weights()[down_proj].activations.static_scale == StaticActivationScale(1.5f));
    AdamWStepAll({.weight_decay = 0.1, .groups = {{.match = "*", .weight_decay = 0.1}}},
                 {.step = 0, .learning_rate = 0.1, .weight_decay_ratio = 1, .gradient_scale = 1},
                 model.parameters());
    BOOST_TEST(model.parameters().Values(range)[0] == 1.5f);
  }
  SetNumThreads(before);
}

std::vector<float> GradientsOf(TrainableModel& model, const Task& task) {
  model.parameters().ZeroGradients();
  model.AccumulateGradients(task.batch, task.targets, task.weights, true);
  std::vector<float> all;
  for (const WeightInfo& info : model.table().weights()) {
    if (info.kind == WeightKind::kQuantizerScale) continue;
    const std::span<const float> part = model.parameters().Gradients(info.id);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// A model that is quantized to a share computes what one in full precision does with the weights
// w + share (w_hat - w), and its straight-through gradients are that one's.
BOOST_AUTO_TEST_CASE(a_share_of_quantization_is_a_mixture_of_weights) {
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const Task task = MakeTask(config.vocab_size);
  QuantizationConfig quantization = Quantizers("int3", "none", ScaleKind::kRow, 0, "minmax");
  quantization.rules = {
      {.match = "*.v_proj", .choice = {.weights = "int8", .activations = "none"}}};
  for (const float share : {0.0f, 0.4f}) {
    TrainableModel model(config, quantization, Precision::kF32, 128);
    model.set_quantized_share(share);
    InitializeForTest(model, 38);
    TrainableModel plain(config, Quantizers("none", "none"), Precision::kF32, 128);
    for (const WeightInfo& info : plain.table().weights()) {
      const std::span<const float> w = model.parameters().Values(info.id);
      const std::span<float> mixed = plain.parameters().Values(info.id);
      const StepWeight& weight = model.weights()[info.id];
      for (size_t i = 0; i < w.size(); ++i) {
        mixed[i] = w[i];
        if (weight.quantizer == nullptr) continue;
        const bool by_row = weight.scales.kind == ScaleKind::kRow;
        const float scale = weight.scales.values[by_row ? i / static_cast<size_t>(info.cols) : 0];
        mixed[i] = w[i] + share * (static_cast<float>(weight.codes[i]) * scale - w[i]);
      }
    }
    plain.ParametersChanged();
    const std::vector<float> expected = GradientsOf(plain, task);
    const std::vector<float> found = GradientsOf(model, task);
    BOOST_REQUIRE_EQUAL(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      // share g + (1 - share) g is g but for rounding.
      BOOST_TEST(std::fabs(found[i] - expected[i]) <= 0x1p-22f * std::fabs(expected[i]));
    }
  }
}

// Straight through: an embedding of few bits has the gradients of one that is those values, and so
// has a head, tied or not.
BOOST_AUTO_TEST_CASE(embeddings_and_heads_of_few_bits_pass_gradients_straight_through) {
  for (const bool tied : {true, false}) {
    const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, tied);
    const Task task = MakeTask(config.vocab_size);
    for (const float share : {0.0f, 0.4f, 1.0f}) {
      QuantizationConfig quantization = Quantizers("none", "none");
      quantization.rules = {
          {.match = "embed_tokens",
           .choice = {.weights = "int8", .granularity = ScaleKind::kRow, .scale = "minmax"}}};
      if (!tied) {
        quantization.rules.push_back(
            {.match = "lm_head", .choice = {.weights = "int4", .scale = "minmax"}});
      }
      TrainableModel model(config, quantization, Precision::kF32, 128);
      model.set_quantized_share(share);
      InitializeForTest(model, 40);
      TrainableModel plain(config, Quantizers("none", "none"), Precision::kF32, 128);
      for (const WeightInfo& info : plain.table().weights()) {
        const std::span<const float> w = model.parameters().Values(info.id);
        const std::span<float> seen = plain.parameters().Values(info.id);
        std::copy(w.begin(), w.end(), seen.begin());
        const StepWeight& weight = model.weights()[info.id];
        if (info.IsVector() || weight.quantizer == nullptr) continue;
        for (size_t i = 0; i < w.size(); ++i) {
          const bool by_row = weight.scales.kind == ScaleKind::kRow;
          const float scale = weight.scales.values[by_row ? i / static_cast<size_t>(info.cols) : 0];
          seen[i] = w[i] + share * (static_cast<float>(weight.codes[i]) * scale - w[i]);
          if (share == 1) seen[i] = static_cast<float>(weight.codes[i]) * scale;
        }
      }
      plain.ParametersChanged();
      const std::vector<float> expected = GradientsOf(plain, task);
      const std::vector<float> found = GradientsOf(model, task);
      BOOST_REQUIRE_EQUAL(found.size(), expected.size());
      size_t differing = 0;
      for (size_t i = 0; i < found.size(); ++i) {
        // share g + (1 - share) g is g but for rounding.
        differing += std::fabs(found[i] - expected[i]) > 0x1p-22f * std::fabs(expected[i]);
      }
      BOOST_TEST(differing == 0u);
    }
  }
}

// With share 0, activations and learned scales too are as if there were no quantizers.
BOOST_AUTO_TEST_CASE(no_share_of_quantization_is_full_precision) {
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const Task task = MakeTask(config.vocab_size);
  TrainableModel model(config, Quantizers("int4", "int8"), Precision::kF32, 128);
  model.set_quantized_share(0);
  InitializeForTest(model, 39);
  TrainableModel plain(config, Quantizers("none", "none"), Precision::kF32, 128);
  InitializeForTest(plain, 39);
  BOOST_TEST(GradientsOf(model, task) == GradientsOf(plain, task));
  for (const WeightInfo& info : model.table().weights()) {
    if (info.kind != WeightKind::kQuantizerScale) continue;
    BOOST_TEST(model.parameters().Gradients(info.id)[0] == 0.0f);
  }
  // Learned scales follow the weights until quantization begins.
  const WeightId q_proj = model.table().Layer(0).q_proj;
  const WeightId scale = model.weights().quantizers(q_proj).learned_scales;
  const float before = model.parameters().Values(scale)[0];
  for (float& w : model.parameters().Values(q_proj)) w *= 2;
  model.set_quantized_share(0.5f);
  model.ParametersChanged();
  BOOST_TEST(model.parameters().Values(scale)[0] == 2 * before);
  for (float& w : model.parameters().Values(q_proj)) w *= 2;
  model.ParametersChanged();
  BOOST_TEST(model.parameters().Values(scale)[0] == 2 * before);
}

// The second pass of the same batch: what the pool gives back must not show.
BOOST_AUTO_TEST_CASE(a_second_step_gives_the_same_bits) {
  const ModelConfig config = SmallConfig(GateActivation::kSilu, true, false);
  const Task task = MakeTask(config.vocab_size);
  TrainableModel model(config, Quantizers("ternary", "int8"), Precision::kF32, 128);
  InitializeForTest(model, 33);
  std::vector<float> gradients[2];
  int64_t bytes[2];
  for (int run = 0; run < 2; ++run) {
    model.parameters().ZeroGradients();
    model.AccumulateGradients(task.batch, task.targets, task.weights, true);
    gradients[run] = AllGradients(model);
    bytes[run] = model.executor().activation_bytes();
  }
  BOOST_TEST(std::memcmp(gradients[0].data(), gradients[1].data(),
                         gradients[0].size() * sizeof(float)) == 0);
  BOOST_TEST(bytes[0] == bytes[1]);  // nothing new was allocated
}

// Straight-through gradients of a quantized model point where the loss of its surrogate falls: a
// small step of gradient descent lowers the quantized model's own loss for every quantizer.
BOOST_AUTO_TEST_CASE(descent_lowers_the_loss) {
  const ModelConfig config = SmallConfig(GateActivation::kRelu2, true, true);
  const Task task = MakeTask(config.vocab_size);
  for (const QuantizationConfig& quantization : ManyQuantizers()) {
    TrainableModel model(config, quantization, Precision::kF32, 128);
    InitializeForTest(model, 34);
    double first = 0;
    double last = 0;
    for (int64_t step = 0; step < 40; ++step) {
      model.parameters().ZeroGradients();
      last = model.AccumulateGradients(task.batch, task.targets, task.weights, true);
      if (step == 0) first = last;
      AdamWStepAll(
          OptimizerConfig(),
          {.step = step, .learning_rate = 2e-3, .weight_decay_ratio = 0.0, .gradient_scale = 1.0},
          model.parameters());
      model.ParametersChanged();
    }
    BOOST_TEST(last < 0.7 * first);
  }
}

}  // namespace
}  // namespace trit
