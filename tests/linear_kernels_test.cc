// The fused linear layers of training against plain loops in double precision.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/linear_backward.h"
#include "ternary_kernels/linear_cross_entropy.h"
#include "ternary_kernels/linear_forward.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"
#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

std::vector<int8_t> RandomTrits(int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int8_t> trits(static_cast<size_t>(size));
  for (int8_t& v : trits) v = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  return trits;
}

template <typename T, typename Source>
AlignedBuffer<T> PackAll(const TileProduct& product, const std::vector<Source>& b) {
  AlignedBuffer<T> packed(product.operand_bytes() / sizeof(T));
  PackRows(product, b.data(), product.n(), 0, product.k(), product.layout().PaddedRows(product.k()),
           packed.data());
  return packed;
}

WeightScales Copy(const WeightScales& from) {
  WeightScales to{.kind = from.kind,
                  .group_size = from.group_size,
                  .values = AlignedBuffer<float>(from.values.size()),
                  .offsets = AlignedBuffer<float>(from.offsets.size())};
  std::copy(from.values.begin(), from.values.end(), to.values.begin());
  std::copy(from.offsets.begin(), from.offsets.end(), to.offsets.begin());
  return to;
}

constexpr double RelativeError(BFloat16) { return 0x1p-8; }
constexpr double RelativeError(float) { return 0x1p-22; }

BOOST_AUTO_TEST_CASE(integer_forward) {
  constexpr int64_t kTokens = 139, kCols = 96;
  const std::vector<float> x = RandomFloats(kTokens * kCols, 2.0f, 1);
  for (const auto& [group_size, with_offsets] :
       {std::pair{int64_t{96}, false}, {96, true}, {32, false}, {32, true}}) {
    for (const int64_t rows : {1, 70}) {
      const bool groups = group_size < kCols;
      const std::vector<int8_t> codes = RandomTrits(rows * kCols, 2);
      LinearCodes weights(rows, kCols, group_size);
      weights.Pack(codes.data());
      WeightScales scales{.kind = groups ? ScaleKind::kGroup : ScaleKind::kRow,
                          .group_size = groups ? group_size : 0,
                          .values = AlignedBuffer<float>(kCols / group_size * rows)};
      for (size_t i = 0; i < scales.values.size(); ++i) scales.values[i] = 0.5f + 0.01f * i;
      if (with_offsets) {
        scales.offsets = AlignedBuffer<float>(scales.values.size());
        for (size_t i = 0; i < scales.offsets.size(); ++i) scales.offsets[i] = 0.3f - 0.02f * i;
      }
      const std::vector<float> residual = RandomFloats(kTokens * rows, 1.0f, 3);
      const std::vector<float> out = CheckThreads([&] {
        std::vector<float> y(static_cast<size_t>(kTokens * rows));
        ActivationCodes activations;
        const IntegerLinear layer{&weights, &scales, residual.data(), y.data()};
        IntegerLinearForward({.cols = kCols, .x = x.data()}, kTokens, activations, {&layer, 1});
        return y;
      });
      ActivationCodes activations;
      QuantizeLinearInput({.cols = kCols, .x = x.data()}, kTokens, activations);
      const PackedMatrix packed = PackCodes(
          WeightFormat::kInt8, rows, kCols, Copy(scales),
          [&](int64_t r, int8_t* to) { std::copy_n(codes.data() + r * kCols, kCols, to); });
      std::vector<float> inference(out.size());
      Matmul({.weights = &packed,
              .num_tokens = kTokens,
              .codes = &activations,
              .out = inference.data(),
              .out_stride = rows,
              .residual = residual.data(),
              .residual_stride = rows});
      BOOST_TEST(out == inference);
      for (int64_t t = 0; t < kTokens; ++t) {
        std::vector<int8_t> q(kCols);
        float a;
        int32_t sum_of_codes;
        QuantizeTokenReference(kInt8PerTokenScheme, x.data() + t * kCols, kCols, q.data(), &a,
                               &sum_of_codes);
        for (int64_t r = 0; r < rows; ++r) {
          double expected = residual[t * rows + r], size = 1;
          for (int64_t c = 0; c < kCols; ++c) {
            const size_t index = c / group_size * rows + r;
            const double offset = with_offsets ? scales.offsets[index] : 0.0;
            const double term = double{scales.values[index]} * codes[r * kCols + c] * q[c] / a;
            const double offset_term = offset * q[c] / a;
            expected += term + offset_term;
            size += std::abs(term) + std::abs(offset_term);
          }
          CheckWithin(out[t * rows + r], expected, 8 * kUnitRoundoff * size);
        }
      }
    }
  }
}

