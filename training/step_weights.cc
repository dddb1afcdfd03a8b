#include "training/step_weights.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ternary_kernels/check.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"
#include "training/quantizers/pack_quantized.h"
#include "training/quantizers/table_quantizer.h"

namespace trit {
namespace {

struct DequantizedRows {};

constexpr int64_t kRowsPerTask = 64;  // a multiple of what PackRows asks for

// Rows [begin, end) of w_hat = codes * scale + offset, as floats.
void Dequantize(const StepWeight& weight, const WeightInfo& info, int64_t begin, int64_t end,
                float* out) {
  const WeightScales& scales = weight.scales;
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t c = 0; c < info.cols; ++c) {
      const size_t at = ScaleIndex(scales, info.rows, r, c);
      const auto code = static_cast<float>(weight.codes[static_cast<size_t>(r * info.cols + c)]);
      const float value = code * scales.values[at];
      *out++ = scales.offsets.empty() ? value : value + scales.offsets[at];
    }
  }
}

// The same of w + share (w_hat - w); latent: w, (rows, cols).
void Blend(const StepWeight& weight, const WeightInfo& info, const float* latent, float share,
           int64_t begin, int64_t end, float* out) {
  Dequantize(weight, info, begin, end, out);
  if (share == 1) return;
  const float* w = latent + begin * info.cols;
  for (int64_t i = 0; i < (end - begin) * info.cols; ++i) out[i] = w[i] + share * (out[i] - w[i]);
}

FloatOperand MakeOperand(Precision precision, int64_t k, int64_t n) {
  FloatOperand operand;
  operand.product =
      TileProduct(precision == Precision::kBF16 ? GemmType::kBF16 : GemmType::kF32, k, n);
  operand.packed = AlignedBuffer<std::byte>(operand.product.operand_bytes());
  return operand;
}

// Rows [begin, end) of a matrix, given as codes or as floats, into its operands.
template <typename T, typename Source>
void PackBlock(const Source* x, const WeightInfo& info, int64_t begin, int64_t end,
               StepWeight& weight) {
  T* backward = reinterpret_cast<T*>(weight.backward.packed.data());
  const int64_t padded_end =
      end == info.rows ? weight.backward.product.layout().PaddedRows(end) : end;
  PackRows(weight.backward.product, x, info.cols, begin, end, padded_end, backward);
  if (!weight.forward.packed.empty()) {
    PackColumns(weight.forward.product, x, begin, end,
                reinterpret_cast<T*>(weight.forward.packed.data()));
  }
}

}  // namespace

StepWeights::StepWeights(const Parameters& parameters, std::vector<MatrixQuantizers> quantizers,
                         Precision precision)
    : parameters_(parameters), quantizers_(std::move(quantizers)), precision_(precision) {
  const WeightTable& table = parameters_.table();
  TRIT_CHECK(quantizers_.size() == table.size());
  weights_.resize(table.size());
  for (const WeightInfo& info : table.weights()) {
    if (info.IsVector()) continue;
    StepWeight& weight = weights_[static_cast<size_t>(info.id)];
    weight.quantizer = this->quantizers(info.id).weights.get();
    weight.activations.quantizer = this->quantizers(info.id).activations;
    if (weight.quantizer != nullptr) {
      weight.codes = AlignedBuffer<int8_t>(static_cast<size_t>(info.NumElements()));
      weight.scales = weight.quantizer->MakeScales();
    }
    if (!IsMultiplied(info)) continue;
    weight.backward = MakeOperand(precision_, info.rows, info.cols);
    if (weight.activations.TakesCodes()) {
      const bool grouped = weight.scales.kind == ScaleKind::kGroup;
      weight.integers =
          LinearCodes(info.rows, info.cols, grouped ? weight.scales.group_size : info.cols);
    }
  }
}

// An embedding that is not the head as well is only looked up.
bool StepWeights::IsMultiplied(const WeightInfo& info) const {
  return info.kind == WeightKind::kLinear || info.id == parameters_.table().lm_head();
}

void StepWeights::Refresh() {
  for (const WeightInfo& info : parameters_.table().weights()) {
    if (!info.IsVector()) RefreshMatrix(info);
  }
}

