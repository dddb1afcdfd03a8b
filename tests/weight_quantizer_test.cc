// Weight quantizers against NumPy's goldens (data/quantizers): codes and scales to the bit,
// gradients to 1e-5. Learned scales also against finite differences of the surrogate whose
// derivative they are.
#include "training/quantizers/weight_quantizer.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/error_text.h"
#include "training/quantizers/weight_width.h"
#include "training/random.h"

namespace trit {
namespace {

constexpr int64_t kRows = 6;
constexpr int64_t kCols = 32;

WeightInfo Info() {
  WeightInfo info;
  info.name = "model.layers.0.mlp.up_proj.weight";
  info.kind = WeightKind::kLinear;
  info.rows = kRows;
  info.cols = kCols;
  return info;
}

template <typename T>
std::vector<T> Read(const SafetensorsReader& goldens, const std::string& name) {
  const SafetensorsInfo& tensor = goldens.RequireTensor(name);
  const AlignedBuffer<uint8_t> bytes = goldens.ReadTensor(tensor);
  std::vector<T> values(tensor.size / sizeof(T));
  std::memcpy(values.data(), bytes.data(), tensor.size);
  return values;
}

struct Granularity {
  ScaleKind kind;
  int64_t group_size;
  const char* name;
};
const std::vector<Granularity> kGranularities = {
    {ScaleKind::kTensor, 0, "tensor"}, {ScaleKind::kRow, 0, "row"}, {ScaleKind::kGroup, 16, "16"}};

QuantizerChoice Choice(const WeightWidth& width, ScaleRule rule, const Granularity& granularity,
                       bool symmetric) {
  return {.weights = std::string(width.name),
          .granularity = granularity.kind,
          .group_size = granularity.group_size,
          .scale = ScaleRuleName(rule),
          .symmetric = symmetric};
}

const std::vector<ScaleRule> kScaleRules = {ScaleRule::kAbsMean, ScaleRule::kMinMax,
                                            ScaleRule::kPercentile, ScaleRule::kMse,
                                            ScaleRule::kLearned};

SafetensorsReader Goldens() {
  return SafetensorsReader(std::string(TRIT_TEST_DATA) + "/quantizers/goldens.safetensors");
}

// Within a share of the value and `absolute`.
void CheckClose(const std::vector<float>& found, const std::vector<float>& expected, double share,
                double absolute) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(std::fabs(found[i] - expected[i]) <= share * std::fabs(expected[i]) + absolute);
  }
}

// Compares one case; returns how many tensors it has.
size_t CheckCase(const SafetensorsReader& goldens, const std::string& name,
                 const QuantizerChoice& choice) {
  const std::vector<float> w = Read<float>(goldens, "w");
  const auto quantizer = MakeWeightQuantizer(choice, Info());
  const std::vector<float> scales = Read<float>(goldens, name + "scales");
  std::vector<float> offsets;
  if (!choice.symmetric) offsets = Read<float>(goldens, name + "offsets");
  const bool is_learned = choice.scale == "learned";
  std::vector<float> learned(static_cast<size_t>(quantizer->NumLearned()));
  BOOST_REQUIRE(learned.size() == (is_learned ? scales.size() + offsets.size() : 0));
  if (is_learned) {
    quantizer->InitializeLearned(w.data(), learned.data());
    std::vector<float> start = Read<float>(goldens, name + "start");
    start.resize(learned.size(), 0.0f);   // offsets begin at 0
    CheckClose(learned, start, 1e-6, 0);  // sums in another order, rounded to floats
    std::copy(scales.begin(), scales.end(), learned.begin());
    std::copy(offsets.begin(), offsets.end(), learned.begin() + std::ssize(scales));
  }
  std::vector<int8_t> codes(w.size());
  WeightScales found = quantizer->MakeScales();
  quantizer->Quantize(w.data(), learned.data(), codes.data(), found);
  BOOST_TEST(codes == Read<int8_t>(goldens, name + "codes"), boost::test_tools::per_element());
  BOOST_TEST(std::vector<float>(found.values.begin(), found.values.end()) == scales,
             boost::test_tools::per_element());
  BOOST_TEST(std::vector<float>(found.offsets.begin(), found.offsets.end()) == offsets,
             boost::test_tools::per_element());
  for (const int8_t code : codes) {
    BOOST_TEST((code >= quantizer->min_code() && code <= quantizer->max_code()));
  }
  std::vector<float> gradient = Read<float>(goldens, "upstream");
  std::vector<float> learned_gradient(learned.size(), 0.0f);
  quantizer->Backward(w.data(), found, gradient.data(), learned_gradient.data());
  // Passed on or stopped, never changed.
  BOOST_TEST(gradient == Read<float>(goldens, name + "gradient"), boost::test_tools::per_element());
  if (is_learned) {
    // Terms g (code - w/s) cancel, and w/s, up to 127, is a float: each is off by up to 2^-18 |g|.
    CheckClose(learned_gradient, Read<float>(goldens, name + "learned_gradient"), 1e-5, 1e-7);
  }
  return 3u + (choice.symmetric ? 0 : 1) + (is_learned ? 2 : 0);
}