// Layers that see one input differently, for a number of rows that fills no tile: as codes, as it
// is, as static codes that clip some of it, and a quarter of the way to those.
template <typename T>
void CheckBackward() {
  constexpr int64_t kRows = 139, kIn = 70;
  constexpr int kLayers = 4;
  constexpr int64_t kOut[kLayers] = {65, 17, 33, 5};
  const std::vector<float> x = RandomFloats(kRows * kIn, 2.0f, 1);
  ActivationCodes codes;
  QuantizeLinearInput({.cols = kIn, .x = x.data()}, kRows, codes);
  const float range = 1.5f;
  ActivationCodes static_codes;
  static_codes.scheme = {ActivationQuantizer::kInt8Static, StaticActivationScale(range)};
  QuantizeLinearInput({.cols = kIn, .x = x.data()}, kRows, static_codes);
  const ActivationBlend blend{static_codes.scheme, 0.25f};
  const float scale = 0.25f;
  const std::vector<float> col_scales = RandomFloats(kOut[1], 1.0f, 9);
  const auto scale_of = [&](int i, int64_t o) { return i == 1 ? col_scales[o] : scale; };
  std::vector<std::vector<float>> dy, dweights_before;
  std::vector<std::vector<int8_t>> weights;
  std::vector<TileProduct> products;
  std::vector<AlignedBuffer<T>> packed;
  for (int i = 0; i < kLayers; ++i) {
    dy.push_back(RandomFloats(kRows * kOut[i], 1.0f, 10 + i));
    dweights_before.push_back(RandomFloats(kOut[i] * kIn, 1.0f, 20 + i));
    weights.push_back(RandomTrits(kOut[i] * kIn, 30 + i));
    products.emplace_back(kGemmTypeOf<T>, kOut[i], kIn);
    packed.push_back(PackAll<T>(products[i], weights[i]));
  }
  const std::vector<float> dx_before = RandomFloats(kRows * kIn, 1.0f, 2);
  for (const bool accumulate : {false, true}) {
    // dx, then every layer's dweights.
    const std::vector<float> out = CheckThreads([&] {
      std::vector<float> result = dx_before;
      for (const auto& before : dweights_before) {
        result.insert(result.end(), before.begin(), before.end());
      }
      float* dweights = result.data() + kRows * kIn;
      std::vector<LinearGradient<T>> layers;
      for (int i = 0; i < kLayers; ++i) {
        layers.push_back({.dy = dy[i].data(),
                          .weight_factors = {.col = i == 1 ? col_scales.data() : nullptr,
                                             .all = i == 1 ? 1.0f : scale},
                          .product = &products[i],
                          .weights = packed[i].data(),
                          .codes = i == 0   ? &codes
                                   : i == 2 ? &static_codes
                                            : nullptr,
                          .dweights = dweights,
                          .accumulate = accumulate,
                          .blend = i == 3 ? blend : ActivationBlend()});
        dweights += kOut[i] * kIn;
      }
      LinearBackwardCall<T> call{.rows = kRows,
                                 .input = {.cols = kIn, .x = x.data()},
                                 .layers = layers,
                                 .dinput = {.dx = result.data(), .accumulate = accumulate},
                                 .dnorm_weights = nullptr,
                                 .scratch = nullptr};
      AlignedBuffer<T> scratch(static_cast<size_t>(LinearBackwardScratch(call)));
      call.scratch = scratch.data();
      LinearBackward(call);
      return result;
    });
    int num_clipped = 0;
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kIn; ++c) {
        double expected = accumulate ? dx_before[r * kIn + c] : 0.0, size = 1;
        const bool clipped = std::abs(x[r * kIn + c] + range / 254) > range * 128 / 127;
        num_clipped += clipped ? 1 : 0;
        const double passed[kLayers] = {1, 1, clipped ? 0.0 : 1.0, clipped ? 0.75 : 1.0};
        for (int i = 0; i < kLayers; ++i) {
          for (int64_t o = 0; o < kOut[i]; ++o) {
            const double term =
                passed[i] * scale_of(i, o) * dy[i][r * kOut[i] + o] * weights[i][o * kIn + c];
            expected += term;
            size += std::abs(term);
          }
        }
        CheckWithin(out[r * kIn + c], expected, RelativeError(T{}) * size);
      }
    }
    BOOST_TEST(num_clipped > 0);
    const auto rounded = [](const ActivationCodes& q, int64_t r, int64_t c) {
      return q.codes[r * q.stride + c] / double{q.scales[r]};
    };
    const float* dweights = out.data() + kRows * kIn;
    for (int i = 0; i < kLayers; ++i) {
      for (int64_t o = 0; o < kOut[i]; ++o) {
        for (int64_t c = 0; c < kIn; ++c) {
          double expected = accumulate ? dweights_before[i][o * kIn + c] : 0.0, size = 1;
          for (int64_t r = 0; r < kRows; ++r) {
            const double plain = x[r * kIn + c];
            const double fixed = rounded(static_codes, r, c);
            const double inputs[kLayers] = {rounded(codes, r, c), plain, fixed,
                                            plain + 0.25 * (fixed - plain)};
            const double input = inputs[i];
            const double term = dy[i][r * kOut[i] + o] * input;
            expected += term;
            size += std::abs(term);
          }
          // Both sides are rounded where x is not codes.
          CheckWithin(*dweights++, expected, 2 * RelativeError(T{}) * size);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(backward_f32) { CheckBackward<float>(); }
BOOST_AUTO_TEST_CASE(backward_bf16) {
  if (HasBF16Gemm()) CheckBackward<BFloat16>();
}

template <typename T>
void CheckCrossEntropy(const std::vector<int32_t>& rows, int64_t vocab_size) {
  constexpr int64_t kCols = 10;
  const auto num_rows = static_cast<int64_t>(rows.size());
  const std::vector<float> hidden = RandomFloats((rows.back() + 1) * kCols, 1.0f, 1);
  const std::vector<float> head = RandomFloats(vocab_size * kCols, 1.0f, 2);
  const std::vector<float> before = RandomFloats(vocab_size * kCols, 1.0f, 3);
  const std::vector<float> row_weights = RandomFloats(num_rows, 1.0f, 4);
  std::vector<int32_t> targets;
  for (int64_t r = 0; r < num_rows; ++r) targets.push_back((r * 37) % vocab_size);
  const TileProduct logits_product(kGemmTypeOf<T>, kCols, vocab_size);
  const TileProduct hidden_product(kGemmTypeOf<T>, vocab_size, kCols);
  AlignedBuffer<T> logits_weights(logits_product.operand_bytes() / sizeof(T));
  PackColumns(logits_product, head.data(), 0, vocab_size, logits_weights.data());
  const AlignedBuffer<T> hidden_weights = PackAll<T>(hidden_product, head);
  // losses, dhidden, dweights
  const std::vector<float> out = CheckThreads([&] {
    std::vector<float> losses(static_cast<size_t>(num_rows)), dhidden(hidden.size(), 5.0f);
    std::vector<float> dweights = before;
    AlignedBuffer<T> scratch(
        static_cast<size_t>(LinearCrossEntropyScratch(num_rows, kCols, vocab_size)));
    LinearCrossEntropy(LinearCrossEntropyCall<T>{.hidden = hidden.data(),
                                                 .rows = rows,
                                                 .logits_product = &logits_product,
                                                 .logits_weights = logits_weights.data(),
                                                 .hidden_product = &hidden_product,
                                                 .hidden_weights = hidden_weights.data(),
                                                 .targets = targets.data(),
                                                 .row_weights = row_weights.data(),
                                                 .losses = losses.data(),
                                                 .dhidden = dhidden.data(),
                                                 .dweights = dweights.data(),
                                                 .accumulate = true,
                                                 .scratch = scratch.data()});
    losses.insert(losses.end(), dhidden.begin(), dhidden.end());
    losses.insert(losses.end(), dweights.begin(), dweights.end());
    return losses;
  });
  const float* dhidden = out.data() + num_rows;
  const float* dweights = dhidden + hidden.size();
  std::vector<double> expected_dweights(before.begin(), before.end());
  std::vector<bool> named(static_cast<size_t>(rows.back() + 1));
  const double tolerance = 32 * RelativeError(T{});  // of values of size about 1
  for (int64_t r = 0; r < num_rows; ++r) {
    const float* h = hidden.data() + rows[r] * kCols;
    named[rows[r]] = true;
    std::vector<double> z(static_cast<size_t>(vocab_size));
    double sum = 0;
    for (int64_t c = 0; c < vocab_size; ++c) {
      for (int64_t i = 0; i < kCols; ++i) z[c] += double{h[i]} * head[c * kCols + i];
      sum += std::exp(z[c]);
    }
    CheckWithin(out[r], std::log(sum) - z[targets[r]], tolerance);
    std::vector<double> dh(kCols);
    for (int64_t c = 0; c < vocab_size; ++c) {
      const double dz = (std::exp(z[c]) / sum - (c == targets[r])) * row_weights[r];
      for (int64_t i = 0; i < kCols; ++i) {
        dh[i] += dz * head[c * kCols + i];
        expected_dweights[c * kCols + i] += dz * h[i];
      }
    }
    for (int64_t i = 0; i < kCols; ++i) CheckWithin(dhidden[rows[r] * kCols + i], dh[i], tolerance);
  }
  for (size_t i = 0; i < hidden.size(); ++i) {
    if (!named[i / kCols]) BOOST_TEST(dhidden[i] == 5.0f);
  }
  for (size_t i = 0; i < expected_dweights.size(); ++i) {
    CheckWithin(dweights[i], expected_dweights[i], tolerance);
  }
}

template <typename T>
void CheckCrossEntropies() {
  CheckCrossEntropy<T>({3}, 5);
  std::vector<int32_t> rows;
  for (int32_t r = 0; r < 150; ++r) {
    if (r % 4 != 1) rows.push_back(r);
  }
  CheckCrossEntropy<T>(rows, 131);
  rows.resize(66);
  CheckCrossEntropy<T>(rows, 270'000);  // chunks of 64 rows
}

BOOST_AUTO_TEST_CASE(cross_entropy_f32) { CheckCrossEntropies<float>(); }
BOOST_AUTO_TEST_CASE(cross_entropy_bf16) {
  if (HasBF16Gemm()) CheckCrossEntropies<BFloat16>();
}

}  // namespace
}  // namespace trit
