#include "ternary_kernels/gemm.h"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "ternary_kernels/half_float.h"
#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

struct Shape {
  int64_t m, n, k;
};
const Shape kShapes[] = {{1, 1, 1},     {1, 17, 3},     {3, 1, 100},     {15, 100, 17},
                         {17, 15, 257}, {100, 257, 15}, {127, 33, 64},   {128, 64, 128},
                         {129, 3, 1},   {257, 100, 15}, {300, 130, 384}, {64, 192, 640}};

float ToFloat(float x) { return x; }
float ToFloat(BFloat16 x) { return FloatFromBF16(x.bits); }

// Operand elements: x rounded down to what the type holds.
template <typename T>
std::vector<T> Operand(const std::vector<float>& x) {
  std::vector<T> out(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<T, float>) {
      out[i] = x[i];
    } else {
      out[i] = {static_cast<uint16_t>(std::bit_cast<uint32_t>(x[i]) >> 16)};
    }
  }
  return out;
}

// A random product, its operands stored with `gap` elements between rows.
template <typename T>
struct Problem {
  Problem(Shape shape, Transpose a_transpose, Transpose b_transpose, int64_t gap)
      : shape(shape),
        a_transpose(a_transpose),
        b_transpose(b_transpose),
        a_stride((a_transpose == Transpose::kYes ? shape.m : shape.k) + gap),
        b_stride((b_transpose == Transpose::kYes ? shape.k : shape.n) + gap),
        c_stride(shape.n + gap),
        a(Operand<T>(RandomFloats((a_transpose == Transpose::kYes ? shape.k : shape.m) * a_stride,
                                  1.0f, 1))),
        b(Operand<T>(RandomFloats((b_transpose == Transpose::kYes ? shape.n : shape.k) * b_stride,
                                  1.0f, 2))),
        c(RandomFloats(shape.m * c_stride, 1.0f, 3)) {}

  float A(int64_t row, int64_t col) const {
    return ToFloat(a_transpose == Transpose::kYes ? a[col * a_stride + row]
                                                  : a[row * a_stride + col]);
  }
  float B(int64_t row, int64_t col) const {
    return ToFloat(b_transpose == Transpose::kYes ? b[col * b_stride + row]
                                                  : b[row * b_stride + col]);
  }

  // c after the product of rows [begin, end), the rest untouched.
  std::vector<float> Run(bool accumulate, int64_t begin, int64_t end) const {
    std::vector<float> out = c;
    const T* from = a.data() + (a_transpose == Transpose::kYes ? begin : begin * a_stride);
    float* to = out.data() + begin * c_stride;
    if constexpr (std::is_same_v<T, float>) {
      GemmF32(end - begin, shape.n, shape.k, from, a_stride, a_transpose, b.data(), b_stride,
              b_transpose, accumulate, to, c_stride);
    } else {
      GemmBF16(end - begin, shape.n, shape.k, from, a_stride, a_transpose, b.data(), b_stride,
               b_transpose, accumulate, to, c_stride);
    }
    return out;
  }
  std::vector<float> Run(bool accumulate) const { return Run(accumulate, 0, shape.m); }

  Shape shape;
  Transpose a_transpose, b_transpose;
  int64_t a_stride, b_stride, c_stride;
  std::vector<T> a, b;
  std::vector<float> c;
};

template <typename T, typename Body>
void ForEachProblem(const Body& body) {
  for (const Shape shape : kShapes) {
    for (const Transpose a_transpose : {Transpose::kNo, Transpose::kYes}) {
      for (const Transpose b_transpose : {Transpose::kNo, Transpose::kYes}) {
        for (const int64_t gap : {0, 5}) {
          BOOST_TEST_CONTEXT("m " << shape.m << ", n " << shape.n << ", k " << shape.k
                                  << ", transposes " << int(a_transpose) << int(b_transpose)
                                  << ", gap " << gap) {
            body(Problem<T>(shape, a_transpose, b_transpose, gap));
          }
        }
      }
    }
  }
}

