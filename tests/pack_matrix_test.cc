#include "ternary_kernels/pack_matrix.h"

#include <atomic>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "ternary_kernels/half_float.h"
#include "tests/matmul_problem.h"

namespace trit {
namespace {

const int64_t kSizes[] = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 129};

WeightScales OneScale() {
  WeightScales scales;
  scales.values = AlignedBuffer<float>(1);
  scales.values[0] = 0.5f;
  return scales;
}

BOOST_AUTO_TEST_CASE(codes_come_back) {
  std::mt19937 random(1);
  for (const WeightFormat format :
       {WeightFormat::kTernary2Bit, WeightFormat::kTernaryDense, WeightFormat::kTernaryQuad,
        WeightFormat::kTernaryLookup, WeightFormat::kInt4, WeightFormat::kInt8}) {
    for (const int64_t rows : kSizes) {
      for (const int64_t cols : kSizes) {
        std::vector<int8_t> codes(rows * cols), row(cols);
        for (int8_t& code : codes) {
          code = RandomCode(format, random);
        }
        std::vector<std::atomic<int>> asked(rows);
        const PackedMatrix matrix =
            PackCodes(format, rows, cols, OneScale(), [&](int64_t r, int8_t* to) {
              ++asked[r];
              std::memcpy(to, codes.data() + r * cols, cols);
            });
        BOOST_TEST(matrix.rows == rows);
        BOOST_TEST(matrix.cols == cols);
        BOOST_TEST(matrix.scales.values[0] == 0.5f);
        bool same = true;
        for (int64_t r = 0; r < rows; ++r) {
          UnpackCodes(matrix, r, row.data());
          same &= std::memcmp(row.data(), codes.data() + r * cols, cols) == 0 && asked[r] == 1;
        }
        BOOST_CHECK_MESSAGE(same, WeightFormatName(format) << ", " << rows << " x " << cols);
      }
    }
  }
}

// The bytes that bit_fields.h and ternary_lookup.h promise, for a matrix with a single trit 1.
BOOST_AUTO_TEST_CASE(layouts_as_documented) {
  const int64_t rows = 130, cols = 40;
  for (const int64_t row : {0, 17, 63, 64, 129}) {
    for (const int64_t col : {0, 3, 6, 15, 16, 37, 39}) {
      const auto single = [&](int64_t r, int8_t* to) {
        std::memset(to, 0, cols);
        if (r == row) to[col] = 1;
      };
      const PackedMatrix bits =
          PackCodes(WeightFormat::kTernary2Bit, rows, cols, OneScale(), single);
      BOOST_TEST(bits.data.size() == 3u * 3 * 256);
      const size_t place = ((row / 64 * 3 + col / 16) * 64 + row % 64) * 4 + col % 4;
      for (size_t i = 0; i < bits.data.size(); ++i) {
        const int expected = 0x55 + (i == place ? 1 << 2 * (col % 16 / 4) : 0);
        if (bits.data[i] != expected)
          BOOST_ERROR("2-bit byte " << i << " of " << row << "," << col);
      }
      const PackedMatrix nibbles = PackCodes(WeightFormat::kInt4, rows, cols, OneScale(), single);
      BOOST_TEST(nibbles.data.size() == 3u * 5 * 256);
      const size_t nibble_place = ((row / 64 * 5 + col / 8) * 64 + row % 64) * 4 + col % 4;
      for (size_t i = 0; i < nibbles.data.size(); ++i) {
        const int expected = 0x88 + (i == nibble_place ? 1 << 4 * (col % 8 / 4) : 0);
        if (nibbles.data[i] != expected)
          BOOST_ERROR("int4 byte " << i << " of " << row << "," << col);
      }
      const PackedMatrix bytes = PackCodes(WeightFormat::kInt8, rows, cols, OneScale(), single);
      BOOST_TEST(bytes.data.size() == 3u * 10 * 256);
      const size_t byte_place = ((row / 64 * 10 + col / 4) * 64 + row % 64) * 4 + col % 4;
      for (size_t i = 0; i < bytes.data.size(); ++i) {
        const int expected = 0x80 + (i == byte_place ? 1 : 0);
        if (bytes.data[i] != expected)
          BOOST_ERROR("int8 byte " << i << " of " << row << "," << col);
      }
      const PackedMatrix pairs =
          PackCodes(WeightFormat::kTernaryLookup, rows, cols, OneScale(), single);
      BOOST_TEST(pairs.data.size() == 3u * 10 * 64);
      const size_t pair_place = (row / 64 * 10 + col / 4) * 64 + row % 64;
      for (size_t i = 0; i < pairs.data.size(); ++i) {
        const int step = (col % 2 == 0 ? 3 : 1) << (col % 4 < 2 ? 0 : 4);
        const int expected = 0x44 + (i == pair_place ? step : 0);
        if (pairs.data[i] != expected)
          BOOST_ERROR("pair byte " << i << " of " << row << "," << col);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(codes_as_bf16) {
  const int64_t rows = 70, cols = 33;
  WeightScales scales;
  scales.kind = ScaleKind::kRow;
  scales.values = AlignedBuffer<float>(rows);
  const PackedMatrix matrix =
      PackCodesAsBF16(rows, cols, std::move(scales), [&](int64_t r, int8_t* to) {
        for (int64_t c = 0; c < cols; ++c) to[c] = static_cast<int8_t>((r + c) % 3 - 1);
      });
  BOOST_TEST((matrix.format == WeightFormat::kBF16));
  BOOST_TEST((matrix.scales.kind == ScaleKind::kRow));
  std::vector<float> values(cols);
  for (int64_t r = 0; r < rows; ++r) {
    UnpackFloats(matrix, r, values.data());
    for (int64_t c = 0; c < cols; ++c) BOOST_TEST(values[c] == static_cast<float>((r + c) % 3 - 1));
  }
}

BOOST_AUTO_TEST_CASE(dense_rows) {
  BOOST_TEST(DenseRowBytes(WeightFormat::kF32, 3) == 12);
  BOOST_TEST(DenseRowBytes(WeightFormat::kF16, 3) == 6);
  BOOST_TEST(DenseRowBytes(WeightFormat::kBF16, 3) == 6);
  BOOST_TEST(DenseRowBytes(WeightFormat::kQ8_0, 96) == 102);

  PackedMatrix q8 = AllocateDense(WeightFormat::kQ8_0, 2, 64);
  BOOST_TEST(q8.data.size() == 136u);
  BOOST_TEST(q8.scales.values[0] == 1.0f);
  uint8_t* block = q8.data.data() + 3 * 34;  // row 1, columns 32 to 63
  const uint16_t minus_three_halves = 0xBE00;
  std::memcpy(block, &minus_three_halves, 2);
  block[2] = 100;
  block[33] = static_cast<uint8_t>(-128);
  float values[64];
  UnpackFloats(q8, 1, values);
  BOOST_TEST(values[31] == 0.0f);
  BOOST_TEST(values[32] == -150.0f);
  BOOST_TEST(values[63] == 192.0f);
}

BOOST_AUTO_TEST_CASE(q6_k_by_hand) {
  BOOST_TEST(DenseRowBytes(WeightFormat::kQ6_K, 512) == 420);
  PackedMatrix matrix = AllocateDense(WeightFormat::kQ6_K, 1, 512);
  uint8_t* block = matrix.data.data() + 210;
  const uint16_t half = 0x3800;
  std::memcpy(block + 208, &half, 2);
  for (int g = 0; g < 16; ++g) block[192 + g] = static_cast<uint8_t>(g - 8);
  // Weight 101 is place 5 of run 3 of half 0: the high nibble of ql[37], field 3 of qh[5].
  block[37] = 0xA0;
  block[128 + 5] = 2 << 6;
  // Weight 128 + 64: run 2 of half 1, place 0.
  block[64] = 0x70;
  block[128 + 32] = 3 << 4;
  float values[512];
  UnpackFloats(matrix, 0, values);
  BOOST_TEST(values[0] == 0.0f);
  BOOST_TEST(values[256 + 101] == 0.5f * -2 * (0x2A - 32));
  BOOST_TEST(values[256 + 192] == 0.5f * 4 * (0x37 - 32));
  BOOST_TEST(values[256] == 0.5f * -8 * -32);
}

// Every binary16 number, against its definition.
BOOST_AUTO_TEST_CASE(half_floats_are_exact) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const int exponent = bits >> 10 & 31;
    const int mantissa = bits & 1023;
    const float value = FloatFromF16(static_cast<uint16_t>(bits));
    BOOST_REQUIRE(std::signbit(value) == (bits >= 0x8000));
    if (exponent == 31) {
      BOOST_REQUIRE(mantissa == 0 ? std::isinf(value) : std::isnan(value));
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      BOOST_REQUIRE(std::abs(double{value}) == magnitude);
    }
  }
  BOOST_TEST(FloatFromBF16(0x3F80) == 1.0f);
  BOOST_TEST(FloatFromBF16(0xC049) == -3.140625f);
}

}  // namespace
}  // namespace trit
