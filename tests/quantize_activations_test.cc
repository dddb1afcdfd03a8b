#include "ternary_kernels/quantize_activations.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {
namespace {

struct Quantized {
  explicit Quantized(int64_t cols) : codes(cols + 1, 99) {}
  bool operator==(const Quantized&) const = default;
  std::vector<int8_t> codes;  // one more than columns, to see it untouched
  float scale = 0;
  int32_t sum = 0;
};

Quantized Reference(const std::vector<float>& x,
                    const ActivationScheme& scheme = kInt8PerTokenScheme) {
  Quantized result(x.size());
  QuantizeTokenReference(scheme, x.data(), x.size(), result.codes.data(), &result.scale,
                         &result.sum);
  return result;
}

const std::vector<ActivationScheme> kSchemes = {
    kInt8PerTokenScheme,
    {ActivationQuantizer::kInt4PerToken},
    {ActivationQuantizer::kInt8Static, StaticActivationScale(1.5f)}};

void CheckAllTargets(const std::vector<float>& x, const std::string& what) {
  for (const ActivationScheme& scheme : kSchemes) {
    const Quantized expected = Reference(x, scheme);
    BOOST_TEST(expected.codes.back() == 99);
    for (const std::string& target : SimdTargets()) {
      UseSimdTarget(target);
      Quantized result(x.size());
      QuantizeToken(scheme, x.data(), x.size(), result.codes.data(), &result.scale, &result.sum);
      BOOST_CHECK_MESSAGE(result == expected, what << " by "
                                                   << ActivationQuantizerName(scheme.quantizer)
                                                   << " on " << target << ", " << x.size());
    }
  }
  UseSimdTarget("");
}

BOOST_AUTO_TEST_CASE(reference_is_the_formula) {
  // The maximum 127 makes a = 1, so values are their own scaled selves.
  const Quantized result =
      Reference({127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -126.5f, 3.49999976f, -127.0f, 0.0f});
  const int8_t expected[] = {127, 0, 2, 2, 0, -2, -126, 3, -127, 0};
  BOOST_TEST(std::equal(std::begin(expected), std::end(expected), result.codes.begin()));
  BOOST_TEST(result.scale == 1.0f);
  BOOST_TEST(result.sum == 127 + 2 + 2 - 2 - 126 + 3 - 127);

  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(1000);
  for (float& v : x) v = normal(random);
  float max = 0;
  for (const float v : x) max = std::max(max, std::abs(v));
  const Quantized big = Reference(x);
  BOOST_TEST(big.scale == 127.0f / max);
  int32_t sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    BOOST_TEST(big.codes[i] == std::nearbyint(x[i] * (127.0f / max)));
    sum += big.codes[i];
  }
  BOOST_TEST(big.sum == sum);
}

BOOST_AUTO_TEST_CASE(int4_is_the_formula_with_7) {
  // The maximum 7 makes a = 1.
  const Quantized result = Reference({-7.0f, 0.5f, 1.5f, -2.5f, 6.6f, 3.49999976f},
                                     {ActivationQuantizer::kInt4PerToken});
  const int8_t expected[] = {-7, 0, 2, -2, 7, 3};
  BOOST_TEST(std::equal(std::begin(expected), std::end(expected), result.codes.begin()));
  BOOST_TEST(result.scale == 1.0f);
  BOOST_TEST(result.sum == -7 + 2 - 2 + 7 + 3);
}

BOOST_AUTO_TEST_CASE(static_scales_are_given_and_clip) {
  BOOST_TEST(StaticActivationScale(63.5f) == 2.0f);
  BOOST_TEST(StaticActivationScale(0.0f) == 127.0f / 1e-5f);
  const Quantized result = Reference({1.0f, 63.5f, 64.0f, 1e9f, -64.0f, -64.5f, 0.25f, 0.75f},
                                     {ActivationQuantizer::kInt8Static, 2.0f});
  const int8_t expected[] = {2, 127, 127, 127, -128, -128, 0, 2};
  BOOST_TEST(std::equal(std::begin(expected), std::end(expected), result.codes.begin()));
  BOOST_TEST(result.scale == 2.0f);
}

