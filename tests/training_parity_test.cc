// The trainer against PyTorch's autograd: tests/data/training holds what a PyTorch program
// (make_goldens.py beside the data) says of a tiny model with the same weights and tokens.
//
// Tolerances. Without rounded activations both sides do the same arithmetic in f32 up to the order
// of sums: 1e-6 on the loss, 1e-5 relative L2 on a gradient. With int8 activations a value near a
// rounding boundary may fall to either side, and the trainer scales after the product where PyTorch
// multiplies scaled values: 1e-4 on the first loss, 3e-3 on the gradient's norm, 3e-2 on a gradient
// and 1e-3 on later losses are what two correct engines reach of each other.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "training/checkpoint.h"
#include "training/data/token_file.h"
#include "training/optimizer.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

const std::string kFolder = std::string(TRIT_TEST_DATA) + "/training/";
constexpr int64_t kBatch = 3;
constexpr int64_t kTime = 24;

ModelConfig GoldenConfig() {
  ModelConfig config;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 96;
  config.max_position_embeddings = kTime;
  return config;
}

QuantizationConfig Quantizers(const std::string& weights, const std::string& activations) {
  QuantizationConfig config;
  config.standard.weights = weights;
  config.standard.activations = activations;
  return config;
}

// The golden run again: one update a call.
class GoldenRun {
 public:
  explicit GoldenRun(const QuantizationConfig& quantization)
      : model_(GoldenConfig(), quantization, Precision::kF32, kTime), tokens_(96) {
    LoadWeights(kFolder + "init.safetensors", model_.parameters());
    model_.ParametersChanged();
    ReadTokenFile(kFolder + "tokens.bin", tokens_);
  }

  double AccumulateStep() {
    model_.parameters().ZeroGradients();
    Batch batch;
    std::vector<int32_t> targets;
    for (int64_t row = 0; row < kBatch; ++row) {
      const int64_t first = (step_ * kBatch + row) * kTime;
      std::vector<int32_t> ids(kTime + 1);
      tokens_.CopyTo(first, ids);
      batch.AddSegment(0, 0, {ids.data(), static_cast<size_t>(kTime)});
      targets.insert(targets.end(), ids.begin() + 1, ids.end());
    }
    const std::vector<float> weights(targets.size(), 1.0f / static_cast<float>(kBatch * kTime));
    return model_.AccumulateGradients(batch, targets, weights, true);
  }

  void Update(double grad_norm) {
    AdamWStepAll(OptimizerConfig(),
                 {.step = step_,
                  .learning_rate = 1e-4,
                  .weight_decay_ratio = 1.0,
                  .gradient_scale = std::min(1.0, 1.0 / (grad_norm + 1e-6))},
                 model_.parameters());
    model_.ParametersChanged();
    ++step_;
  }

  const Parameters& parameters() { return model_.parameters(); }

 private:
  TrainableModel model_;
  TokenArray tokens_;
  int64_t step_ = 0;
};

struct Tolerances {
  double first_loss, gradient, grad_norm, later_losses;
};

void Compare(const std::string& mode, const QuantizationConfig& quantization,
             const Tolerances& tolerances) {
  std::ifstream file(kFolder + "losses_" + mode + ".json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  const SafetensorsReader gradients(kFolder + "gradients_" + mode + ".safetensors");
  GoldenRun run(quantization);
  for (size_t step = 0; step < golden.size(); ++step) {
    const double loss = run.AccumulateStep();
    const double norm = GradientNorm(run.parameters());
    const double golden_loss = golden[step]["loss"];
    const double golden_norm = golden[step]["grad_norm"];
    const double loss_tolerance = step == 0 ? tolerances.first_loss : tolerances.later_losses;
    BOOST_TEST_CONTEXT(mode << " step " << step) {
      BOOST_CHECK_SMALL(std::fabs(loss / golden_loss - 1), loss_tolerance);
    }
    if (step == 0) {
      BOOST_CHECK_SMALL(std::fabs(norm / golden_norm - 1), tolerances.grad_norm);
      for (const WeightInfo& info : run.parameters().table().weights()) {
        const SafetensorsInfo& tensor = gradients.RequireTensor(info.name);
        std::vector<float> expected(static_cast<size_t>(tensor.NumElements()));
        gradients.ReadTensor(tensor, {reinterpret_cast<uint8_t*>(expected.data()), tensor.size});
        const std::span<const float> actual = run.parameters().Gradients(info.id);
        BOOST_REQUIRE_EQUAL(actual.size(), expected.size());
        double difference = 0;
        double norm_squared = 0;
        for (size_t i = 0; i < expected.size(); ++i) {
          difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
          norm_squared += std::pow(static_cast<double>(expected[i]), 2);
        }
        BOOST_TEST_CONTEXT(mode << " " << info.name) {
          BOOST_CHECK_SMALL(std::sqrt(difference / norm_squared), tolerances.gradient);
        }
      }
    }
    run.Update(norm);
  }
}

BOOST_AUTO_TEST_CASE(full_precision) {
  Compare("full", Quantizers("none", "none"), {1e-6, 1e-5, 1e-5, 1e-5});
}

BOOST_AUTO_TEST_CASE(ternary_weights) {
  Compare("ternary", Quantizers("ternary", "none"), {1e-6, 1e-5, 1e-5, 1e-3});
}

BOOST_AUTO_TEST_CASE(ternary_weights_int8_activations) {
  Compare("ternary_int8", Quantizers("ternary", "int8"), {1e-4, 3e-2, 3e-3, 1e-3});
}

}  // namespace
}  // namespace trit
