#include "training/quantizers/pack_quantized.h"

#include <algorithm>

#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"

namespace trit {

WeightScales CopyOf(const WeightScales& scales) {
  WeightScales copy{.kind = scales.kind, .group_size = scales.group_size, .values = {}};
  copy.values = AlignedBuffer<float>(scales.values.size());
  std::copy(scales.values.begin(), scales.values.end(), copy.values.begin());
  copy.offsets = AlignedBuffer<float>(scales.offsets.size());
  std::copy(scales.offsets.begin(), scales.offsets.end(), copy.offsets.begin());
  return copy;
}

PackedMatrix PackQuantized(const WeightQuantizer& quantizer, const int8_t* codes,
                           const WeightScales& scales, bool takes_codes) {
  const int64_t rows = quantizer.rows(), cols = quantizer.cols();
  const CodeSource source = [codes, cols](int64_t row, int8_t* out) {
    std::copy_n(codes + row * cols, cols, out);
  };
  if (!takes_codes) return PackCodesAsBF16(rows, cols, CopyOf(scales), source);
  const WeightFormat format = quantizer.min_code() == -1
                                  ? PreferredTernaryFormat(rows, scales)
                                  : IntegerFormat(quantizer.min_code(), quantizer.max_code());
  return PackCodes(format, rows, cols, CopyOf(scales), source);
}

}  // namespace trit
