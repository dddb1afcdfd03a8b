// A random product for tests of matmul kernels: weights, activations, a residual, and output with
// margins that must stay untouched.
#ifndef TRIT_TESTS_MATMUL_PROBLEM_H_
#define TRIT_TESTS_MATMUL_PROBLEM_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/q6_k.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {

inline float RandomFloat(std::mt19937& random) {
  return static_cast<float>(random()) * 0x1p-31f - 1.0f;
}

// Finite values of every magnitude a format has: random bits, or for q8_0 and q6_k random codes.
inline void FillDense(PackedMatrix& matrix, std::mt19937& random) {
  const int64_t count = matrix.rows * matrix.cols;
  uint8_t* data = matrix.data.data();
  for (int64_t i = 0; i < count; ++i) {
    const float value = RandomFloat(random);
    const auto bits = static_cast<uint16_t>(random());
    switch (matrix.format) {
      case WeightFormat::kF32:
        std::memcpy(data + 4 * i, &value, 4);
        break;
      case WeightFormat::kF16: {
        // Exponents up to that of 2, zero and subnormals among them.
        const uint16_t half = bits & ((bits & 0x4000) != 0 ? 0xC3FF : 0xBFFF);
        std::memcpy(data + 2 * i, &half, 2);
        break;
      }
      case WeightFormat::kBF16: {
        uint32_t wide;
        std::memcpy(&wide, &value, 4);
        const auto half = static_cast<uint16_t>(wide >> 16);
        std::memcpy(data + 2 * i, &half, 2);
        break;
      }
      case WeightFormat::kQ6_K: {
        if (i % kQ6Cols != 0) break;
        uint8_t* block = data + i / kQ6Cols * kQ6Bytes;
        for (int64_t b = 0; b < kQ6Bytes; ++b) block[b] = static_cast<uint8_t>(random());
        const auto scale = static_cast<uint16_t>(0x1000 + bits % 0x1000);  // 2^-11 to 2^-7
        std::memcpy(block + kQ6ScaleOffset, &scale, 2);
        break;
      }
      default: {  // q8_0
        uint8_t* block = data + i / 32 * 34;
        const auto scale = static_cast<uint16_t>(0x2000 + bits % 0x1000);  // 2^-7 to 2^-3
        if (i % 32 == 0) std::memcpy(block, &scale, 2);
        block[2 + i % 32] = static_cast<uint8_t>(bits);
      }
    }
  }
}

// The smallest and the largest code of a format of codes.
struct CodeRange {
  int min, max;
};
inline CodeRange CodesOf(WeightFormat format) {
  if (format == WeightFormat::kInt8) return {-128, 127};
  if (format == WeightFormat::kInt4) return {-8, 7};
  return {-1, 1};
}
inline int8_t RandomCode(WeightFormat format, std::mt19937& random) {
  const auto [min, max] = CodesOf(format);
  return static_cast<int8_t>(static_cast<int>(random() % (max - min + 1)) + min);
}

inline WeightScales RandomScales(ScaleKind kind, int64_t rows, int64_t cols, int64_t group_size,
                                 std::mt19937& random) {
  WeightScales scales;
  scales.kind = kind;
  scales.group_size = kind == ScaleKind::kGroup ? group_size : 0;
  int64_t count = 1;
  if (kind == ScaleKind::kRow) count = rows;
  if (kind == ScaleKind::kGroup) count = cols / group_size * rows;
  scales.values = AlignedBuffer<float>(count);
  for (float& s : scales.values) s = 1.0f + 0.75f * RandomFloat(random);
  return scales;
}

// Gives the scales offsets of either sign.
inline void AddRandomOffsets(WeightScales& scales, std::mt19937& random) {
  scales.offsets = AlignedBuffer<float>(scales.values.size());
  for (float& o : scales.offsets) o = 3.0f * RandomFloat(random);
}

struct MatmulProblem {
  static constexpr float kUntouched = -12345.0f;
  static constexpr int64_t kMargin = 5;  // floats behind a row of out, residual and floats