// A sum of k products in any order has an error of at most k + 1 roundings of the sum of absolute
// values (one more with what was in c).
template <typename T>
void CheckValues() {
  ForEachProblem<T>([](const Problem<T>& problem) {
    const auto [m, n, k] = problem.shape;
    const std::vector<float> product = problem.Run(false);
    const std::vector<float> sum = problem.Run(true);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t col = 0; col < problem.c_stride; ++col) {
        const int64_t i = r * problem.c_stride + col;
        if (col >= n) {
          BOOST_TEST((product[i] == problem.c[i] && sum[i] == problem.c[i]), "between rows");
          continue;
        }
        double expected = 0.0, size = 0.0;
        for (int64_t q = 0; q < k; ++q) {
          const double term = static_cast<double>(problem.A(r, q)) * problem.B(q, col);
          expected += term;
          size += std::abs(term);
        }
        const double roundings = static_cast<double>(k + 2) * kUnitRoundoff;
        CheckWithin(product[i], expected, roundings * size);
        CheckWithin(sum[i], problem.c[i] + expected, roundings * (size + std::abs(problem.c[i])));
      }
    }
  });
}

template <typename T>
void CheckBits() {
  ForEachProblem<T>([](const Problem<T>& problem) {
    for (const bool accumulate : {false, true}) {
      const std::vector<float> c = CheckThreads([&] { return problem.Run(accumulate); });
      const int64_t m = problem.shape.m;
      // Rows alone and in other company, at other places of a tile.
      for (const auto& [begin, end] :
           {std::pair{m / 2, m / 2 + 1}, {m / 3, m}, {int64_t{0}, m / 2}}) {
        const std::vector<float> part = problem.Run(accumulate, begin, end);
        const auto bytes = static_cast<size_t>((end - begin) * problem.c_stride) * sizeof(float);
        BOOST_TEST(std::memcmp(part.data() + begin * problem.c_stride,
                               c.data() + begin * problem.c_stride, bytes) == 0,
                   "rows " << begin << " to " << end);
      }
    }
  });
}

