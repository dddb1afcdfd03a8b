// How fast a training step is, and how near to what the machine allows: the products of a step at
// the measured peaks of their types plus the optimizer's bytes at the measured read bandwidth.
//
//   train_speed [threads] [steps]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "bench/timing.h"
#include "ternary_kernels/gemm.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/read_bandwidth.h"
#include "training/model_flops.h"
#include "training/optimizer.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

struct Shape {
  const char* name;
  int64_t hidden, layers, heads, kv_heads, intermediate, vocab, sequence, batch;
};
constexpr Shape kShapes[] = {{"11M", 384, 6, 6, 2, 1024, 4096, 256, 8},
                             {"28M", 512, 8, 8, 4, 1408, 8192, 512, 4},
                             {"110M", 768, 12, 12, 12, 2048, 32000, 256, 4}};

// A parameter's value, gradient and moments are read, all but the gradient written, and its
// gradient was read for the norm.
constexpr double kOptimizerBytes = 4.0 * (4 + 3 + 1);

ModelConfig ConfigOf(const Shape& shape) {
  ModelConfig config;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.num_hidden_layers = shape.layers;
  config.num_attention_heads = shape.heads;
  config.num_key_value_heads = shape.kv_heads;
  config.head_dim = shape.hidden / shape.heads;
  config.vocab_size = shape.vocab;
  config.max_position_embeddings = shape.sequence;
  return config;
}

void Measure(const Shape& shape, int64_t num_steps, double bandwidth) {
  const Precision precision = HasBF16Gemm() ? Precision::kBF16 : Precision::kF32;
  TrainableModel model(ConfigOf(shape), QuantizationConfig(), precision, shape.sequence);
  model.parameters().InitializeRandom(1);
  model.ParametersChanged();
  std::mt19937 random(1);
  const auto draw = [&] {
    return static_cast<int32_t>(random() % static_cast<uint32_t>(shape.vocab));
  };
  const int64_t rows = shape.batch * shape.sequence;
  Batch batch;
  std::vector<int32_t> targets;
  for (int64_t b = 0; b < shape.batch; ++b) {
    std::vector<int32_t> tokens(static_cast<size_t>(shape.sequence));
    for (int32_t& token : tokens) token = draw();
    batch.AddSegment(0, 0, tokens);
  }
  for (int64_t r = 0; r < rows; ++r) targets.push_back(draw());
  const std::vector<float> weights(targets.size(), 1.0f / static_cast<float>(rows));

  std::vector<double> seconds;
  for (int64_t step = 0; step <= num_steps; ++step) {
    const double taken = SecondsOf([&] {
      model.parameters().ZeroGradients();
      model.AccumulateGradients(batch, targets, weights, true);
      const double norm = GradientNorm(model.parameters());
      AdamWStepAll(OptimizerConfig(),
                   {.step = step,
                    .learning_rate = 1e-3,
                    .weight_decay_ratio = 1.0,
                    .gradient_scale = std::min(1.0, 1.0 / norm)},
                   model.parameters());
      model.ParametersChanged();
    });
    if (step > 0) seconds.push_back(taken);  // the first allocates
  }
  const double limit =
      static_cast<double>(rows) *
          SecondsAtPeak(FlopsPerToken(model, shape.sequence), MeasureProductPeaks(precision)) +
      static_cast<double>(model.table().NumParameters()) * kOptimizerBytes / bandwidth;
  const double median = Median(seconds);
  std::printf("%-5s %9.1f tokens/s  spread %4.1f %%  limit %9.1f tokens/s  share %5.1f %%\n",
              shape.name, static_cast<double>(rows) / median, 100 * Spread(seconds),
              static_cast<double>(rows) / limit, 100 * limit / median);
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int64_t steps = argc > 2 ? std::atoll(argv[2]) : 10;
  if (threads < 1 || steps < 1) {
    std::fprintf(stderr, "train_speed [threads] [steps]\n");
    return 2;
  }
  trit::SetNumThreads(threads);
  const double bandwidth = trit::MeasureReadBandwidth(int64_t{1} << 29, 5);
  for (const trit::Shape& shape : trit::kShapes) trit::Measure(shape, steps, bandwidth);
  return 0;
}
