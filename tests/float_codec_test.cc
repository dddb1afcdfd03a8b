#include "engine/tensors/float_codec.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const TensorOrigin kOrigin{.file = "m.gguf", .tensor = "w"};

// A small float format by its definition: sign, exponent, mantissa; every value is exact in double.
double ByDefinition(uint16_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa == 0 ? sign * INFINITY : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

// All values of a 16-bit format, and all boundaries between two neighbours: since rounding is
// monotonic, that is rounding to nearest even everywhere.
template <typename ToFloat, typename FromFloat>
void CheckFormat(int exponent_bits, ToFloat to_float, FromFloat from_float) {
  const int mantissa_bits = 15 - exponent_bits;
  int failures = 0;
  for (uint32_t i = 0; i < 65536; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const double expected = ByDefinition(bits, exponent_bits, mantissa_bits);
    const float value = to_float(bits);
    if (std::isnan(expected)) {
      failures += !std::isnan(value) || !std::isnan(to_float(from_float(value)));
      failures += (from_float(value) ^ bits) >> 15;  // the sign
    } else {
      failures += static_cast<double>(value) != expected || std::signbit(value) != (bits >> 15);
      failures += from_float(value) != bits;
    }
  }
  const uint16_t infinity = static_cast<uint16_t>(0x7fff >> mantissa_bits << mantissa_bits);
  for (uint16_t low = 0; low < infinity; ++low) {
    const uint16_t high = static_cast<uint16_t>(low + 1);
    const double below = ByDefinition(low, exponent_bits, mantissa_bits);
    // The neighbour of the largest value is infinity, which stands where the next would be.
    const double above = high == infinity ? std::ldexp(1.0, 1 << (exponent_bits - 1))
                                          : ByDefinition(high, exponent_bits, mantissa_bits);
    const float middle = static_cast<float>((below + above) / 2);  // exact: one more bit
    for (const int sign : {0, 0x8000}) {
      const float factor = sign ? -1.0f : 1.0f;
      const uint16_t even = low % 2 == 0 ? low : high;
      failures += from_float(factor * middle) != (even | sign);
      failures += from_float(factor * std::nextafter(middle, 0.0f)) != (low | sign);
      failures += from_float(factor * std::nextafter(middle, kInfinity)) != (high | sign);
    }
  }
  BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE(F16IsExact) { CheckFormat(5, F16ToF32, F32ToF16); }

BOOST_AUTO_TEST_CASE(BF16IsExact) { CheckFormat(8, BF16ToF32, F32ToBF16); }

BOOST_AUTO_TEST_CASE(F16KnownValues) {
  BOOST_TEST(F32ToF16(1.0f) == 0x3c00);
  BOOST_TEST(F32ToF16(-2.0f) == 0xc000);
  BOOST_TEST(F32ToF16(65504.0f) == 0x7bff);
  BOOST_TEST(F32ToF16(65519.996f) == 0x7bff);
  BOOST_TEST(F32ToF16(65520.0f) == 0x7c00);
  BOOST_TEST(F32ToF16(3e38f) == 0x7c00);
  BOOST_TEST(F32ToF16(0x1p-24f) == 0x0001);
  BOOST_TEST(F32ToF16(0x1p-25f) == 0x0000);
  BOOST_TEST(F32ToF16(1e-45f) == 0x0000);
  BOOST_TEST(F32ToF16(-0.0f) == 0x8000);
}

std::vector<float> RandomFloats(size_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

TensorView ViewOf(TensorType type, int64_t rows, int64_t cols, std::span<const uint8_t> bytes) {
  return {.origin = kOrigin, .type = type, .rows = rows, .cols = cols, .bytes = bytes};
}

std::vector<float> RoundTrip(TensorType type, int64_t rows, int64_t cols,
                             const std::vector<float>& values) {
  const AlignedBuffer<uint8_t> bytes = EncodeFloats(type, rows, cols, values.data(), kOrigin);
  const TensorView view = ViewOf(type, rows, cols, bytes.span());
  CheckFinite(view);
  std::vector<float> decoded(values.size());
  for (int64_t row = 0; row < rows; ++row) DecodeFloats(view, row, &decoded[row * cols]);
  return decoded;
}

BOOST_AUTO_TEST_CASE(PlainTypesRoundEachValue) {
  const std::vector<float> values = RandomFloats(7 * 33, 1);
  BOOST_TEST(RoundTrip(TensorType::kF32, 7, 33, values) == values);
  std::vector<float> expected = values;
  for (float& value : expected) value = F16ToF32(F32ToF16(value));
  BOOST_TEST(RoundTrip(TensorType::kF16, 7, 33, values) == expected);
  expected = values;
  for (float& value : expected) value = BF16ToF32(F32ToBF16(value));
  BOOST_TEST(RoundTrip(TensorType::kBF16, 7, 33, values) == expected);
}

BOOST_AUTO_TEST_CASE(Q8BlockByHand) {
  std::vector<float> values(32);
  values[0] = -127.0f;  // so the scale is 1
  values[1] = 126.0f;
  values[2] = 0.5f;  // halves go away from zero
  values[3] = -2.5f;
  values[4] = 2.4999998f;
  values[31] = 3.0f;
  const AlignedBuffer<uint8_t> bytes =
      EncodeFloats(TensorType::kQ8_0, 1, 32, values.data(), kOrigin);
  BOOST_TEST(bytes.size() == 34u);
  BOOST_TEST(bytes[0] == 0x00);
  BOOST_TEST(bytes[1] == 0x3c);
  std::vector<int> codes;
  for (size_t i = 0; i < 32; ++i) codes.push_back(static_cast<int8_t>(bytes[2 + i]));
  std::vector<int> expected(32);
  expected[0] = -127;
  expected[1] = 126;
  expected[2] = 1;
  expected[3] = -3;
  expected[4] = 2;
  expected[31] = 3;
  BOOST_TEST(codes == expected);
}

BOOST_AUTO_TEST_CASE(Q8RoundsWithinHalfAStep) {
  std::vector<float> values = RandomFloats(5 * 96, 2);
  for (size_t i = 96; i < 128; ++i) values[i] = 0.0f;
  for (size_t i = 128; i < 160; ++i) values[i] *= 1e-42f;  // subnormal: the scale becomes 0
  const std::vector<float> decoded = RoundTrip(TensorType::kQ8_0, 5, 96, values);
  for (size_t block = 0; block < values.size(); block += 32) {
    float max = 0.0f;
    for (size_t i = block; i < block + 32; ++i) max = std::max(max, std::fabs(values[i]));
    // Half a step; the scale's rounding to f16 (2^-11, or half of the smallest f16) times the code;
    // and a hundredth of a step for the float arithmetic on codes up to 127 (127 * 2^-23 * 3).
    const double scale = max / 127.0;
    const double bound =
        scale * 0.51 + 127 * std::max(scale * std::ldexp(1.0, -11), std::ldexp(1.0, -25));
    for (size_t i = block; i < block + 32; ++i)
      BOOST_TEST(std::fabs(decoded[i] - values[i]) <= bound);
  }
}

BOOST_AUTO_TEST_CASE(RowsNeedNoAlignment) {
  const std::vector<float> values = RandomFloats(3 * 32, 3);
  for (const TensorType type :
       {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0}) {
    const AlignedBuffer<uint8_t> bytes = EncodeFloats(type, 3, 32, values.data(), kOrigin);
    std::vector<uint8_t> shifted(bytes.size() + 1);
    std::memcpy(&shifted[1], bytes.data(), bytes.size());
    const TensorView view = ViewOf(type, 3, 32, std::span(shifted).subspan(1));
    std::vector<float> expected(32), found(32);
    DecodeFloats(ViewOf(type, 3, 32, bytes.span()), 2, expected.data());
    DecodeFloats(view, 2, found.data());
    BOOST_TEST(found == expected);
  }
}

BOOST_AUTO_TEST_CASE(FindsTheFirstValueThatIsNotFinite) {
  std::vector<float> values(50 * 1100, 1.0f);
  values[17 * 1100 + 1030] = kInfinity;
  values[40 * 1100] = std::nanf("");
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(values.data()),
                                       values.size() * sizeof(float));
  for (const int threads : {1, 2, 5}) {
    SetNumThreads(threads);
    BOOST_TEST(
        ErrorText([&] { CheckFinite(ViewOf(TensorType::kF32, 50, 1100, bytes)); }) ==
        "m.gguf: w: value is NaN or infinite in row 17, column 1030: expected finite values");
  }
  const uint8_t nan16[] = {0, 0, 1, 0x7c};
  BOOST_TEST(Contains(ErrorText([&] { CheckFinite(ViewOf(TensorType::kF16, 2, 1, nan16)); }),
                      "row 1, column 0"));
  std::vector<uint8_t> q8(34);
  q8[1] = 0x7c;  // an infinite scale, even though all codes are 0
  BOOST_TEST(Contains(ErrorText([&] { CheckFinite(ViewOf(TensorType::kQ8_0, 1, 32, q8)); }),
                      "NaN or infinite"));
}

BOOST_AUTO_TEST_CASE(RefusesTypesWithoutFloats) {
  const std::vector<uint8_t> bytes(66);
  BOOST_TEST(Contains(ErrorText([&] { CheckFinite(ViewOf(TensorType::kTQ2_0, 1, 256, bytes)); }),
                      "expected a floating-point type, found tq2_0"));
  const std::vector<uint8_t> q5(22);
  BOOST_TEST(Contains(ErrorText([&] { CheckFinite(ViewOf(TensorType::kQ5_0, 1, 32, q5)); }),
                      "q5_0 cannot be read"));
}

BOOST_AUTO_TEST_CASE(EncodingRefusesWhatDoesNotFit) {
  const auto encode = [](TensorType type, int64_t cols, std::vector<float> values) {
    return ErrorText([&] { EncodeFloats(type, 1, cols, values.data(), kOrigin); });
  };
  BOOST_TEST(Contains(encode(TensorType::kTQ2_0, 256, std::vector<float>(256)), "usage: "));
  BOOST_TEST(Contains(encode(TensorType::kQ8_0, 33, std::vector<float>(33)), "a multiple of 32"));
  BOOST_TEST(Contains(encode(TensorType::kF16, 2, {1.0f, 65520.0f}), "too large for f16"));
  BOOST_TEST(encode(TensorType::kBF16, 2, {1.0f, 65520.0f}).empty());
  BOOST_TEST(Contains(encode(TensorType::kBF16, 2, {1.0f, 3.4e38f}), "too large for bf16"));
  for (const TensorType type :
       {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0}) {
    std::vector<float> values(32, 1.0f);
    values[9] = std::nanf("");
    BOOST_TEST(Contains(encode(type, 32, values), "row 0, column 9"));
  }
  BOOST_TEST(
      Contains(encode(TensorType::kQ8_0, 32, std::vector<float>(32, 1e8f)), "too large for q8_0"));
}

}  // namespace
}  // namespace trit
