#include "engine/tensors/pack_weight.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/tensors/dense_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/integer_tensor.h"
#include "engine/tensors/ternary_tensor.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternarize.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

[[noreturn]] void RefuseType(const StoredTensor& tensor, const char* expected) {
  throw Error(ErrorInfo{.what = "a tensor of this type is not possible here",
                        .file = tensor.origin.file,
                        .tensor = tensor.origin.tensor,
                        .expected = expected,
                        .found = std::string(InfoOf(tensor.type).name)});
}

struct ProjectionBytes {};

uint64_t SizeOf(const StoredTensor& tensor) {
  const int64_t dims[] = {tensor.cols, tensor.rows};
  const std::optional<uint64_t> size = TensorBytes(tensor.type, dims);
  TRIT_CHECK(size);  // readers have checked the shape
  return *size;
}

AlignedBuffer<uint8_t> ReadBytes(const StoredTensor& tensor) {
  AlignedBuffer<uint8_t> bytes(SizeOf(tensor));
  tensor.read(bytes.span());
  return bytes;
}

// Until the next projection is read: memory that is given back and taken anew for each of many
// would be cleared and paged in each time.
std::span<const uint8_t> ReadProjection(const StoredTensor& tensor) {
  const uint64_t size = SizeOf(tensor);
  const std::span<uint8_t> bytes(
      ThreadScratch<ProjectionBytes, uint8_t>(static_cast<int64_t>(size)), size);
  tensor.read(bytes);
  return bytes;
}

TensorView ViewOf(const StoredTensor& tensor, std::span<const uint8_t> bytes) {
  return {tensor.origin, tensor.type, tensor.rows, tensor.cols, bytes};
}

// As it is stored; read into its place, so that a large one is in memory once.
PackedMatrix ReadDense(const StoredTensor& tensor, WeightFormat format) {
  PackedMatrix matrix = AllocateDense(format, tensor.rows, tensor.cols);
  tensor.read(matrix.data.span());
  CheckFinite(ViewOf(tensor, matrix.data.span()));
  return matrix;
}

// In a wider format that has every value exactly.
PackedMatrix Widen(const TensorView& view) {
  CheckFinite(view);
  const bool to_q8_0 = HasExactQ8_0(view.type);
  PackedMatrix matrix =
      AllocateDense(to_q8_0 ? WeightFormat::kQ8_0 : WeightFormat::kF32, view.rows, view.cols);
  const int64_t row_bytes = DenseRowBytes(matrix.format, view.cols);
  ParallelFor(view.rows, [&](int64_t row) {
    uint8_t* const to = matrix.data.data() + row * row_bytes;
    if (to_q8_0) {
      ConvertToQ8_0(view.type,
                    view.bytes.data() + static_cast<uint64_t>(row) * RowBytes(view.type, view.cols),
                    view.cols, to);
    } else {
      DecodeFloats(view, row, reinterpret_cast<float*>(to));
    }
  });
  return matrix;
}

bool TakesIntegers(TensorType type, const PackOptions& options) {
  return options.integers && IsIntegerType(type) &&
         options.dense_activations != ActivationQuantizer::kNone;
}

void PackIntegers(const TensorView& view, const PackOptions& options, ModelWeight& weight) {
  const IntegerTensor integers(view);
  const CodeSpan span = integers.span();
  weight.activation_quantizer = options.dense_activations;
  weight.matrix =
      PackCodes(IntegerFormat(span.min, span.max), view.rows, view.cols, integers.ReadScales(),
                [&](int64_t row, int8_t* codes) { integers.DecodeCodes(row, codes); });
}

void PackTernaryType(const TensorView& view, const PackOptions& options, ModelWeight& weight) {
  const TernaryTensor tensor(view, options.i2s_layout);
  if (InfoOf(view.type).float_codec != nullptr && !tensor.HoldsTritsAlone()) {
    if (TakesIntegers(view.type, options)) {
      PackIntegers(view, options, weight);
      return;
    }
    weight.matrix = Widen(view);
    weight.activation_quantizer = options.dense_activations;
    return;
  }
  WeightScales scales = tensor.CheckAndReadScales();
  PackTrits(
      view.rows, view.cols, std::move(scales),
      [&](int64_t row, int8_t* trits) { tensor.DecodeTrits(row, trits); },
      options.ternary_activations, weight);
}

