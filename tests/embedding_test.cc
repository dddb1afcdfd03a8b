#include "ternary_kernels/embedding.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "ternary_kernels/pack_matrix.h"
#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

constexpr int64_t kVocabulary = 11;

// Tokens that repeat.
std::vector<int32_t> SomeTokens(int64_t rows) {
  std::vector<int32_t> tokens(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) tokens[r] = static_cast<int32_t>(r * r % kVocabulary);
  return tokens;
}

std::vector<float> Gather(const std::vector<float>& table, const std::vector<int32_t>& tokens,
                          int64_t cols) {
  std::vector<float> out;
  for (const int32_t token : tokens) {
    out.insert(out.end(), &table[token * cols], &table[token * cols] + cols);
  }
  return out;
}

BOOST_AUTO_TEST_CASE(forward_gathers_rows) {
  for (const int64_t cols : {1, 3, 17, 257}) {
    const std::vector<float> table = RandomFloats(kVocabulary * cols, 1.0f, 1);
    const std::vector<int32_t> tokens = SomeTokens(300);
    const std::vector<float> out = CheckThreads([&] {
      std::vector<float> result(tokens.size() * static_cast<size_t>(cols));
      EmbeddingForward(table.data(), tokens.data(), 300, cols, result.data());
      return result;
    });
    BOOST_TEST(SameBits(out, Gather(table, tokens, cols)));

    PackedMatrix packed = AllocateDense(WeightFormat::kF32, kVocabulary, cols);
    std::memcpy(packed.data.data(), table.data(), table.size() * sizeof(float));
    const std::vector<float> unpacked = CheckThreads([&] {
      std::vector<float> result(tokens.size() * static_cast<size_t>(cols));
      EmbeddingForward(packed, tokens.data(), 300, result.data());
      return result;
    });
    BOOST_TEST(SameBits(unpacked, out));
  }
}

// Trits with each kind of scales: element (r, c) is trit * scale, exactly.
BOOST_AUTO_TEST_CASE(forward_multiplies_by_scales) {
  constexpr int64_t kCols = 12, kGroup = 4;
  const auto trit = [](int64_t row, int64_t col) {
    return static_cast<float>((row + col) % 3 - 1);
  };
  for (const ScaleKind kind : {ScaleKind::kTensor, ScaleKind::kRow, ScaleKind::kGroup}) {
    WeightScales scales;
    scales.kind = kind;
    scales.group_size = kind == ScaleKind::kGroup ? kGroup : 0;
    const int64_t num_scales = kind == ScaleKind::kTensor ? 1
                               : kind == ScaleKind::kRow  ? kVocabulary
                                                          : kVocabulary * (kCols / kGroup);
    scales.values = AlignedBuffer<float>(static_cast<size_t>(num_scales));
    for (size_t i = 0; i < scales.values.size(); ++i) {
      scales.values[i] = 0.1f + static_cast<float>(i);
    }
    const std::vector<float> values(scales.values.begin(), scales.values.end());
    const PackedMatrix packed =
        PackCodesAsBF16(kVocabulary, kCols, std::move(scales), [&](int64_t row, int8_t* codes) {
          for (int64_t c = 0; c < kCols; ++c) codes[c] = static_cast<int8_t>(trit(row, c));
        });
    const std::vector<int32_t> tokens = {10, 0, 3};
    std::vector<float> out(3 * kCols);
    EmbeddingForward(packed, tokens.data(), 3, out.data());
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t c = 0; c < kCols; ++c) {
        const int64_t row = tokens[r];
        const float scale = kind == ScaleKind::kTensor ? values[0]
                            : kind == ScaleKind::kRow  ? values[row]
                                                       : values[c / kGroup * kVocabulary + row];
        BOOST_TEST(out[r * kCols + c] == trit(row, c) * scale);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(backward_adds_rows_in_ascending_order) {
  for (const int64_t cols : {1, 3, 127, 128, 129, 500}) {
    const std::vector<int32_t> tokens = SomeTokens(100);
    const std::vector<float> dout = RandomFloats(100 * cols, 1.0f, 2);
    const std::vector<float> start = RandomFloats(kVocabulary * cols, 1.0f, 3);
    const std::vector<float> dtable = CheckThreads([&] {
      std::vector<float> result = start;
      EmbeddingBackward(dout.data(), tokens.data(), 100, cols, result.data());
      return result;
    });
    std::vector<float> expected = start;
    for (int64_t r = 0; r < 100; ++r) {
      for (int64_t c = 0; c < cols; ++c) expected[tokens[r] * cols + c] += dout[r * cols + c];
    }
    BOOST_TEST(SameBits(dtable, expected));
  }
}

}  // namespace
}  // namespace trit
