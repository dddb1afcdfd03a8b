#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "tests/matmul_problem.h"

namespace trit {
namespace {

// Products here are small and many: waking a second thread would take most of the time.
struct OneThread {
  OneThread() { SetNumThreads(1); }
};
BOOST_GLOBAL_FIXTURE(OneThread);

const WeightFormat kCodeFormats[] = {WeightFormat::kTernary2Bit, WeightFormat::kTernaryDense,
                                     WeightFormat::kTernaryQuad, WeightFormat::kTernaryLookup,
                                     WeightFormat::kInt4,        WeightFormat::kInt8};

// Every kernel of the problem's format, on every target, gives the bits of the reference.
void CheckAllKernels(const MatmulProblem& problem, const std::string& what) {
  const MatmulKernel& reference = ReferenceKernel(problem.weights.format);
  const std::vector<float> expected = problem.Run(reference);
  ForEachSimdTarget([&](const std::string& target) {
    for (const MatmulKernel& kernel : MatmulKernels()) {
      if (&kernel == &reference) continue;
      if (kernel.format != problem.weights.format || !kernel.supports(problem.weights)) continue;
      BOOST_CHECK_MESSAGE(SameBits(problem.Run(kernel), expected),
                          kernel.name << " on " << target << ", " << problem.weights.rows << " x "
                                      << problem.weights.cols << ", " << problem.num_tokens
                                      << " tokens, " << what);
    }
  });
}

struct Shape {
  int64_t rows, cols;
};
const Shape kShapes[] = {{1, 1},     {3, 15},    {64, 16},   {15, 17},  {65, 3},   {16, 64},
                         {17, 65},   {1, 100},   {100, 255}, {63, 256}, {255, 48}, {256, 257},
                         {257, 100}, {128, 512}, {130, 288}, {2, 1040}};

BOOST_AUTO_TEST_CASE(all_shapes_tokens_and_scales) {
  uint32_t seed = 0;
  for (const WeightFormat format : kCodeFormats) {
    for (const Shape shape : kShapes) {
      for (const int64_t tokens : {1, 2, 3, 5, 16, 17, 40}) {
        const ScaleKind kind = seed % 4 < 2 ? ScaleKind::kTensor : ScaleKind::kRow;
        for (const bool offsets : {false, true}) {
          const MatmulProblem problem(format, shape.rows, shape.cols, tokens, kind, 0,
                                      seed % 2 == 0, seed, offsets);
          CheckAllKernels(problem, std::string(offsets ? "offsets, " : "") +
                                       (kind == ScaleKind::kRow ? "row scales" : "tensor scale"));
        }
        ++seed;
      }
    }
  }
}

// More tokens than any kernel's tile has.
BOOST_AUTO_TEST_CASE(many_tokens) {
  for (const WeightFormat format : kCodeFormats) {
    const MatmulProblem problem(format, 70, 333, 517, ScaleKind::kRow, 0, true, 5, false);
    CheckAllKernels(problem, "row scales");
  }
}

BOOST_AUTO_TEST_CASE(group_scales) {
  uint32_t seed = 1000;
  for (const WeightFormat format : kCodeFormats) {
    for (const Shape shape :
         {Shape{3, 12}, {65, 96}, {100, 256}, {130, 288}, {1, 1040}, {70, 480}}) {
      for (const int64_t group_size :
           {int64_t{1}, int64_t{4}, int64_t{5}, int64_t{12}, int64_t{15}, int64_t{16}, int64_t{32},
            int64_t{40}, int64_t{48}, int64_t{128}, shape.cols}) {
        if (shape.cols % group_size != 0) continue;
        for (const int64_t tokens : {1, 2, 3, 16, 17, 40}) {
          const bool offsets = seed % 4 < 2;
          const MatmulProblem problem(format, shape.rows, shape.cols, tokens, ScaleKind::kGroup,
                                      group_size, seed % 2 == 0, seed, offsets);
          CheckAllKernels(problem, std::string(offsets ? "offsets, " : "") + "groups of " +
                                       std::to_string(group_size));
          ++seed;
        }
      }
    }
  }
}

// The largest sums of both signs: they overflow where a kernel adds up in int16 for too long, or
// lets a product saturate.
BOOST_AUTO_TEST_CASE(extreme_codes) {
  for (const WeightFormat format : kCodeFormats) {
    for (const int64_t tokens : {1, 4, 20}) {
      for (const int64_t cols : {272, 2304}) {
        MatmulProblem problem(format, 3, cols, tokens, ScaleKind::kTensor, 0, false, 7);
        for (const int weight_pattern : {0, 1, 2, 3}) {
          const auto [min_code, max_code] = CodesOf(format);
          for (size_t i = 0; i < problem.trits_or_codes.size(); ++i) {
            const int sign = weight_pattern == 2 ? (i % 2 == 0 ? 1 : -1) : 1 - 2 * weight_pattern;
            int8_t& code = problem.trits_or_codes[i];
            if (weight_pattern < 3) code = static_cast<int8_t>(max_code * sign);
            if (weight_pattern == 3) code = static_cast<int8_t>(min_code);
          }
          problem.Pack(format, 3, cols, std::move(problem.weights.scales));
          const std::function<int8_t(int64_t, int64_t)> activations[] = {
              [](int64_t, int64_t) { return int8_t{127}; },
              [](int64_t, int64_t) { return int8_t{-127}; },
              [](int64_t, int64_t) { return int8_t{-128}; },
              [](int64_t, int64_t k) { return static_cast<int8_t>(k % 2 == 0 ? 127 : -128); },
              [](int64_t t, int64_t k) {
                return static_cast<int8_t>((t + k) % 4 < 2 ? 127 : -128);
              },
          };
          for (const auto& activation : activations) {
            problem.SetCodes(activation);
            CheckAllKernels(problem, "weight pattern " + std::to_string(weight_pattern));
          }
        }
      }
    }
  }
}

// The reference itself, against the formula of matmul_kernel.h on the codes that were packed.
BOOST_AUTO_TEST_CASE(reference_is_the_formula) {
  for (const WeightFormat format : kCodeFormats) {
    for (const auto& [kind, with_offsets] : {std::pair{ScaleKind::kTensor, false},
                                             {ScaleKind::kTensor, true},
                                             {ScaleKind::kRow, false},
                                             {ScaleKind::kRow, true},
                                             {ScaleKind::kGroup, false},
                                             {ScaleKind::kGroup, true}}) {
      const int64_t rows = 67, cols = 90, group_size = 15;
      const MatmulProblem problem(format, rows, cols, 3, kind, group_size, true, 11, with_offsets);
      const std::vector<float> out = problem.Run(ReferenceKernel(format));
      const AlignedBuffer<float>& scales = problem.weights.scales.values;
      const AlignedBuffer<float>& offsets = problem.weights.scales.offsets;
      const int64_t stride = rows + MatmulProblem::kMargin;
      for (int64_t t = 0; t < 3; ++t) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<int32_t> sums(cols / group_size), activation_sums(cols / group_size);
          int32_t sum = 0, activation_sum = 0;
          for (int64_t k = 0; k < cols; ++k) {
            const int32_t q = problem.codes.codes[t * problem.codes.stride + k];
            const int32_t product = problem.trits_or_codes[r * cols + k] * q;
            sums[k / group_size] += product;
            activation_sums[k / group_size] += q;
            sum += product;
            activation_sum += q;
          }
          const float a = problem.codes.scales[t];
          float y = 0;
          if (kind == ScaleKind::kGroup) {
            for (size_t g = 0; g < sums.size(); ++g) {
              y += static_cast<float>(sums[g]) * scales[g * rows + r];
              if (with_offsets) y += static_cast<float>(activation_sums[g]) * offsets[g * rows + r];
            }
            y *= 1.0f / a;
          } else {
            const int64_t index = kind == ScaleKind::kRow ? r : 0;
            y = static_cast<float>(sum) * (scales[index] / a);
            if (with_offsets) y += static_cast<float>(activation_sum) * (offsets[index] / a);
          }
          y += problem.residual[t * stride + r];
          BOOST_TEST(out[t * stride + r] == y);
        }
        for (int64_t i = rows; i < stride; ++i) {
          BOOST_TEST(out[t * stride + i] == MatmulProblem::kUntouched);
        }
      }
    }
  }
}

}  // namespace
}  // namespace trit