// Codes as floats give exact integers while they stay below 2^24.
template <typename T>
void CheckIntegers() {
  constexpr Shape kShape{130, 70, 2560};
  for (const bool extreme : {true, false}) {
    std::mt19937 random(7);
    std::vector<float> a(kShape.m * kShape.k), b(kShape.n * kShape.k);
    for (float& v : a) v = extreme ? 127.0f : static_cast<float>(random() % 256) - 128.0f;
    for (float& v : b) v = extreme ? -1.0f : static_cast<float>(random() % 3) - 1.0f;
    Problem<T> problem(kShape, Transpose::kNo, Transpose::kYes, 0);
    problem.a = Operand<T>(a);
    problem.b = Operand<T>(b);
    const std::vector<float> c = problem.Run(false);
    for (int64_t r = 0; r < kShape.m; ++r) {
      for (int64_t col = 0; col < kShape.n; ++col) {
        int64_t sum = 0;
        for (int64_t q = 0; q < kShape.k; ++q) {
          sum += static_cast<int64_t>(a[r * kShape.k + q]) *
                 static_cast<int64_t>(b[col * kShape.k + q]);
        }
        BOOST_REQUIRE(c[r * kShape.n + col] == static_cast<float>(sum));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(f32_matches_double) { CheckValues<float>(); }
BOOST_AUTO_TEST_CASE(f32_keeps_bits) { CheckBits<float>(); }
BOOST_AUTO_TEST_CASE(f32_of_codes_is_exact) { CheckIntegers<float>(); }

BOOST_AUTO_TEST_CASE(bf16) {
  if (!HasBF16Gemm()) {
    BOOST_TEST(GemmImplementation("bf16", 128, 64, 64) == "none");
    return;
  }
  CheckValues<BFloat16>();
  CheckBits<BFloat16>();
  CheckIntegers<BFloat16>();
}

// An inner dimension that oneDNN divides into blocks, whose size AMX makes depend on the number of
// rows.
BOOST_AUTO_TEST_CASE(long_sums_keep_bits) {
  static constexpr Shape kShape{150, 96, 2560};
  const auto check = [](const auto& problem) {
    const std::vector<float> c = CheckThreads([&] { return problem.Run(false); });
    for (const int64_t row : {0, 5, 130}) {
      const std::vector<float> alone = problem.Run(false, row, row + 1);
      BOOST_TEST(
          std::memcmp(&alone[row * kShape.n], &c[row * kShape.n], kShape.n * sizeof(float)) == 0,
          "row " << row << " alone");
    }
  };
  for (const Transpose transpose : {Transpose::kNo, Transpose::kYes}) {
    check(Problem<float>(kShape, Transpose::kNo, transpose, 0));
    if (HasBF16Gemm()) check(Problem<BFloat16>(kShape, Transpose::kNo, transpose, 0));
  }
}

// Large enough that f32 transposes b.
BOOST_AUTO_TEST_CASE(large_operand) {
  constexpr int64_t kM = 70, kN = 1100, kK = 960;
  const std::vector<float> a = RandomFloats(kM * kK, 1.0f, 4);
  const std::vector<float> b = RandomFloats(kK * (kN + 1), 1.0f, 5);
  const std::vector<float> c = CheckThreads([&] {
    std::vector<float> out(kM * kN);
    GemmF32(kM, kN, kK, a.data(), kK, Transpose::kNo, b.data(), kN + 1, Transpose::kNo, false,
            out.data(), kN);
    return out;
  });
  for (const int64_t r : {int64_t{0}, kM - 1}) {
    for (int64_t col = 0; col < kN; ++col) {
      double expected = 0.0, size = 0.0;
      for (int64_t q = 0; q < kK; ++q) {
        const double term = static_cast<double>(a[r * kK + q]) * b[q * (kN + 1) + col];
        expected += term;
        size += std::abs(term);
      }
      CheckWithin(c[r * kN + col], expected, (kK + 2) * kUnitRoundoff * size);
    }
  }
}

// Every u8 and s8 is allowed, so that two products do not fit int16.
BOOST_AUTO_TEST_CASE(u8s8_is_exact) {
  std::mt19937 random(8);
  for (const Shape shape : kShapes) {
    const int64_t m = shape.m, n = shape.n, k = shape.k;
    for (const int64_t gap : {0, 3}) {
      for (const std::string kind : {"highest", "lowest", "random", "trits"}) {
        std::vector<uint8_t> a(static_cast<size_t>(m * (k + gap)));
        std::vector<int8_t> b(static_cast<size_t>(n * (k + gap)));
        for (uint8_t& v : a) v = kind == "random" ? static_cast<uint8_t>(random()) : 255;
        for (int8_t& v : b) {
          v = kind == "highest"  ? int8_t{127}
              : kind == "lowest" ? int8_t{-128}
              : kind == "random" ? static_cast<int8_t>(random())
                                 : static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
        }
        const std::vector<int32_t> c = CheckThreads([&] {
          std::vector<int32_t> out(static_cast<size_t>(m * (n + gap)), -5);
          GemmU8S8(m, n, k, a.data(), k + gap, b.data(), k + gap, out.data(), n + gap);
          return out;
        });
        bool exact = true;
        for (int64_t r = 0; r < m; ++r) {
          for (int64_t col = 0; col < n + gap; ++col) {
            int32_t sum = col < n ? 0 : -5;
            for (int64_t q = 0; col < n && q < k; ++q) {
              sum += a[r * (k + gap) + q] * b[col * (k + gap) + q];
            }
            exact &= c[r * (n + gap) + col] == sum;
          }
        }
        BOOST_TEST(exact, kind << ", m " << m << ", n " << n << ", k " << k << ", gap " << gap);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(bf16_conversion_rounds_to_nearest_even) {
  const std::vector<float> x = {1.0f,          0x1.01p0f,      0x1.03p0f,
                                0x1.010002p0f, -0x1.fffffep0f, 0x1p-130f};
  const std::vector<uint16_t> expected = {0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xC000, 0x0008};
  for (const int64_t copies : {1, 7, 20000}) {
    std::vector<float> many;
    for (int64_t i = 0; i < copies; ++i) many.insert(many.end(), x.begin(), x.end());
    std::vector<BFloat16> out(many.size());
    ForEachSimdTarget([&] {
      ConvertToBF16(many.data(), static_cast<int64_t>(many.size()), out.data());
      bool equal = true;
      for (size_t i = 0; i < many.size(); ++i) equal &= out[i].bits == expected[i % x.size()];
      BOOST_TEST(equal);
    });
  }
}

}  // namespace
}  // namespace trit