void StepWeights::RefreshMatrix(const WeightInfo& info) {
  StepWeight& weight = weights_[static_cast<size_t>(info.id)];
  weight.packed = PackedMatrix();
  const WeightId range_id = quantizers(info.id).input_range;
  if (range_id != kNoWeight) {
    weight.activations.static_scale = StaticActivationScale(parameters_.Values(range_id)[0]);
  }
  if (weight.quantizer != nullptr) {
    const WeightId learned_id = quantizers(info.id).learned_scales;
    weight.quantizer->Quantize(
        parameters_.Values(info.id).data(),
        learned_id == kNoWeight ? nullptr : parameters_.Values(learned_id).data(),
        weight.codes.data(), weight.scales);
    if (info.kind != WeightKind::kLinear) RoundTableScales(weight.scales);
    if (!weight.integers.empty()) weight.integers.Pack(weight.codes.data());
  }
  if (weight.backward.packed.empty()) return;
  weight.operand_is_codes =
      weight.quantizer != nullptr && share_ == 1 && info.kind == WeightKind::kLinear &&
      weight.scales.kind != ScaleKind::kGroup && weight.scales.offsets.empty();
  if (weight.activations.TakesCodes() && share_ == 1) {
    weight.forward = FloatOperand();
  } else if (weight.forward.packed.empty()) {
    weight.forward = MakeOperand(precision_, info.cols, info.rows);
  }
  if (precision_ == Precision::kBF16) {
    PackOperands<BFloat16>(info);
  } else {
    PackOperands<float>(info);
  }
}

template <typename T>
void StepWeights::PackOperands(const WeightInfo& info) {
  StepWeight& weight = weights_[static_cast<size_t>(info.id)];
  const float* latent = parameters_.Values(info.id).data();
  ParallelForBlocks(info.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    if (weight.quantizer == nullptr || share_ == 0) {
      PackBlock<T>(latent + begin * info.cols, info, begin, end, weight);
    } else if (weight.operand_is_codes) {
      PackBlock<T>(weight.codes.data() + begin * info.cols, info, begin, end, weight);
    } else {
      float* values = ThreadScratch<DequantizedRows, float>(kRowsPerTask * info.cols);
      Blend(weight, info, latent, share_, begin, end, values);
      PackBlock<T>(values, info, begin, end, weight);
    }
  });
}

void StepWeights::LookUp(WeightId id, std::span<const int32_t> tokens, float* out) const {
  const WeightInfo& info = parameters_.table()[id];
  const float* latent = parameters_.Values(id).data();
  ParallelFor(std::ssize(tokens), [&](int64_t r) {
    const int64_t token = tokens[static_cast<size_t>(r)];
    Blend((*this)[id], info, latent, share_, token, token + 1, out + r * info.cols);
  });
}

PackedMatrix StepWeights::PackFloats(WeightId id) const { return PackFloats(id, share_); }

PackedMatrix StepWeights::PackFloats(WeightId id, float share) const {
  const StepWeight& weight = (*this)[id];
  const WeightInfo& info = parameters_.table()[id];
  const float* latent = parameters_.Values(id).data();
  PackedMatrix packed = AllocateDense(WeightFormat::kF32, info.rows, info.cols);
  auto* values = reinterpret_cast<float*>(packed.data.data());
  ParallelForBlocks(info.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    if (weight.quantizer == nullptr || share == 0) {
      std::copy(latent + begin * info.cols, latent + end * info.cols, values + begin * info.cols);
    } else {
      Blend(weight, info, latent, share, begin, end, values + begin * info.cols);
    }
  });
  return packed;
}

PackedMatrix StepWeights::PackForInference(WeightId id) const {
  const StepWeight& weight = (*this)[id];
  const WeightInfo& info = parameters_.table()[id];
  const bool asymmetric = !weight.scales.offsets.empty();
  if (weight.quantizer == nullptr || (asymmetric && !weight.activations.TakesCodes())) {
    return PackFloats(id, 1);
  }
  if (info.kind != WeightKind::kLinear) {
    return PackTable(info, weight.codes.data(), weight.scales);
  }
  return PackQuantized(*weight.quantizer, weight.codes.data(), weight.scales,
                       weight.activations.TakesCodes());
}

const PackedMatrix& StepWeights::Packed(WeightId id) {
  StepWeight& weight = weights_[static_cast<size_t>(id)];
  if (weight.packed.rows == 0) weight.packed = PackForInference(id);
  return weight.packed;
}

}  // namespace trit
