// Ranges of static activations: histograms against sorted values and a search over exact errors,
// and calibration against the inputs of a model computed by hand.
#include "training/quantizers/calibrate_activations.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_text.h"
#include "training/quantizers/magnitude_histogram.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

// Normal values with a few outliers, as activations have.
std::vector<float> Values(int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(random);
  for (size_t i = 0; i < values.size(); i += 997) values[i] *= 20;
  return values;
}

MagnitudeHistogram HistogramOf(const std::vector<float>& values) {
  MagnitudeHistogram histogram;
  histogram.Add(values.data(), std::ssize(values));
  return histogram;
}

BOOST_AUTO_TEST_CASE(quantiles_are_those_of_the_sorted_values) {
  std::vector<float> values = Values(20'000, 1);
  const MagnitudeHistogram histogram = HistogramOf(values);
  for (float& value : values) value = std::fabs(value);
  std::sort(values.begin(), values.end());
  BOOST_TEST(histogram.largest() == values.back());
  BOOST_TEST(histogram.Quantile(1) == values.back());
  for (const double q : {0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const float exact = values[static_cast<size_t>(std::ceil(q * 20'000)) - 1];
    BOOST_TEST(histogram.Quantile(q) >= exact);
    BOOST_TEST(histogram.Quantile(q) <= exact * (1 + 0x1p-10f));
  }
}

BOOST_AUTO_TEST_CASE(magnitudes_out_of_bounds_are_kept_in_the_outer_bins) {
  BOOST_TEST(HistogramOf({}).Quantile(0.5) == 0.0f);
  BOOST_TEST(HistogramOf({0.0f, -0.0f}).LeastSquaresRange() == 0.0f);
  const MagnitudeHistogram wide = HistogramOf({1e-30f, 1e30f, 3.0f});
  BOOST_TEST(wide.Quantile(0.3) <= 0x1.01p-24f);
  BOOST_TEST(wide.Quantile(0.6) >= 3.0f);
  BOOST_TEST(wide.Quantile(0.6) < 3.01f);
  BOOST_TEST(wide.Quantile(1) == 1e30f);
}

double SquaredError(const std::vector<float>& values, double range) {
  const double step = range / 127;
  double sum = 0;
  for (const double x : values) {
    const double error = std::clamp(std::rint(x / step), -127.0, 127.0) * step - x;
    sum += error * error;
  }
  return sum;
}

BOOST_AUTO_TEST_CASE(the_least_squares_range_has_nearly_the_least_error) {
  for (const uint32_t seed : {2u, 3u}) {
    const std::vector<float> values = Values(20'000, seed);
    const MagnitudeHistogram histogram = HistogramOf(values);
    double least = SquaredError(values, histogram.largest());
    for (int i = 1; i < 99; ++i) {
      least = std::min(least, SquaredError(values, histogram.largest() * (1 - 0.01 * i)));
    }
    const double found = SquaredError(values, histogram.LeastSquaresRange());
    // Another range of the same grid may win by what bins blur.
    BOOST_TEST(found <= least * 1.01);
    BOOST_TEST(found < 0.9 * SquaredError(values, histogram.Quantile(0.99)));
  }
}

ModelConfig TinyConfig() {
  ModelConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 256;
  config.max_position_embeddings = 64;
  return config;
}

QuantizationConfig Static(const std::string& rule) {
  QuantizationConfig quantization;
  quantization.standard.activations = "int8_static";
  quantization.standard.activation_range = rule;
  quantization.rules = {{.match = "*.up_proj", .choice = {}}};  // int8 per token
  return quantization;
}

BOOST_AUTO_TEST_CASE(ranges_are_of_what_the_matrices_read) {
  TrainableModel trainable(TinyConfig(), Static("minmax"), Precision::kF32, 64);
  trainable.parameters().InitializeRandom(5);
  // With norms of 1, the embedding of a token, normed, is what q_proj of layer 0 reads.
  trainable.ParametersChanged();
  const Model model = trainable.MakeFloatModel();
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 150; ++i) ids.push_back(i * 7 % 256);
  const std::vector<float> ranges = CalibrateActivations(model, ids, Static("minmax"));
  float largest = 0;
  for (const int32_t id : ids) {
    const float* x = trainable.parameters().Values(model.table.embed_tokens()).data() + id * 32;
    double squares = 0;
    for (int i = 0; i < 32; ++i) squares += double{x[i]} * x[i];
    const double rstd = 1 / std::sqrt(squares / 32 + model.config.rms_norm_eps);
    for (int i = 0; i < 32; ++i) {
      largest = std::max(largest, static_cast<float>(std::fabs(x[i] * rstd)));
    }
  }
  const auto at = [&](WeightId id) { return ranges[static_cast<size_t>(id)]; };
  BOOST_TEST(std::fabs(at(model.table.Layer(0).q_proj) - largest) <= 1e-5f * largest);
  BOOST_TEST(at(model.table.Layer(0).k_proj) == at(model.table.Layer(0).q_proj));
  BOOST_TEST(at(model.table.Layer(1).down_proj) > 0.0f);
  BOOST_TEST(at(model.table.Layer(0).up_proj) == 0.0f);
  BOOST_TEST(at(model.table.embed_tokens()) == 0.0f);
  // The other rules clip.
  const std::vector<float> least = CalibrateActivations(model, ids, Static("mse"));
  QuantizationConfig half = Static("percentile");
  half.standard.activation_percentile = 60;
  const std::vector<float> most = CalibrateActivations(model, ids, half);
  const auto down = static_cast<size_t>(model.table.Layer(1).down_proj);
  BOOST_TEST(least[down] <= ranges[down]);
  BOOST_TEST(most[down] < 0.5f * least[down]);
}

BOOST_AUTO_TEST_CASE(inputs_that_are_not_finite_are_refused) {
  TrainableModel trainable(TinyConfig(), Static("mse"), Precision::kF32, 64);
  trainable.parameters().InitializeRandom(5);
  const WeightId embedding = trainable.table().embed_tokens();
  trainable.parameters().Values(embedding)[32] = std::numeric_limits<float>::infinity();
  trainable.ParametersChanged();
  const std::vector<int32_t> ids = {0, 1, 2};
  const Model model = trainable.MakeFloatModel();
  BOOST_TEST(Contains(ErrorText([&] { CalibrateActivations(model, ids, Static("mse")); }),
                      "q_proj.weight: the input of a matrix is not finite"));
}

}  // namespace
}  // namespace trit
