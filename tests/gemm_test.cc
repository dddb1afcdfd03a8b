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

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/half_float.h"
#include "ternary_kernels/operand_conversion.h"
#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

struct Shape {
  int64_t k, n;
};
const Shape kShapes[] = {{1, 1},   {3, 17},   {100, 1}, {17, 100},  {257, 15}, {15, 257},
                         {64, 33}, {128, 64}, {1, 3},   {100, 130}, {384, 65}, {640, 192}};

float ToFloat(float x) { return x; }
float ToFloat(BFloat16 x) { return FloatFromBF16(x.bits); }

// Round to nearest even, as the header promises.
float Rounded(float x, float) { return x; }
float Rounded(float x, BFloat16) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

// A left operand of T.
template <typename T>
std::vector<T> Converted(const std::vector<float>& x) {
  std::vector<T> out(x.size());
  ScaleRows(x.data(), 1, static_cast<int64_t>(x.size()), {}, out.data());
  return out;
}

// b (k, n) packed in one of the two ways, in pieces.
template <typename T, typename Source>
AlignedBuffer<T> Packed(const TileProduct& product, const std::vector<Source>& b, bool transposed) {
  AlignedBuffer<T> packed(product.operand_bytes() / sizeof(T));
  const int64_t k = product.k(), n = product.n();
  if (transposed) {
    std::vector<Source> stored(b.size());
    for (int64_t r = 0; r < k; ++r) {
      for (int64_t c = 0; c < n; ++c) stored[c * k + r] = b[r * n + c];
    }
    for (int64_t begin = 0; begin < n; begin += 36) {
      PackColumns(product, stored.data() + begin * k, begin, std::min(n, begin + 36),
                  packed.data());
    }
    return packed;
  }
  // What is packed again must not show what was there.
  for (T& v : packed) std::memset(&v, 0xff, sizeof(T));
  constexpr int64_t kRows = 64;
  for (int64_t begin = 0; begin < k; begin += kRows) {
    const int64_t end = std::min(k, begin + kRows);
    const int64_t padded = end == k ? product.layout().PaddedRows(k) : end;
    PackRows(product, b.data() + begin * n, n, begin, end, padded, packed.data());
  }
  return packed;
}

template <typename T>
struct Problem {
  explicit Problem(Shape shape)
      : k(shape.k),
        n(shape.n),
        rows(GemmTileRows()),
        a(RandomFloats(rows * k, 1.0f, 1)),
        b(RandomFloats(k * n, 1.0f, 2)),
        c(RandomFloats(rows * n, 1.0f, 3)),
        product(kGemmTypeOf<T>, k, n) {}

  // c after the product of rows [begin, end); the other rows as they were.
  std::vector<float> Run(const AlignedBuffer<T>& packed, bool accumulate, int64_t begin,
                         int64_t end) const {
    std::vector<float> out = c;
    product.Run(Converted<T>(a).data() + begin * k, end - begin, packed.data(), accumulate,
                out.data() + begin * n);
    return out;
  }

  int64_t k, n, rows;
  std::vector<float> a, b, c;
  TileProduct product;
};

// A sum of k products in any order has an error of at most k + 1 roundings of the sum of absolute
// values (one more with what was in c).
template <typename T>
void CheckValues() {
  for (const Shape shape : kShapes) {
    const Problem<T> problem(shape);
    for (const bool transposed : {false, true}) {
      BOOST_TEST_CONTEXT("k " << shape.k << ", n " << shape.n << ", transposed " << transposed) {
        const AlignedBuffer<T> packed = Packed<T>(problem.product, problem.b, transposed);
        for (const bool accumulate : {false, true}) {
          const std::vector<float> c = problem.Run(packed, accumulate, 0, problem.rows);
          for (int64_t i = 0; i < problem.rows * shape.n; ++i) {
            double expected = accumulate ? problem.c[i] : 0.0, size = std::abs(expected);
            for (int64_t q = 0; q < shape.k; ++q) {
              const double term = double{Rounded(problem.a[i / shape.n * shape.k + q], T{})} *
                                  double{Rounded(problem.b[q * shape.n + i % shape.n], T{})};
              expected += term;
              size += std::abs(term);
            }
            CheckWithin(c[i], expected, static_cast<double>(shape.k + 2) * kUnitRoundoff * size);
          }
        }
      }
    }
  }
}

// Rows alone and in other company, at other places of a tile, have the same bits; rows beside them
// are not touched.
template <typename T>
void CheckBits() {
  for (const Shape shape : {Shape{100, 130}, Shape{640, 192}, Shape{2560, 96}}) {
    const Problem<T> problem(shape);
    const AlignedBuffer<T> packed = Packed<T>(problem.product, problem.b, false);
    for (const bool accumulate : {false, true}) {
      const std::vector<float> whole = problem.Run(packed, accumulate, 0, problem.rows);
      for (const auto& [begin, end] :
           {std::pair<int64_t, int64_t>{5, 6}, {problem.rows / 3, problem.rows}, {0, 31}}) {
        const std::vector<float> part = problem.Run(packed, accumulate, begin, end);
        for (int64_t i = 0; i < problem.rows * shape.n; ++i) {
          const bool inside = i / shape.n >= begin && i / shape.n < end;
          BOOST_REQUIRE(part[i] == (inside ? whole[i] : problem.c[i]));
        }
      }
    }
  }
}