void PackLatent(const PackedMatrix& latent, const PackOptions& options, ModelWeight& weight) {
  const int64_t cols = latent.cols;
  AlignedBuffer<float> values(static_cast<size_t>(latent.rows * cols));
  ParallelFor(latent.rows,
              [&](int64_t row) { UnpackFloats(latent, row, values.data() + row * cols); });
  AlignedBuffer<int8_t> trits(values.size());
  WeightScales scales;
  scales.values = AlignedBuffer<float>(1);
  Ternarize(values.data(), latent.rows, cols, trits.data(), scales);
  PackTrits(
      latent.rows, cols, std::move(scales),
      [&](int64_t row, int8_t* codes) { std::copy_n(trits.data() + row * cols, cols, codes); },
      options.ternary_activations, weight);
}

void PackProjection(const StoredTensor& tensor, const PackOptions& options, ModelWeight& weight) {
  const bool integers = TakesIntegers(tensor.type, options);
  const std::optional<WeightFormat> format = DenseFormatOf(tensor.type);
  weight.activation_quantizer = options.dense_activations;
  if (!format || integers) {
    const std::span<const uint8_t> bytes = ReadProjection(tensor);
    const TensorView view = ViewOf(tensor, bytes);
    if (InfoOf(tensor.type).ternary_codec != nullptr) {
      PackTernaryType(view, options, weight);
    } else if (integers) {
      PackIntegers(view, options, weight);
    } else {
      weight.matrix = Widen(view);
    }
    return;
  }
  PackedMatrix dense = ReadDense(tensor, *format);
  if (options.latent) {
    PackLatent(dense, options, weight);
    return;
  }
  const TensorView view = ViewOf(tensor, dense.data.span());
  std::optional<WeightScales> scales;
  const bool blocks = *format == WeightFormat::kQ8_0 || *format == WeightFormat::kQ6_K;
  if (!blocks) scales = FindTernaryScales(view);
  if (scales) {
    PackTrits(
        view.rows, view.cols, std::move(*scales),
        [&](int64_t row, int8_t* trits) { DecodeSigns(view, row, trits); },
        options.dense_activations, weight);
  } else {
    weight.matrix = std::move(dense);
  }
}

}  // namespace

std::optional<WeightFormat> DenseFormatOf(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return WeightFormat::kF32;
    case TensorType::kF16:
      return WeightFormat::kF16;
    case TensorType::kBF16:
      return WeightFormat::kBF16;
    case TensorType::kQ8_0:
      return WeightFormat::kQ8_0;
    case TensorType::kQ6_K:
      return WeightFormat::kQ6_K;
    default:
      return std::nullopt;
  }
}

void PackTrits(int64_t rows, int64_t cols, WeightScales scales, const CodeSource& trits,
               ActivationQuantizer activations, ModelWeight& weight) {
  weight.activation_quantizer = activations;
  const WeightFormat format = PreferredTernaryFormat(rows, scales);
  weight.matrix = activations == ActivationQuantizer::kNone
                      ? PackCodesAsBF16(rows, cols, std::move(scales), trits)
                      : PackCodes(format, rows, cols, std::move(scales), trits);
}

void PackWeight(const WeightInfo& info, const StoredTensor& tensor, const PackOptions& options,
                ModelWeight& weight) {
  RequireDecodable(tensor.type, tensor.origin);
  if (info.kind == WeightKind::kLinear) {
    PackProjection(tensor, options, weight);
    return;
  }
  if (InfoOf(tensor.type).float_codec == nullptr) RefuseType(tensor, "a floating-point type");
  if (info.IsVector()) {
    const AlignedBuffer<uint8_t> bytes = ReadBytes(tensor);
    const TensorView view = ViewOf(tensor, bytes.span());
    CheckFinite(view);
    weight.vector = AlignedBuffer<float>(static_cast<size_t>(info.cols));
    DecodeFloats(view, 0, weight.vector.data());
  } else if (const std::optional<WeightFormat> format = DenseFormatOf(tensor.type)) {
    weight.matrix = ReadDense(tensor, *format);
  } else {
    const AlignedBuffer<uint8_t> bytes = ReadBytes(tensor);
    weight.matrix = Widen(ViewOf(tensor, bytes.span()));
  }
}

}  // namespace trit
