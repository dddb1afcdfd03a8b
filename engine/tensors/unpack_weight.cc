#include "engine/tensors/unpack_weight.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <vector>

#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

struct RowValues {};
struct RowCodes {};

// A row of numbers, on the calling thread.
std::span<const float> RowOf(const PackedMatrix& matrix, int64_t row) {
  float* values = ThreadScratch<RowValues, float>(matrix.cols);
  UnpackFloats(matrix, row, values);
  return {values, static_cast<size_t>(matrix.cols)};
}

// Whether all numbers of a matrix of floats are such.
template <typename Predicate>
bool AllOf(const PackedMatrix& matrix, const Predicate& predicate) {
  std::atomic<bool> all{true};
  ParallelFor(matrix.rows, [&](int64_t row) {
    if (!all) return;
    const std::span<const float> values = RowOf(matrix, row);
    if (!std::all_of(values.begin(), values.end(), predicate)) all = false;
  });
  return all;
}

}  // namespace

RowOrder::RowOrder(const Model& model, const WeightInfo& info, RopeStyle file_style)
    : from_(file_style), to_(file_style), head_dim_(model.config.head_dim) {
  if (info.kind != WeightKind::kLinear) return;
  const LayerWeights& layer = model.table.Layer(info.layer);
  if (info.id == layer.q_proj || info.id == layer.k_proj) to_ = model.config.rope_style;
}

int64_t RowOrder::operator()(int64_t row) const {
  if (from_ == to_) return row;
  const int64_t head = row / head_dim_ * head_dim_;
  const int64_t half = head_dim_ / 2;
  const int64_t place = row % head_dim_;
  // Pair i, side s is row 2 i + s of a head if pairs are interleaved, s * half + i if in halves.
  return head + (from_ == RopeStyle::kInterleaved ? place % 2 * half + place / 2
                                                  : place % half * 2 + place / half);
}

bool HoldsTrits(const PackedMatrix& matrix) {
  if (IsTernary(matrix.format)) return matrix.scales.offsets.empty();
  return matrix.format == WeightFormat::kBF16 &&
         AllOf(matrix, [](float v) { return v == 0 || v == 1 || v == -1; });
}

bool HoldsIntegers(const PackedMatrix& matrix) {
  if (HoldsTrits(matrix)) return false;
  if (TakesCodes(matrix.format)) return true;
  // A scale tells codes from bf16 weights that happen to be whole numbers.
  const bool scaled = matrix.scales.kind != ScaleKind::kTensor || matrix.scales.values[0] != 1.0f;
  return scaled && matrix.format == WeightFormat::kBF16 &&
         AllOf(matrix, [](float v) { return v >= -128 && v <= 127 && v == std::nearbyint(v); });
}

CodeSpan CodeSpanOf(const PackedMatrix& matrix) {
  if (matrix.format == WeightFormat::kInt8) return {-128, 127};
  if (IsTernary(matrix.format)) return {-1, 1};
  std::vector<CodeSpan> spans(static_cast<size_t>(matrix.rows));
  ParallelFor(matrix.rows, [&](int64_t row) {
    if (matrix.format == WeightFormat::kInt4) {
      int8_t* const codes = ThreadScratch<RowCodes, int8_t>(matrix.cols);
      UnpackCodes(matrix, row, codes);
      spans[static_cast<size_t>(row)] = SpanOf({codes, static_cast<size_t>(matrix.cols)});
      return;
    }
    const std::span<const float> values = RowOf(matrix, row);
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    spans[static_cast<size_t>(row)] = {static_cast<int32_t>(*min), static_cast<int32_t>(*max)};
  });
  // Codes of kInt4 are no trits, even if they are -1 to 1.
  CodeSpan all = matrix.format == WeightFormat::kInt4 ? CodeSpan{-2, 1} : spans[0];
  for (const CodeSpan& span : spans) {
    all = {std::min(all.min, span.min), std::max(all.max, span.max)};
  }
  return all;
}

AlignedBuffer<int8_t> UnpackCodes(const PackedMatrix& matrix, const RowOrder& order) {
  AlignedBuffer<int8_t> codes(static_cast<size_t>(matrix.rows * matrix.cols));
  if (TakesCodes(matrix.format)) {
    ParallelFor(matrix.rows, [&](int64_t row) {
      UnpackCodes(matrix, order(row), codes.data() + row * matrix.cols);
    });
    return codes;
  }
  ParallelFor(matrix.rows, [&](int64_t row) {
    const std::span<const float> values = RowOf(matrix, order(row));
    std::copy(values.begin(), values.end(), codes.data() + row * matrix.cols);
  });
  return codes;
}

WeightScales UnpackScales(const PackedMatrix& matrix, const RowOrder& order) {
  const WeightScales& from = matrix.scales;
  WeightScales scales{
      .kind = from.kind, .group_size = from.group_size, .values = {}, .offsets = {}};
  scales.values = AlignedBuffer<float>(from.values.size());
  scales.offsets = AlignedBuffer<float>(from.offsets.size());
  for (int64_t i = 0; i < static_cast<int64_t>(from.values.size()); ++i) {
    // Rows within a group; a single scale is row 0 of group 0.
    const int64_t group = i / matrix.rows * matrix.rows;
    const int64_t source = from.kind == ScaleKind::kTensor ? i : group + order(i - group);
    scales.values[static_cast<size_t>(i)] = from.values[static_cast<size_t>(source)];
    if (!from.offsets.empty()) {
      scales.offsets[static_cast<size_t>(i)] = from.offsets[static_cast<size_t>(source)];
    }
  }
  return scales;
}

void UnpackWeights(const PackedMatrix& matrix, int64_t row, float* values) {
  if (TakesCodes(matrix.format)) {
    AlignedBuffer<int8_t> codes(static_cast<size_t>(matrix.cols));
    UnpackCodes(matrix, row, codes.data());
    std::copy(codes.begin(), codes.end(), values);
  } else {
    UnpackFloats(matrix, row, values);
  }
  for (int64_t c = 0; c < matrix.cols; ++c) {
    const size_t index = ScaleIndex(matrix.scales, matrix.rows, row, c);
    values[c] *= matrix.scales.values[index];
    if (!matrix.scales.offsets.empty()) values[c] += matrix.scales.offsets[index];
  }
}

}  // namespace trit