BOOST_AUTO_TEST_CASE(names) {
  for (const auto quantizer :
       {ActivationQuantizer::kNone, ActivationQuantizer::kInt8PerToken,
        ActivationQuantizer::kInt4PerToken, ActivationQuantizer::kInt8Static}) {
    BOOST_TEST((FindActivationQuantizer(ActivationQuantizerName(quantizer)) == quantizer));
  }
  BOOST_TEST(!FindActivationQuantizer("int5"));
}

BOOST_AUTO_TEST_CASE(small_and_zero_tokens_use_the_floor) {
  BOOST_TEST(Reference({0.0f, -0.0f}).scale == 127.0f / 1e-5f);
  const Quantized tiny = Reference({1e-6f, -1e-38f, std::numeric_limits<float>::denorm_min()});
  BOOST_TEST(tiny.scale == 127.0f / 1e-5f);
  BOOST_TEST(tiny.codes[0] == 13);
  BOOST_TEST(tiny.codes[1] == 0);
}

BOOST_AUTO_TEST_CASE(all_targets_give_the_reference_codes) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const int64_t cols : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 6912}) {
    std::vector<float> x(cols);
    for (float& v : x) v = normal(random);
    CheckAllTargets(x, "normal");
    for (float& v : x) v *= 1e-7f;
    CheckAllTargets(x, "below the floor");
    for (float& v : x) v = 0.0f;
    CheckAllTargets(x, "zeros");
    for (float& v : x) v = static_cast<float>(random() % 511) * 0.5f - 127.5f;
    x[cols / 2] = -127.0f;
    for (float& v : x) v = std::clamp(v, -127.0f, 127.0f);
    CheckAllTargets(x, "ties");
    for (float& v : x) v = std::ldexp(normal(random), static_cast<int>(random() % 250) - 125);
    CheckAllTargets(x, "all magnitudes");
    for (float& v : x) v = (random() % 2 == 0 ? 1.0f : -1.0f) * std::numeric_limits<float>::max();
    CheckAllTargets(x, "huge");
    for (float& v : x) v = std::ldexp(static_cast<float>(random() % 1024), -149);
    CheckAllTargets(x, "denormals");
    x[0] = std::numeric_limits<float>::quiet_NaN();
    x[cols - 1] = std::numeric_limits<float>::infinity();
    CheckAllTargets(x, "not finite");
  }
}

BOOST_AUTO_TEST_CASE(tokens_are_padded_and_independent) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  ActivationCodes out;
  const int threads = NumThreads();
  // The larger shape first: the padding of the next must not keep what it left behind.
  for (const int64_t cols : {1000, 256, 255, 3}) {
    for (const int64_t tokens : {5, 1}) {
      std::vector<float> x(tokens * cols);
      for (float& v : x) v = normal(random);
      for (const int num_threads : {1, 2}) {
        SetNumThreads(num_threads);
        QuantizeLinearInput({.cols = cols, .x = x.data()}, tokens, out);
        BOOST_TEST(out.num_tokens == tokens);
        BOOST_TEST(out.cols == cols);
        BOOST_TEST(out.stride == (cols + 255) / 256 * 256);
        for (int64_t t = 0; t < tokens; ++t) {
          const Quantized expected =
              Reference(std::vector<float>(x.begin() + t * cols, x.begin() + (t + 1) * cols));
          const int8_t* codes = out.codes.data() + t * out.stride;
          BOOST_TEST(std::memcmp(codes, expected.codes.data(), cols) == 0);
          BOOST_TEST(
              std::all_of(codes + cols, codes + out.stride, [](int8_t q) { return q == 0; }));
          BOOST_TEST(out.scales[t] == expected.scale);
          BOOST_TEST(out.sums[t] == expected.sum);
        }
      }
    }
  }
  SetNumThreads(threads);
}

}  // namespace
}  // namespace trit
