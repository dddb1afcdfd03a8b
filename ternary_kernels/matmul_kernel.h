// Matmul kernels are a list: each entry names the weight format it reads, the token counts it is
// good for and what it supports; tests and benches iterate the list on every SIMD target, and the
// scalar reference of each format is its last entry and ships.
//
// With W a matrix of `rows` x `cols` and one token's activations x (floats) or (q, a) (codes):
//   dense formats   y[r] = s * sum_k W[r][k] * x[k]            16 partial sums: lane k % 16, each
//   in
//                                                              ascending k with fused multiply-add,
//                                                              then added pairwise (8, 4, 2, 1)
//   code formats    y[r] = float(sum_k W[r][k] * q[k]) * (s/a)       the sum is exact in int32
//   kGroup scales   y[r] = (sum_g float(sum_{k in g} ...) * s[g][r]) * (1/a)    ascending g
// and where codes have offsets o (weights are W * s + o), with Q the exact sums of q[k]:
//   code formats    y[r] = float(sum_k W[r][k] * q[k]) * (s/a) + float(Q) * (o/a)
//   kGroup scales   the term of g is followed by + float(Q[g]) * o[g][r], before that of g + 1
// then + residual[r] if there is one. Every operation here rounds by itself. A token's result
// depends on no other token, so any number of tokens in a call gives the same bits.
#ifndef TRIT_TERNARY_KERNELS_MATMUL_KERNEL_H_
#define TRIT_TERNARY_KERNELS_MATMUL_KERNEL_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "ternary_kernels/packed_matrix.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// One product for several tokens. Exactly one of `codes` and `floats` is set, as
// TakesCodes(weights->format) says.
struct MatmulCall {
  const PackedMatrix* weights = nullptr;
  int64_t num_tokens = 0;
  const ActivationCodes* codes = nullptr;
  const float* floats = nullptr;  // (num_tokens, weights->cols)
  int64_t floats_stride = 0;      // floats from one token to the next
  float* out = nullptr;           // (num_tokens, weights->rows)
  int64_t out_stride = 0;
  const float* residual = nullptr;  // (num_tokens, weights->rows), or none; may equal out
  int64_t residual_stride = 0;
};

// A part of a call's outputs: rows of the weights x tokens.
struct MatmulRange {
  int64_t row_begin, row_end;
  int64_t token_begin, token_end;
};

// What threads share out among them.
enum class MatmulSplit : uint8_t {
  kRows,          // small tasks of rows, each with all tokens
  kRowsOrTokens,  // a task of rows a thread, because a task has work to do before its first row; of
                  // many tokens, tasks of tokens, each with all rows
};

struct MatmulKernel {
  std::string_view name;  // "dot-2bit", unique in the list
  WeightFormat format;
  int64_t min_tokens;  // token counts it is meant for; it must be right for any
  int64_t max_tokens;
  int64_t row_multiple;  // a row range must begin at a multiple of this
  // Whether it can take these weights on the SIMD target in force.
  bool (*supports)(const PackedMatrix& weights);
  // On the calling thread.
  void (*run)(const MatmulCall& call, const MatmulRange& range);
  MatmulSplit split = MatmulSplit::kRows;
};

// In order of preference; for each format the last entry is the scalar reference, which supports
// everything.
std::span<const MatmulKernel> MatmulKernels();

// The first kernel of the list that fits; ForceMatmulKernel names one to be taken wherever its
// format and `supports` allow.
const MatmulKernel& ChooseMatmulKernel(const PackedMatrix& weights, int64_t num_tokens);
// Empty: back to choosing. Returns false if no kernel has that name.
bool ForceMatmulKernel(std::string_view name);

// The packed format ternary weights should get on this CPU: the format of the kernel forced, or
// what generates text fastest. With lookups in tables of 128 bytes (AVX3_DL) that is kTernaryDense,
// since memory is the limit and it has the fewest bytes; elsewhere, for few rows (making tables
// takes as long for one as for many), and for scale groups that do not consist of whole bytes,
// kTernary2Bit.
WeightFormat PreferredTernaryFormat(int64_t rows, const WeightScales& scales);

// Runs the call with the chosen kernel, rows in parallel.
void Matmul(const MatmulCall& call);
// The same with a given kernel.
void Matmul(const MatmulCall& call, const MatmulKernel& kernel);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_MATMUL_KERNEL_H_
