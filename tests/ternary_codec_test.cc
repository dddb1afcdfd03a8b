#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/tensors/encode_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

const TensorOrigin kOrigin{.file = "m.gguf", .tensor = "w"};
constexpr TensorType kTernaryTypes[] = {TensorType::kTQ1_0, TensorType::kTQ2_0, TensorType::kI2_S};

using Bytes = std::vector<uint8_t>;
using Trits = std::vector<int8_t>;

Trits RandomTrits(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  Trits trits(static_cast<size_t>(count));
  for (int8_t& trit : trits) trit = static_cast<int8_t>(static_cast<int>(generator() % 3) - 1);
  return trits;
}

WeightScales Scales(ScaleKind kind, const std::vector<float>& values, int64_t group_size = 0) {
  WeightScales scales{.kind = kind, .group_size = group_size, .values = {}};
  scales.values = AlignedBuffer<float>(values.size());
  std::copy(values.begin(), values.end(), scales.values.begin());
  return scales;
}

WeightScales TensorScale(float value) { return Scales(ScaleKind::kTensor, {value}); }

std::vector<float> Values(const WeightScales& scales) {
  return {scales.values.begin(), scales.values.end()};
}

TensorView ViewOf(TensorType type, int64_t rows, int64_t cols, std::span<const uint8_t> bytes) {
  return {.origin = kOrigin, .type = type, .rows = rows, .cols = cols, .bytes = bytes};
}

Trits DecodeAll(const TernaryTensor& tensor) {
  Trits trits(static_cast<size_t>(tensor.rows() * tensor.cols()));
  for (int64_t row = 0; row < tensor.rows(); ++row) {
    tensor.DecodeTrits(row, &trits[static_cast<size_t>(row * tensor.cols())]);
  }
  return trits;
}

std::string CheckText(const TensorView& view) {
  return ErrorText([&] { TernaryTensor(view).CheckAndReadScales(); });
}

// Trit `i` of a block, one at a time, by the definition of the type.
int TQ1Trit(const uint8_t* block, int i) {
  int byte = 0, digit = 0;
  if (i < 160) {
    byte = i % 32, digit = i / 32;
  } else if (i < 240) {
    byte = 32 + (i - 160) % 16, digit = (i - 160) / 16;
  } else {
    byte = 48 + (i - 240) % 4, digit = (i - 240) / 4;
  }
  const int powers[] = {81, 27, 9, 3, 1};
  return block[byte] * 243 / 256 / powers[digit] % 3 - 1;
}

int TQ2Trit(const uint8_t* block, int i) {
  const int half = i / 128, plane = i % 128 / 32, byte = i % 32;
  return ((block[32 * half + byte] >> (2 * plane)) & 3) - 1;
}

int I2sTrit(const uint8_t* bytes, int i, int group) {
  const int run = group / 4, plane = i % group / run, byte = i % run;
  return ((bytes[i / group * run + byte] >> (6 - 2 * plane)) & 3) - 1;
}

void SetF16(float value, uint8_t* place) {
  const uint16_t bits = F32ToF16(value);
  std::memcpy(place, &bits, 2);
}

// A block of weights that are all `trit`, with a scale of 1, from the definition.
BOOST_AUTO_TEST_CASE(BlocksOfEqualTrits) {
  const struct {
    int trit;
    uint8_t base3, base3_of_four, two_bit;
  } kCases[] = {{-1, 0, 0, 0x00}, {0, 128, 127, 0x55}, {1, 255, 253, 0xaa}};
  for (const auto& c : kCases) {
    const Trits trits(256, static_cast<int8_t>(c.trit));
    Bytes tq1(54, c.base3);
    std::fill(tq1.begin() + 48, tq1.end(), c.base3_of_four);
    SetF16(1.0f, &tq1[52]);
    Bytes tq2(66, c.two_bit);
    SetF16(1.0f, &tq2[64]);
    Bytes i2s(64 + 32, 0);
    std::fill(i2s.begin(), i2s.begin() + 64, c.two_bit);
    i2s[66] = 0x80;  // 1.0f
    i2s[67] = 0x3f;
    const Bytes* const expected[] = {&tq1, &tq2, &i2s};
    for (size_t i = 0; i < 3; ++i) {
      const auto bytes =
          EncodeTernary(kTernaryTypes[i], 1, 256, trits.data(), TensorScale(1.0f), kOrigin);
      BOOST_TEST(Bytes(bytes.begin(), bytes.end()) == *expected[i]);
      const TernaryTensor tensor(ViewOf(kTernaryTypes[i], 1, 256, *expected[i]));
      BOOST_TEST(Values(tensor.CheckAndReadScales()) == std::vector<float>{1.0f});
      BOOST_TEST(DecodeAll(tensor) == trits);
    }
  }
}