BOOST_AUTO_TEST_CASE(equals_numpy) {
  const SafetensorsReader goldens = Goldens();
  size_t tensors = 2;  // w and upstream
  for (const WeightWidth& width : WeightWidths()) {
    for (const ScaleRule rule : kScaleRules) {
      if (!width.Has(rule)) continue;
      for (const Granularity& granularity : kGranularities) {
        for (const bool symmetric : {true, false}) {
          if (!symmetric && !width.asymmetric) continue;
          const std::string name = std::string(width.name) + "/" + ScaleRuleName(rule) + "/" +
                                   granularity.name + (symmetric ? "." : "/offset.");
          BOOST_TEST_CONTEXT(name) {
            tensors += CheckCase(goldens, name, Choice(width, rule, granularity, symmetric));
          }
        }
      }
    }
  }
  BOOST_TEST(goldens.tensors().size() == tensors);  // none is left out
}

// The surrogate of a step s and an offset o, with the rounding errors e = code - (w - o)/s of the
// given ones frozen:
//   w_hat = s ((w - o)/s + e) + o = w + s e inside the clip, s code + o outside.
// Its derivatives by finite differences, with LSQ's factor, are what Backward adds.
BOOST_AUTO_TEST_CASE(learned_scales_by_finite_differences) {
  const SafetensorsReader goldens = Goldens();
  const std::vector<float> w = Read<float>(goldens, "w");
  const std::vector<float> upstream = Read<float>(goldens, "upstream");
  for (const WeightWidth& width : WeightWidths()) {
    for (const bool symmetric : {true, false}) {
      if (!width.Has(ScaleRule::kLearned) || (!symmetric && !width.asymmetric)) continue;
      const auto quantizer = MakeWeightQuantizer(
          Choice(width, ScaleRule::kLearned, kGranularities[0], symmetric), Info());
      // Small enough for some weights to be clipped.
      const float step = width.high == 127 ? 0.0007f : 0.08f / static_cast<float>(width.high);
      const float learned[2] = {step, symmetric ? 0.0f : 0.01f};
      std::vector<int8_t> codes(w.size());
      WeightScales scales = quantizer->MakeScales();
      quantizer->Quantize(w.data(), learned, codes.data(), scales);
      std::vector<float> gradient = upstream;
      float learned_gradient[2] = {};
      quantizer->Backward(w.data(), scales, gradient.data(), learned_gradient);

      int clipped = 0;
      const auto surrogate = [&](double s, double o) {
        double sum = 0;
        for (size_t i = 0; i < w.size(); ++i) {
          // A gradient is kept exactly where the weight is inside.
          const bool inside = gradient[i] == upstream[i];
          clipped += inside ? 0 : 1;
          const double error = codes[i] - (static_cast<double>(w[i]) - learned[1]) / step;
          sum += upstream[i] * (inside ? s * ((w[i] - o) / s + error) + o : s * codes[i] + o);
        }
        return sum;
      };
      const double h = 1e-3 * step;
      const double factor = 1 / std::sqrt(static_cast<double>(kRows * kCols) * width.high);
      const double numeric[2] = {
          factor * (surrogate(step + h, learned[1]) - surrogate(step - h, learned[1])) / (2 * h),
          factor * (surrogate(step, learned[1] + h) - surrogate(step, learned[1] - h)) / (2 * h)};
      BOOST_TEST(clipped > 0);
      for (int i = 0; i < (symmetric ? 1 : 2); ++i) {
        BOOST_TEST_CONTEXT(width.name << " " << learned_gradient[i] << " numeric " << numeric[i]) {
          // Float's rounding of (w - o)/s, up to `low` in magnitude, under 192 gradients around 1.
          BOOST_TEST(std::fabs(learned_gradient[i] - numeric[i]) <
                     1e-6 * std::fabs(numeric[i]) + 1e-5);
        }
      }
    }
  }
}