  // Random weights; trits for the ternary formats. group_size matters for kGroup only, offsets are
  // for formats of codes.
  MatmulProblem(WeightFormat format, int64_t rows, int64_t cols, int64_t tokens, ScaleKind kind,
                int64_t group_size, bool with_residual, uint32_t seed, bool with_offsets = false)
      : num_tokens(tokens), random(seed) {
    WeightScales scales = RandomScales(kind, rows, cols, group_size, random);
    if (with_offsets) AddRandomOffsets(scales, random);
    if (TakesCodes(format)) {
      trits_or_codes.resize(rows * cols);
      for (int8_t& code : trits_or_codes) {
        code = RandomCode(format, random);
      }
      Pack(format, rows, cols, std::move(scales));
      codes.Resize(num_tokens, cols);
      SetCodes([this](int64_t, int64_t) { return static_cast<int8_t>(random()); });
      for (int64_t t = 0; t < num_tokens; ++t) codes.scales[t] = 1.5f + RandomFloat(random);
    } else {
      weights = AllocateDense(format, rows, cols);
      weights.scales = std::move(scales);
      FillDense(weights, random);
      floats.resize(num_tokens * (cols + kMargin));
      for (float& x : floats) x = RandomFloat(random);
    }
    if (with_residual) {
      residual.resize(num_tokens * (rows + kMargin));
      for (float& r : residual) r = 100.0f * RandomFloat(random);
    }
  }

  void Pack(WeightFormat format, int64_t rows, int64_t cols, WeightScales scales) {
    weights = PackCodes(format, rows, cols, std::move(scales), [&](int64_t row, int8_t* to) {
      std::memcpy(to, trits_or_codes.data() + row * cols, cols);
    });
  }

  void SetCodes(const std::function<int8_t(int64_t token, int64_t col)>& code) {
    for (int64_t t = 0; t < num_tokens; ++t) {
      codes.sums[t] = 0;
      for (int64_t k = 0; k < codes.cols; ++k) {
        codes.codes[t * codes.stride + k] = code(t, k);
        codes.sums[t] += codes.codes[t * codes.stride + k];
      }
    }
  }

  MatmulCall Call(std::vector<float>& out) const {
    out.assign(num_tokens * (weights.rows + kMargin), kUntouched);
    MatmulCall call;
    call.weights = &weights;
    call.num_tokens = num_tokens;
    call.out = out.data();
    call.out_stride = weights.rows + kMargin;
    if (TakesCodes(weights.format)) {
      call.codes = &codes;
    } else {
      call.floats = floats.data();
      call.floats_stride = weights.cols + kMargin;
    }
    if (!residual.empty()) {
      call.residual = residual.data();
      call.residual_stride = weights.rows + kMargin;
    }
    return call;
  }

  std::vector<float> Run(const MatmulKernel& kernel) const {
    std::vector<float> out;
    Matmul(Call(out), kernel);
    return out;
  }

  int64_t num_tokens;
  std::mt19937 random;
  PackedMatrix weights;
  std::vector<int8_t> trits_or_codes;  // (rows, cols), code formats only
  ActivationCodes codes;
  std::vector<float> floats;    // (num_tokens, cols + kMargin)
  std::vector<float> residual;  // (num_tokens, rows + kMargin), or empty
};

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline const MatmulKernel& ReferenceKernel(WeightFormat format) {
  const MatmulKernel* last = nullptr;
  for (const MatmulKernel& kernel : MatmulKernels()) {
    if (kernel.format == format) last = &kernel;
  }
  return *last;
}

// body(target) with each SIMD target in force.
template <typename Body>
void ForEachSimdTarget(const Body& body) {
  for (const std::string& target : SimdTargets()) {
    UseSimdTarget(target);
    body(target);
  }
  UseSimdTarget("");
}

}  // namespace trit

#endif  // TRIT_TESTS_MATMUL_PROBLEM_H_
