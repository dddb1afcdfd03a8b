// The matrix products of training, through oneDNN: tiles of rows times one operand that is packed
// once and used by many tiles.
//
//   c (rows, n) = or += a (rows, k) b (k, n)
//
// A tile has GemmTileRows() rows or, the last one, fewer; it is computed on the calling thread and
// always in the shape of a whole one, so a row of c depends on that row of a alone, neither on its
// place nor on the rows beside it, and not on the number of threads. Integer products are exact.
// Those of integer codes in f32 or bf16 are exact while max|a| * max|b| * k < 2^24.
#ifndef TRIT_TERNARY_KERNELS_GEMM_H_
#define TRIT_TERNARY_KERNELS_GEMM_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace trit {

struct BFloat16 {
  uint16_t bits;
};

// Types of a, b and c.
enum class GemmType : uint8_t {
  kU8S8,  // uint8, int8, int32
  kF32,   // float, float, float
  kBF16,  // bf16, bf16, float
};
template <typename T>
inline constexpr GemmType kGemmTypeOf = GemmType::kF32;
template <>
inline constexpr GemmType kGemmTypeOf<BFloat16> = GemmType::kBF16;

// Whether this CPU multiplies bf16 fast (asked of oneDNN once, by creating a product).
bool HasBF16Gemm();

// Rows of a tile.
int64_t GemmTileRows();

// How the elements of a packed f32 or bf16 operand lie: panels of `width` columns (the last one
// padded with zeros), each of `rows_together` rows' elements side by side, column after column,
// then the next rows; k is padded with zeros to `row_multiple`. Element (r, c):
//   (c / width) * padded_k * width + (r / rows_together) * width * rows_together
//     + c % width * rows_together + r % rows_together
struct PanelLayout {
  int64_t width;
  int64_t rows_together;
  int64_t row_multiple;
  int64_t PaddedRows(int64_t k) const {
    return (k + row_multiple - 1) / row_multiple * row_multiple;
  }
};

namespace internal {
class Product;
}

// The products of one shape. Cheap to copy; what is behind it lives as long as the process. Any
// number of threads may use it at the same time.
class TileProduct {
 public:
  TileProduct() = default;
  TileProduct(GemmType type, int64_t k, int64_t n);

  int64_t k() const { return k_; }
  int64_t n() const { return n_; }
  // Bytes of the packed operand, which begins on a cache line.
  size_t operand_bytes() const { return operand_bytes_; }
  // Not for kU8S8, whose layout is oneDNN's own; operand_conversion.h packs into it.
  PanelLayout layout() const;

  // Packs b for kU8S8, stored (n, k), rows `stride` apart. In parallel.
  void PackTransposed(const int8_t* b, int64_t stride, void* packed) const;

  // c has no gaps between rows.
  void Run(const uint8_t* a, int64_t rows, const void* b, int32_t* c) const;
  void Run(const float* a, int64_t rows, const void* b, bool accumulate, float* c) const;
  void Run(const BFloat16* a, int64_t rows, const void* b, bool accumulate, float* c) const;

  // oneDNN's name for what runs it, such as "brg:avx512_core_vnni".
  const std::string& implementation() const;

 private:
  template <typename A, typename C>
  void RunAs(const A* a, int64_t rows, const void* b, bool accumulate, C* c) const;

  GemmType type_ = GemmType::kF32;
  int64_t k_ = 0;
  int64_t n_ = 0;
  size_t operand_bytes_ = 0;
  const internal::Product* product_ = nullptr;
  const internal::Product* accumulating_ = nullptr;
};

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_GEMM_H_
