// The floating-point and integer matrix products of training, through oneDNN.
//
// Integer products are exact, so they may be split anyhow. Floating-point products run on tiles of
// about 128 whole rows of c, the last one padded, one thread a tile, each tile summing the whole
// inner dimension: a row of c depends on that row of a alone, not on M and not on the number of
// threads. (Few rows so cost as much as a tile: for those there is matmul_kernel.h.) Products of
// integer codes in f32 or bf16 are exact while max|a| * max|b| * K < 2^24. All matrices are
// row-major; "stride" counts elements between rows; those without gaps are not copied.
#ifndef TRIT_TERNARY_KERNELS_GEMM_H_
#define TRIT_TERNARY_KERNELS_GEMM_H_

#include <cstdint>
#include <string>

namespace trit {

struct BFloat16 {
  uint16_t bits;
};

// Round to nearest even, in parallel.
void ConvertToBF16(const float* x, int64_t n, BFloat16* out);

// Whether this CPU multiplies bf16 (asked of oneDNN once, by creating a product).
bool HasBF16Gemm();

// c[m][n] = sum_k a[m][k] * b[n][k]. a: (M, K) uint8; b: (N, K) int8; c: (M, N) int32.
void GemmU8S8(int64_t m, int64_t n, int64_t k, const uint8_t* a, int64_t a_stride, const int8_t* b,
              int64_t b_stride, int32_t* c, int64_t c_stride);

// Whether an operand is stored as it is named or transposed.
enum class Transpose : uint8_t { kNo, kYes };

// c = a b, or c += a b when accumulate. a is (M, K), stored (K, M) if a_transpose; b is (K, N),
// stored (N, K) if b_transpose; c: (M, N) f32.
void GemmF32(int64_t m, int64_t n, int64_t k, const float* a, int64_t a_stride,
             Transpose a_transpose, const float* b, int64_t b_stride, Transpose b_transpose,
             bool accumulate, float* c, int64_t c_stride);
// Needs HasBF16Gemm(). Accumulates in f32.
void GemmBF16(int64_t m, int64_t n, int64_t k, const BFloat16* a, int64_t a_stride,
              Transpose a_transpose, const BFloat16* b, int64_t b_stride, Transpose b_transpose,
              bool accumulate, float* c, int64_t c_stride);

// oneDNN's name for the implementation that runs the product of type "u8s8", "f32" or "bf16", such
// as "brg:avx512_core_vnni"; "none" if this CPU has none. For benches.
std::string GemmImplementation(const std::string& type, int64_t m, int64_t n, int64_t k);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_GEMM_H_
