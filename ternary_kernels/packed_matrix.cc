#include "ternary_kernels/packed_matrix.h"

#include "ternary_kernels/check.h"

namespace trit {

const char* WeightFormatName(WeightFormat format) {
  switch (format) {
    case WeightFormat::kTernary2Bit:
      return "ternary-2bit";
    case WeightFormat::kTernaryDense:
      return "ternary-dense";
    case WeightFormat::kTernaryQuad:
      return "ternary-quad";
    case WeightFormat::kTernaryLookup:
      return "ternary-lookup";
    case WeightFormat::kInt4:
      return "int4";
    case WeightFormat::kInt8:
      return "int8";
    case WeightFormat::kF32:
      return "f32";
    case WeightFormat::kF16:
      return "f16";
    case WeightFormat::kBF16:
      return "bf16";
    case WeightFormat::kQ8_0:
      return "q8_0";
    case WeightFormat::kQ6_K:
      return "q6_k";
  }
  TRIT_CHECK(!"no such weight format");
}

bool IsTernary(WeightFormat format) {
  return format == WeightFormat::kTernary2Bit || format == WeightFormat::kTernaryDense ||
         format == WeightFormat::kTernaryQuad || format == WeightFormat::kTernaryLookup;
}

WeightFormat IntegerFormat(int32_t min_code, int32_t max_code) {
  TRIT_CHECK(min_code >= -128 && max_code <= 127);
  return min_code >= -8 && max_code <= 7 ? WeightFormat::kInt4 : WeightFormat::kInt8;
}

bool TakesCodes(WeightFormat format) {
  return IsTernary(format) || format == WeightFormat::kInt4 || format == WeightFormat::kInt8;
}

}  // namespace trit