// Sizes at which squared errors are summed in blocks and tasks share out the work.
BOOST_AUTO_TEST_CASE(mse_is_no_worse_than_minmax) {
  constexpr int64_t kLarge = 200;
  WeightInfo info = Info();
  info.rows = info.cols = kLarge;
  const CounterRandom random(5, 0);
  std::vector<float> w;
  for (uint64_t i = 0; i < kLarge * kLarge; ++i) {
    const double u = random.Uniform(2 * i) + random.Uniform(2 * i + 1) - 1;
    w.push_back(static_cast<float>(u * u * u));
  }
  for (const char* weights : {"int2", "int3", "int4"}) {
    for (const ScaleKind kind : {ScaleKind::kTensor, ScaleKind::kRow}) {
      double errors[2];
      for (const bool mse : {false, true}) {
        const auto quantizer = MakeWeightQuantizer({.weights = weights,
                                                    .granularity = kind,
                                                    .group_size = 0,
                                                    .scale = mse ? "mse" : "minmax"},
                                                   info);
        std::vector<int8_t> codes(w.size());
        WeightScales scales = quantizer->MakeScales();
        quantizer->Quantize(w.data(), nullptr, codes.data(), scales);
        errors[mse] = 0;
        for (size_t i = 0; i < w.size(); ++i) {
          const size_t scale = kind == ScaleKind::kTensor ? 0 : i / kLarge;
          errors[mse] += std::pow(codes[i] * static_cast<double>(scales.values[scale]) - w[i], 2);
        }
      }
      BOOST_TEST(errors[1] < 0.9 * errors[0]);
    }
  }
}

// By hand: of 0, 1 … 10 the quantile 0.85 lies halfway between 8 and 9, and 0.15 between 1 and 2.
BOOST_AUTO_TEST_CASE(percentiles) {
  WeightInfo info = Info();
  info.rows = 1;
  info.cols = 11;
  const float w[] = {3, 0, 10, 1, 9, 2, 8, 7, 4, 6, 5};
  for (const bool symmetric : {true, false}) {
    // Both ends lose their share of the asymmetric range.
    const auto quantizer = MakeWeightQuantizer({.weights = "int4",
                                                .scale = "percentile",
                                                .symmetric = symmetric,
                                                .percentile = symmetric ? 85.0 : 70.0},
                                               info);
    int8_t codes[11];
    WeightScales scales = quantizer->MakeScales();
    quantizer->Quantize(w, nullptr, codes, scales);
    constexpr float kTwoRoundings = 0x1p-22f;
    BOOST_TEST(std::abs(scales.values[0] / (symmetric ? 8.5f / 7.5f : 7.0f / 15) - 1) <
               kTwoRoundings);
    if (!symmetric) {
      BOOST_TEST(std::abs(scales.offsets[0] / (1.5f + 8 * 7.0f / 15) - 1) < kTwoRoundings);
    }
    BOOST_TEST(int{codes[2]} == 7);  // 10, beyond the range
    BOOST_TEST(int{codes[1]} == (symmetric ? 0 : -8));
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  BOOST_CHECK(MakeWeightQuantizer({.weights = "none"}, Info()) == nullptr);
  struct Case {
    QuantizerChoice choice;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{.weights = "int5"}, "quantizer.weights: unknown weight quantizer"},
      {{.weights = "ternary", .granularity = ScaleKind::kGroup, .group_size = 48},
       "up_proj.weight: the group size does not divide the row"},
      {{.weights = "binary", .scale = "mse"}, "expected \"absmean\", found \"mse\""},
      {{.weights = "int4", .scale = "absmean"}, "quantizer.scale: no such rule"},
      {{.weights = "ternary", .scale = "median"}, "\"absmean\", \"minmax\""},
      {{.weights = "ternary", .symmetric = false}, "quantizer.symmetric"},
      {{.weights = "binary", .symmetric = false}, "quantizer.symmetric"},
  };
  for (const Case& c : cases) {
    const std::string text = ErrorText([&] { MakeWeightQuantizer(c.choice, Info()); });
    BOOST_TEST(Contains(text, c.message), text);
  }
}

BOOST_AUTO_TEST_CASE(defaults_of_widths) {
  const auto scale = [](const char* weights) { return Resolved({.weights = weights}).scale; };
  BOOST_TEST(scale("ternary") == "absmean");
  BOOST_TEST(scale("binary") == "absmean");
  BOOST_TEST(scale("int4") == "learned");
  BOOST_TEST(scale("int8") == "minmax");
  BOOST_TEST(Resolved({.weights = "none", .scale = "mse"}).scale == "");
  BOOST_TEST(Resolved({.scale = "percentile", .percentile = 99}).percentile == 99);
  BOOST_TEST(Resolved({.percentile = 99}).percentile == 99.9);
}

}  // namespace
}  // namespace trit
