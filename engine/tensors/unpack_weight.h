// The weights of a model back out of their packed form, for writers of files.
#ifndef TRIT_ENGINE_TENSORS_UNPACK_WEIGHT_H_
#define TRIT_ENGINE_TENSORS_UNPACK_WEIGHT_H_

#include <cstdint>

#include "engine/model.h"
#include "engine/tensors/integer_tensor.h"
#include "engine/tensors/tensor_type.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/packed_matrix.h"
#include "ternary_kernels/rope.h"

namespace trit {

// The order a file wants a matrix's rows in. Formats differ in which elements of a head rotary
// embedding pairs; rows of the query and key projections are permuted from one style to the other,
// all others stay.
class RowOrder {
 public:
  RowOrder(const Model& model, const WeightInfo& info, RopeStyle file_style);
  // The model's row that is `row` of the file.
  int64_t operator()(int64_t row) const;
  bool is_identity() const { return from_ == to_; }

 private:
  RopeStyle from_, to_;
  int64_t head_dim_;
};

// Whether inference holds the matrix as trits and scales: as codes, or as the numbers -1, 0 and 1
// because its inputs are floats.
bool HoldsTrits(const PackedMatrix& matrix);

// Likewise integers of 8 bits or fewer that are no trits, or trits with offsets.
bool HoldsIntegers(const PackedMatrix& matrix);

// The codes that such integers have; of kInt8 those they may have, of kInt4 at least -2 to 1.
CodeSpan CodeSpanOf(const PackedMatrix& matrix);

// Codes (rows, cols) of a matrix that HoldsTrits or HoldsIntegers, and its scales, rows in the
// file's order.
AlignedBuffer<int8_t> UnpackCodes(const PackedMatrix& matrix, const RowOrder& order);
WeightScales UnpackScales(const PackedMatrix& matrix, const RowOrder& order);

// A row's weights themselves, scales included. values: (cols).
void UnpackWeights(const PackedMatrix& matrix, int64_t row, float* values);

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_UNPACK_WEIGHT_H_
