// 16-bit floating-point numbers as exact floats: IEEE binary16 (f16) and bfloat16 (bf16). Scalar;
// kernels have vector versions of the same.
#ifndef TRIT_TERNARY_KERNELS_HALF_FLOAT_H_
#define TRIT_TERNARY_KERNELS_HALF_FLOAT_H_

#include <bit>
#include <cstdint>

namespace trit {

inline float FloatFromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

inline float FloatFromF16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t magnitude = uint32_t{bits & 0x7FFFu}
                             << 13;  // exponent and mantissa, float's places
  const uint32_t exponent = bits & 0x7C00u;
  if (exponent == 0x7C00u) return std::bit_cast<float>(sign | magnitude | 0x7F800000u);
  // The exponent bias differs by 112; a multiplication corrects it and normalizes subnormals.
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_HALF_FLOAT_H_
