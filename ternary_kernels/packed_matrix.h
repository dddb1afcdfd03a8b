// A weight matrix as matmul kernels read it. Files keep the ecosystem's layouts; this is what they
// are repacked into at load. A layout depends on the format alone, never on the CPU or build flags.
#ifndef TRIT_TERNARY_KERNELS_PACKED_MATRIX_H_
#define TRIT_TERNARY_KERNELS_PACKED_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "ternary_kernels/aligned_buffer.h"

namespace trit {

// How the weights of one matrix lie in memory. One layout serves one, few and many tokens, so the
// format is what is chosen at load; the kernel (matmul_kernel.h) is chosen per call.
enum class WeightFormat : uint8_t {
  kTernary2Bit,    // trits, four a byte, 64 rows interleaved (bit_fields.h); int8 activations
  kTernaryDense,   // trits, five a byte (ternary_byte.h); int8 activations
  kTernaryQuad,    // trits, four a byte, for lookups in larger tables (ternary_byte.h); int8 too
  kTernaryLookup,  // trits, two a nibble, for table lookups (ternary_lookup.h); int8 activations
  kInt4,           // codes -8 to 7, two a byte, interleaved alike; int8 activations
  kInt8,           // codes -128 to 127, interleaved alike; int8 activations
  kF32,            // row after row; f32 activations, as in all formats below
  kF16,
  kBF16,
  kQ8_0,  // GGUF's blocks of 32: f16 scale, 32 int8
  kQ6_K,  // GGUF's blocks of 256: six bits a weight and two levels of scales (q6_k.h)
};

const char* WeightFormatName(WeightFormat format);
bool IsTernary(WeightFormat format);  // trits
// The narrowest format of int8 activations that holds the integers [min_code, max_code], but trits,
// for which PreferredTernaryFormat (matmul_kernel.h) chooses.
WeightFormat IntegerFormat(int32_t min_code, int32_t max_code);
// Whether activations must come as int8 codes (else as floats).
bool TakesCodes(WeightFormat format);

// Which weights share a scale.
enum class ScaleKind : uint8_t {
  kTensor,  // scales[0]
  kRow,     // scales[row]
  kGroup,   // scales[(col / group_size) * rows + row]: groups of consecutive columns
};

// What makes weights of codes: weight = code * scale + offset. `values` are the scales, as
// ScaleKind says; formats whose blocks carry scales (kQ8_0, kQ6_K), and plain floats, have kTensor
// with the single scale 1.
struct WeightScales {
  ScaleKind kind = ScaleKind::kTensor;
  int64_t group_size = 0;  // columns a group, kGroup only; divides the number of columns
  AlignedBuffer<float> values;
  // Empty (symmetric, all 0), or one a scale in the same order; formats of codes only.
  AlignedBuffer<float> offsets = {};
};

struct PackedMatrix {
  WeightFormat format = WeightFormat::kF32;
  int64_t rows = 0;  // out_features
  int64_t cols = 0;  // in_features
  WeightScales scales;
  AlignedBuffer<uint8_t> data;
};

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_PACKED_MATRIX_H_