// Codes as floats give exact integers while they stay below 2^24.
template <typename T>
void CheckCodes() {
  for (const Shape shape : {Shape{2560, 70}, Shape{100, 130}, Shape{33, 5}}) {
    for (const bool transposed : {false, true}) {
      Problem<T> problem(shape);
      std::mt19937 random(7);
      for (float& v : problem.a) v = static_cast<float>(random() % 256) - 128.0f;
      std::vector<int8_t> codes(problem.b.size());
      for (int8_t& v : codes) v = static_cast<int8_t>(random());
      const std::vector<float> c =
          problem.Run(Packed<T>(problem.product, codes, transposed), false, 0, problem.rows);
      for (int64_t i = 0; i < problem.rows * shape.n; ++i) {
        double sum = 0;
        for (int64_t q = 0; q < shape.k; ++q) {
          sum += double{problem.a[i / shape.n * shape.k + q]} * codes[q * shape.n + i % shape.n];
        }
        BOOST_REQUIRE(c[i] == sum);
      }
    }
  }
}

template <typename T>
void CheckType() {
  ForEachSimdTarget([] {
    CheckValues<T>();
    CheckCodes<T>();
  });
  CheckBits<T>();
}

BOOST_AUTO_TEST_CASE(f32) { CheckType<float>(); }

BOOST_AUTO_TEST_CASE(bf16) {
  if (HasBF16Gemm()) CheckType<BFloat16>();
}

// Every u8 and s8 is allowed, so that two products do not fit int16.
BOOST_AUTO_TEST_CASE(u8s8_is_exact) {
  std::mt19937 random(8);
  for (const Shape shape : kShapes) {
    const TileProduct product(GemmType::kU8S8, shape.k, shape.n);
    for (const int64_t gap : {0, 3}) {
      for (const std::string kind : {"highest", "lowest", "random", "trits"}) {
        for (const int64_t rows : {GemmTileRows(), int64_t{7}}) {
          std::vector<uint8_t> a(static_cast<size_t>(rows * shape.k));
          std::vector<int8_t> b(static_cast<size_t>(shape.n * (shape.k + gap)));
          for (uint8_t& v : a) v = kind == "random" ? static_cast<uint8_t>(random()) : 255;
          for (int8_t& v : b) {
            v = kind == "highest"  ? int8_t{127}
                : kind == "lowest" ? int8_t{-128}
                : kind == "random" ? static_cast<int8_t>(random())
                                   : static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
          }
          AlignedBuffer<std::byte> packed(product.operand_bytes());
          product.PackTransposed(b.data(), shape.k + gap, packed.data());
          std::vector<int32_t> c(static_cast<size_t>(rows * shape.n), -5);
          product.Run(a.data(), rows, packed.data(), c.data());
          bool exact = true;
          for (int64_t i = 0; i < rows * shape.n; ++i) {
            int32_t sum = 0;
            for (int64_t q = 0; q < shape.k; ++q) {
              sum += a[i / shape.n * shape.k + q] * b[i % shape.n * (shape.k + gap) + q];
            }
            exact &= c[i] == sum;
          }
          BOOST_TEST(exact, kind << ", k " << shape.k << ", n " << shape.n << ", rows " << rows);
        }
      }
    }
  }
}

template <typename T>
void CheckConversions() {
  const std::vector<float> values = {1.0f,           0x1.01p0f, 0x1.03p0f, 0x1.010002p0f,
                                     -0x1.fffffep0f, 0x1p-130f, -3e38f,    0.1f};
  for (const auto& [rows, cols] :
       {std::pair<int64_t, int64_t>{1, 1}, {7, 100}, {64, 48}, {75, 33}}) {
    std::vector<float> x(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < x.size(); ++i) x[i] = values[i % values.size()];
    const std::vector<float> row = RandomFloats(rows, 1.0f, 4);
    const std::vector<float> col = RandomFloats(cols, 1.0f, 5);
    const int64_t padded = rows + 5, stride = rows + 8;
    std::vector<T> scaled(x.size()), transposed(static_cast<size_t>(cols * stride), T{});
    ScaleRows(x.data(), rows, cols, {row.data(), col.data(), 0.5f}, scaled.data());
    TransposeRows(x.data(), rows, cols, row.data(), padded, transposed.data(), stride);
    bool equal = true;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        const float with_row = x[r * cols + c] * row[r];
        equal &= ToFloat(scaled[r * cols + c]) == Rounded(with_row * col[c] * 0.5f, T{});
        equal &= ToFloat(transposed[c * stride + r]) == Rounded(with_row, T{});
      }
    }
    for (int64_t c = 0; c < cols; ++c) {
      for (int64_t r = rows; r < padded; ++r) equal &= ToFloat(transposed[c * stride + r]) == 0;
    }
    BOOST_TEST(equal, rows << " rows, " << cols << " columns");
  }
}

BOOST_AUTO_TEST_CASE(conversions) {
  ForEachSimdTarget([] {
    CheckConversions<float>();
    CheckConversions<BFloat16>();
  });
}

}  // namespace
}  // namespace trit