BOOST_AUTO_TEST_CASE(SingleTritsByHand) {
  // tq1_0: element 33 is digit 1 of byte 1; with all others 0 (digit 1) and this one +1 (digit 2)
  // v = 121 + 27 = 148, and ceil(148 * 256 / 243) = 156.
  Trits trits(256);
  trits[33] = 1;
  auto bytes = EncodeTernary(TensorType::kTQ1_0, 1, 256, trits.data(), TensorScale(2.0f), kOrigin);
  BOOST_TEST(bytes[1] == 156);
  BOOST_TEST(bytes[0] == 128);
  // Element 253 is digit 3 of byte 49: v = 120 - 3 = 117, ceil(117 * 256 / 243) = 124.
  trits.assign(256, 0);
  trits[253] = -1;
  bytes = EncodeTernary(TensorType::kTQ1_0, 1, 256, trits.data(), TensorScale(2.0f), kOrigin);
  BOOST_TEST(bytes[49] == 124);
  // tq2_0: element 128 + 2 * 32 + 5, field 2 (bits 5:4) of byte 37. i2_s: bits 3:2.
  trits.assign(256, 0);
  trits[197] = 1;
  bytes = EncodeTernary(TensorType::kTQ2_0, 1, 256, trits.data(), TensorScale(2.0f), kOrigin);
  BOOST_TEST(bytes[37] == 0b01'10'01'01);
  bytes = EncodeTernary(TensorType::kI2_S, 1, 256, trits.data(), TensorScale(2.0f), kOrigin);
  BOOST_TEST(bytes[37] == 0b01'01'10'01);
  // i2_s in groups of 64: group 3, element 5 of plane 0, byte 3 * 16 + 5, bits 7:6.
  bytes = EncodeTernary(TensorType::kI2_S, 1, 256, trits.data(), TensorScale(2.0f), kOrigin,
                        I2sLayout::k64);
  BOOST_TEST(bytes[53] == 0b10'01'01'01);
}

// All 256 values at each of the 52 places of a block: which are codes, and of what.
BOOST_AUTO_TEST_CASE(EveryByteOfTQ1) {
  int num_valid = 0, failures = 0;
  for (size_t place = 0; place < 52; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      Bytes block(54, 128);
      std::fill(block.begin() + 48, block.begin() + 52, 127);
      SetF16(0.5f, &block[52]);
      block[place] = static_cast<uint8_t>(byte);
      bool expected = false;
      for (int v = 0; v < 243; v += place < 48 ? 1 : 3) {
        expected |= byte == static_cast<int>(std::ceil(256.0 * v / 243.0));
      }
      const TensorView view = ViewOf(TensorType::kTQ1_0, 1, 256, block);
      const bool valid = CheckText(view).empty();
      failures += valid != expected;
      num_valid += valid;
      if (!valid) continue;
      const Trits trits = DecodeAll(TernaryTensor(view));
      for (int i = 0; i < 256; ++i) failures += trits[i] != TQ1Trit(block.data(), i);
      const auto again =
          EncodeTernary(TensorType::kTQ1_0, 1, 256, trits.data(), TensorScale(0.5f), kOrigin);
      failures += Bytes(again.begin(), again.end()) != block;
    }
  }
  BOOST_TEST(failures == 0);
  BOOST_TEST(num_valid == 48 * 243 + 4 * 81);
}

BOOST_AUTO_TEST_CASE(EveryByteOfTwoBitTypes) {
  for (const TensorType type : {TensorType::kTQ2_0, TensorType::kI2_S}) {
    int num_valid = 0, failures = 0;
    for (size_t place = 0; place < 64; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        Bytes bytes(type == TensorType::kTQ2_0 ? 66 : 96, 0x55);
        bytes[place] = static_cast<uint8_t>(byte);
        SetF16(0.5f, &bytes[64]);
        if (type == TensorType::kI2_S) bytes[67] = 0x3f;         // a positive float
        const bool expected = ((byte >> 1) & byte & 0x55) == 0;  // no field is 3
        const TensorView view = ViewOf(type, 1, 256, bytes);
        const bool valid = CheckText(view).empty();
        failures += valid != expected;
        num_valid += valid;
        if (!valid) continue;
        const Trits trits = DecodeAll(TernaryTensor(view));
        for (int i = 0; i < 256; ++i) {
          failures += trits[i] != (type == TensorType::kTQ2_0 ? TQ2Trit(bytes.data(), i)
                                                              : I2sTrit(bytes.data(), i, 128));
        }
      }
    }
    BOOST_TEST(failures == 0);
    BOOST_TEST(num_valid == 64 * 81);
  }
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  // Also more rows than a task of the parallel loop has.
  for (const auto& [rows, cols] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 256}, {3, 512}, {37, 768}}) {
    const Trits trits = RandomTrits(rows * cols, static_cast<uint32_t>(cols));
    for (const TensorType type : kTernaryTypes) {
      const auto bytes =
          EncodeTernary(type, rows, cols, trits.data(), TensorScale(0.0625f), kOrigin);
      const int64_t dims[] = {cols, rows};
      BOOST_TEST(bytes.size() == TensorBytes(type, dims).value());
      const TernaryTensor tensor(ViewOf(type, rows, cols, bytes.span()));
      const WeightScales scales = tensor.CheckAndReadScales();
      BOOST_TEST((scales.kind == ScaleKind::kTensor));
      BOOST_TEST(Values(scales) == std::vector<float>{0.0625f});
      BOOST_TEST((DecodeAll(tensor) == trits));
      std::vector<float> values(static_cast<size_t>(cols));
      tensor.DecodeFloats(rows - 1, values.data());
      for (int64_t col = 0; col < cols; ++col) {
        BOOST_TEST(values[col] == 0.0625f * trits[(rows - 1) * cols + col]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(LayoutsOfI2s) {
  const Trits trits = RandomTrits(6 * 192, 1);
  // 192 is a multiple of 64 only: reading finds the layout, writing has to be told.
  const auto by_64 = EncodeTernary(TensorType::kI2_S, 6, 192, trits.data(), TensorScale(0.3f),
                                   kOrigin, I2sLayout::k64);
  BOOST_TEST(by_64.size() == 6u * 192 / 4 + 32);
  for (int i = 0; i < 6 * 192; ++i) BOOST_TEST(I2sTrit(by_64.data(), i, 64) == trits[i]);
  float scale = 0.0f;
  std::memcpy(&scale, &by_64[6 * 48], 4);
  BOOST_TEST(scale == 0.3f);  // not rounded
  for (size_t i = 6 * 48 + 4; i < by_64.size(); ++i) BOOST_TEST(by_64[i] == 0);
  BOOST_TEST((DecodeAll(TernaryTensor(ViewOf(TensorType::kI2_S, 6, 192, by_64.span()))) == trits));
  BOOST_TEST(Contains(ErrorText([&] {
                        TernaryTensor(ViewOf(TensorType::kI2_S, 6, 192, by_64.span()),
                                      I2sLayout::k128);
                      }),
                      "expected a multiple of 128, found 192"));

  // 384 is a multiple of both: a reader must be told of groups of 64.
  const auto ambiguous = EncodeTernary(TensorType::kI2_S, 3, 384, trits.data(), TensorScale(1.0f),
                                       kOrigin, I2sLayout::k64);
  const TensorView view = ViewOf(TensorType::kI2_S, 3, 384, ambiguous.span());
  BOOST_TEST((DecodeAll(TernaryTensor(view, I2sLayout::k64)) == trits));
  BOOST_TEST((DecodeAll(TernaryTensor(view)) != trits));
}

// What follows the scale of i2_s is unspecified; an older writer repeats the scale there.
BOOST_AUTO_TEST_CASE(IgnoresTheRestOfTheTail) {
  const Trits trits = RandomTrits(256, 2);
  auto bytes = EncodeTernary(TensorType::kI2_S, 2, 128, trits.data(), TensorScale(0.3f), kOrigin);
  for (size_t i = 68; i < bytes.size(); ++i) bytes[i] = 0xff;
  const TernaryTensor tensor(ViewOf(TensorType::kI2_S, 2, 128, bytes.span()));
  BOOST_TEST(Values(tensor.CheckAndReadScales()) == std::vector<float>{0.3f});
}

BOOST_AUTO_TEST_CASE(FindsTheSimplestScales) {
  // Two rows of three blocks. Blocks of zeros: (0, 1) and all of row 2.
  Trits trits = RandomTrits(3 * 768, 3);
  std::fill(trits.begin() + 256, trits.begin() + 512, int8_t{0});
  std::fill(trits.begin() + 2 * 768, trits.end(), int8_t{0});
  const auto simplify = [&](const std::vector<float>& groups) {
    const auto bytes = EncodeTernary(TensorType::kTQ2_0, 3, 768, trits.data(),
                                     Scales(ScaleKind::kGroup, groups, 256), kOrigin);
    return TernaryTensor(ViewOf(TensorType::kTQ2_0, 3, 768, bytes.span())).CheckAndReadScales();
  };
  // Values as (group, row).
  WeightScales scales = simplify({0.5f, 0.5f, 9.0f, 7.0f, 0.5f, 8.0f, 0.5f, 0.5f, 0.0f});
  BOOST_TEST((scales.kind == ScaleKind::kTensor));
  BOOST_TEST(Values(scales) == std::vector<float>{0.5f});

  scales = simplify({0.5f, 0.25f, 9.0f, 7.0f, 0.25f, 8.0f, 0.5f, 0.25f, 0.0f});
  BOOST_TEST((scales.kind == ScaleKind::kRow));
  BOOST_TEST(Values(scales) == (std::vector<float>{0.5f, 0.25f, 9.0f}));

  const std::vector<float> groups = {0.5f, 0.25f, 9.0f, 7.0f, 0.25f, 8.0f, 0.5f, 0.75f, 0.0f};
  scales = simplify(groups);
  BOOST_TEST((scales.kind == ScaleKind::kGroup));
  BOOST_TEST(scales.group_size == 256);
  BOOST_TEST(Values(scales) == groups);
}

BOOST_AUTO_TEST_CASE(WritesEveryKindOfScales) {
  const Trits trits = RandomTrits(2 * 1024, 4);
  for (const TensorType type : {TensorType::kTQ1_0, TensorType::kTQ2_0}) {
    auto bytes =
        EncodeTernary(type, 2, 1024, trits.data(), Scales(ScaleKind::kRow, {1.0f, 2.0f}), kOrigin);
    WeightScales scales = TernaryTensor(ViewOf(type, 2, 1024, bytes.span())).CheckAndReadScales();
    BOOST_TEST((scales.kind == ScaleKind::kRow));
    BOOST_TEST(Values(scales) == (std::vector<float>{1.0f, 2.0f}));
    // Groups of 512 are two blocks each.
    bytes = EncodeTernary(type, 2, 1024, trits.data(),
                          Scales(ScaleKind::kGroup, {1.0f, 2.0f, 3.0f, 4.0f}, 512), kOrigin);
    scales = TernaryTensor(ViewOf(type, 2, 1024, bytes.span())).CheckAndReadScales();
    BOOST_TEST((scales.kind == ScaleKind::kGroup));
    BOOST_TEST(scales.group_size == 512);
    BOOST_TEST(Values(scales) == (std::vector<float>{1.0f, 2.0f, 3.0f, 4.0f}));
    // Scales are rounded to f16.
    bytes = EncodeTernary(type, 2, 1024, trits.data(), TensorScale(0.1f), kOrigin);
    scales = TernaryTensor(ViewOf(type, 2, 1024, bytes.span())).CheckAndReadScales();
    BOOST_TEST(Values(scales) == std::vector<float>{F16ToF32(F32ToF16(0.1f))});
  }
  // One scale, however it is told.
  const auto bytes = EncodeTernary(TensorType::kI2_S, 2, 1024, trits.data(),
                                   Scales(ScaleKind::kRow, {0.1f, 0.1f}), kOrigin);
  BOOST_TEST(Values(TernaryTensor(ViewOf(TensorType::kI2_S, 2, 1024, bytes.span()))
                        .CheckAndReadScales()) == std::vector<float>{0.1f});
}

BOOST_AUTO_TEST_CASE(RefusesBadScalesInFiles) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const TensorType type : kTernaryTypes) {
    BOOST_TEST_CONTEXT(InfoOf(type).name) {
      const bool is_i2s = type == TensorType::kI2_S;
      const Trits ones(512, 1);
      const Trits zeros(512, 0);
      const auto text_with = [&](const Trits& trits, float scale) {
        auto bytes = EncodeTernary(type, 2, 256, trits.data(), TensorScale(1.0f), kOrigin);
        if (is_i2s) {
          std::memcpy(&bytes[128], &scale, 4);
        } else {
          SetF16(scale, &bytes[bytes.size() - 2]);  // of the second row
        }
        return CheckText(ViewOf(type, 2, 256, bytes.span()));
      };
      const std::string place = is_i2s ? "row 0, columns 0 to 127" : "row 1, columns 0 to 255";
      for (const float bad : {kInfinity, -kInfinity, std::nanf(""), -0.5f}) {
        for (const Trits& trits : {ones, zeros}) {
          BOOST_TEST(Contains(text_with(trits, bad), "m.gguf: w: bad scale in " + place +
                                                         ": expected a finite number, 0 or more"));
        }
      }
      BOOST_TEST(Contains(text_with(ones, 0.0f), "bad scale in " + place));
      BOOST_TEST(Contains(text_with(ones, 0.0f), "not all weights are 0"));
      BOOST_TEST(text_with(zeros, 0.0f).empty());
      BOOST_TEST(text_with(ones, 0x1p-24f).empty());  // the smallest of f16, subnormal
    }
  }
}

BOOST_AUTO_TEST_CASE(NamesTheFirstBadCode) {
  const Trits trits = RandomTrits(60 * 512, 5);
  for (const TensorType type : kTernaryTypes) {
    auto bytes = EncodeTernary(type, 60, 512, trits.data(), TensorScale(1.0f), kOrigin);
    const uint64_t row_bytes = RowBytes(type, 512);
    const uint8_t bad = type == TensorType::kTQ1_0
                            ? 0x14
                            : 0xff;  // 256 * 18 / 243 rounds to 0x13, 256 * 19 / 243 to 0x15
    bytes[50 * row_bytes] = bad;
    bytes[23 * row_bytes + row_bytes - 20] = bad;
    const std::string columns = type == TensorType::kI2_S ? "384 to 511" : "256 to 511";
    for (const int threads : {1, 3}) {
      SetNumThreads(threads);
      BOOST_TEST(Contains(CheckText(ViewOf(type, 60, 512, bytes.span())),
                          "code that stands for no trit in row 23, columns " + columns));
    }
  }
}

BOOST_AUTO_TEST_CASE(RefusesOtherTypes) {
  const Bytes bytes(1024);
  BOOST_TEST(Contains(CheckText(ViewOf(TensorType::kF32, 1, 256, bytes)),
                      "expected a ternary type, found f32"));
  BOOST_TEST(Contains(CheckText(ViewOf(TensorType::kIQ2_BN_R4, 1, 64, Bytes(20))),
                      "iq2_bn_r4 cannot be read"));
}

BOOST_AUTO_TEST_CASE(EncodingSaysWhichTypesFit) {
  const Trits trits = RandomTrits(2 * 768, 6);
  const auto encode = [&](TensorType type, int64_t cols, const WeightScales& scales) {
    return ErrorText([&] { EncodeTernary(type, 2, cols, trits.data(), scales, kOrigin); });
  };
  WeightScales with_offset = Scales(ScaleKind::kTensor, {1.0f});
  with_offset.offsets = AlignedBuffer<float>(1);
  BOOST_TEST(Contains(encode(TensorType::kTQ2_0, 768, with_offset),
                      "found 1 scales with offsets (no ternary type fits"));
  const WeightScales rows = Scales(ScaleKind::kRow, {1.0f, 2.0f});
  BOOST_TEST(
      encode(TensorType::kI2_S, 768, rows) ==
      "usage: m.gguf: w: i2_s cannot hold so many scales: expected one scale a tensor, found "
      "2 scales (what fits: tq1_0, tq2_0, q2_0, iq1_bn, iq2_bn)");
  BOOST_TEST(
      encode(TensorType::kTQ2_0, 384, TensorScale(1.0f)) ==
      "usage: m.gguf: w: row length does not fit tq2_0: expected a multiple of 256, found 384 "
      "(what fits: i2_s, q2_0, iq1_bn, iq2_bn)");
  BOOST_TEST(Contains(encode(TensorType::kTQ1_0, 96, rows), "no ternary type fits"));
  BOOST_TEST(Contains(encode(TensorType::kI2_S, 64, TensorScale(1.0f)), "a multiple of 128"));
  BOOST_TEST(Contains(encode(TensorType::kF16, 768, rows), "usage: "));
  BOOST_TEST(Contains(encode(TensorType::kQ4_0, 768, rows), "usage: "));
  BOOST_TEST(Contains(
      encode(TensorType::kTQ1_0, 768, Scales(ScaleKind::kGroup, std::vector<float>(12, 1.0f), 128)),
      "one scale for 256 weights of a row"));
  BOOST_TEST(HoldsTernary(TensorType::kTQ1_0, 768, rows));
  BOOST_TEST(!HoldsTernary(TensorType::kI2_S, 768, rows));
  BOOST_TEST(!HoldsTernary(TensorType::kF16, 768, TensorScale(1.0f)));
}

BOOST_AUTO_TEST_CASE(EncodingRefusesScalesOutOfRange) {
  const Trits ones(256, 1);
  const Trits zeros(256, 0);
  const auto encode = [&](TensorType type, const Trits& trits, float scale) {
    return ErrorText(
        [&] { EncodeTernary(type, 1, 256, trits.data(), TensorScale(scale), kOrigin); });
  };
  for (const TensorType type : kTernaryTypes) {
    BOOST_TEST(Contains(encode(type, ones, std::nanf("")), "scale cannot be written"));
    BOOST_TEST(Contains(encode(type, ones, -1.0f), "scale cannot be written"));
    BOOST_TEST(Contains(encode(type, ones, 0.0f), "bad scale"));
    BOOST_TEST(encode(type, zeros, 0.0f).empty());
  }
  BOOST_TEST(Contains(encode(TensorType::kTQ2_0, ones, 65520.0f), "6e-8 to 65504"));
  BOOST_TEST(Contains(encode(TensorType::kTQ2_0, ones, 1e-8f), "6e-8 to 65504"));
  BOOST_TEST(encode(TensorType::kTQ2_0, ones, 6e-8f).empty());
  BOOST_TEST(encode(TensorType::kI2_S, ones, 1e-30f).empty());
}

}  // namespace
}  // namespace trit
