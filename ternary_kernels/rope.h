// Rotary position embedding (Su et al. 2021) on queries and keys.
// Pair i of a head of dimension D turns by angle position * base^(-2i/D) / frequency_factor[i].
#ifndef TRIT_TERNARY_KERNELS_ROPE_H_
#define TRIT_TERNARY_KERNELS_ROPE_H_

#include <cstdint>
#include <span>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

enum class RopeStyle : uint8_t {
  kHalves,       // pairs (i, i + D/2): Hugging Face, GGUF's "neox"
  kInterleaved,  // pairs (2i, 2i + 1): llama.cpp's llama
};

// Cosines and sines of all positions, computed in double and rounded once.
class RopeTable {
 public:
  // frequency_factors: (head_dim / 2), or empty for all 1 (GGUF's rope_freqs.weight).
  RopeTable(int64_t head_dim, double base, int64_t max_positions,
            std::span<const float> frequency_factors = {});
  int64_t head_dim() const { return head_dim_; }
  int64_t max_positions() const { return max_positions_; }
  const float* Cos(int64_t position) const { return cos_.data() + position * head_dim_ / 2; }
  const float* Sin(int64_t position) const { return sin_.data() + position * head_dim_ / 2; }

 private:
  int64_t head_dim_;
  int64_t max_positions_;
  AlignedBuffer<float> cos_, sin_;  // (max_positions, head_dim / 2)
};

// Turns x in place. x: (rows, num_heads * head_dim), rows x_stride floats apart; positions: (rows),
// each below table.max_positions().
void RopeForward(const RopeTable& table, RopeStyle style, const int32_t* positions, int64_t rows,
                 int64_t num_heads, float* x, int64_t x_stride);
// The transpose (turns back): gradients in place.
void RopeBackward(const RopeTable& table, RopeStyle style, const int32_t* positions, int64_t rows,
                  int64_t num_heads, float* dx, int64_t x_stride);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_ROPE_H_
