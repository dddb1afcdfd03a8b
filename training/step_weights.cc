#include "training/step_weights.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ternary_kernels/check.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

// (groups, rows) sums of consecutive columns; one group is a whole row.
void SumCodes(const AlignedBuffer<int8_t>& codes, int64_t rows, int64_t cols, int64_t group_size,
              AlignedBuffer<int32_t>& sums) {
  ParallelForBlocks(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t g = 0; g < cols / group_size; ++g) {
        const int8_t* part = codes.data() + r * cols + g * group_size;
        int32_t sum = 0;
        for (int64_t i = 0; i < group_size; ++i) sum += part[i];
        sums[static_cast<size_t>(g * rows + r)] = sum;
      }
    }
  });
}

// codes * group scale, as floats.
void DequantizeGroups(const StepWeight& weight, int64_t rows, int64_t cols, float* out) {
  const int64_t group_size = weight.scales.group_size;
  ParallelForBlocks(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        out[r * cols + c] = static_cast<float>(weight.codes[static_cast<size_t>(r * cols + c)]) *
                            weight.scales.values[static_cast<size_t>(c / group_size * rows + r)];
      }
    }
  });
}

}  // namespace

StepWeights::StepWeights(const Parameters& parameters,
                         std::vector<std::unique_ptr<WeightQuantizer>> quantizers,
                         std::vector<ActivationQuantizer> activation_quantizers,
                         std::vector<WeightId> learned_scales, Precision precision)
    : parameters_(parameters),
      quantizers_(std::move(quantizers)),
      learned_scales_(std::move(learned_scales)),
      precision_(precision) {
  const WeightTable& table = parameters_.table();
  TRIT_CHECK(quantizers_.size() == table.size() && learned_scales_.size() == table.size() &&
             activation_quantizers.size() == table.size());
  weights_.resize(table.size());
  for (const WeightInfo& info : table.weights()) {
    if (info.IsVector()) continue;
    StepWeight& weight = weights_[static_cast<size_t>(info.id)];
    const size_t size = static_cast<size_t>(info.NumElements());
    weight.quantizer = quantizers_[static_cast<size_t>(info.id)].get();
    weight.activation_quantizer = activation_quantizers[static_cast<size_t>(info.id)];
    if (weight.quantizer != nullptr) {
      weight.codes = AlignedBuffer<int8_t>(size);
      weight.scales = weight.quantizer->MakeScales();
      const bool groups = weight.scales.kind == ScaleKind::kGroup;
      const int64_t num_groups = groups ? info.cols / weight.scales.group_size : 1;
      weight.code_sums = AlignedBuffer<int32_t>(static_cast<size_t>(num_groups * info.rows));
      weight.operand_is_codes = !groups;
    }
    if (precision_ == Precision::kBF16) {
      weight.operand_bf16 = AlignedBuffer<BFloat16>(size);
    } else if (weight.quantizer != nullptr) {
      weight.operand_f32 = AlignedBuffer<float>(size);
    }
  }
}

void StepWeights::Refresh() {
  for (const WeightInfo& info : parameters_.table().weights()) {
    if (!info.IsVector()) RefreshMatrix(info);
  }
}

void StepWeights::RefreshMatrix(const WeightInfo& info) {
  StepWeight& weight = weights_[static_cast<size_t>(info.id)];
  weight.packed = PackedMatrix();
  const float* latent = parameters_.Values(info.id).data();
  const int64_t size = info.NumElements();
  if (weight.quantizer == nullptr) {
    if (precision_ == Precision::kBF16) ConvertToBF16(latent, size, weight.operand_bf16.data());
    return;
  }
  const WeightId learned_id = learned_scales(info.id);
  const float* learned = learned_id == kNoWeight ? nullptr : parameters_.Values(learned_id).data();
  weight.quantizer->Quantize(latent, learned, weight.codes.data(), weight.scales);
  const int64_t group_size =
      weight.scales.kind == ScaleKind::kGroup ? weight.scales.group_size : info.cols;
  SumCodes(weight.codes, info.rows, info.cols, group_size, weight.code_sums);
  if (weight.operand_is_codes) {
    if (precision_ == Precision::kBF16) {
      CodesToBF16(weight.codes.data(), size, weight.operand_bf16.data());
    } else {
      CodesToF32(weight.codes.data(), size, weight.operand_f32.data());
    }
  } else if (precision_ == Precision::kBF16) {
    AlignedBuffer<float> values(static_cast<size_t>(size));
    DequantizeGroups(weight, info.rows, info.cols, values.data());
    ConvertToBF16(values.data(), size, weight.operand_bf16.data());
  } else {
    DequantizeGroups(weight, info.rows, info.cols, weight.operand_f32.data());
  }
}

PackedMatrix StepWeights::PackForInference(WeightId id) const {
  const StepWeight& weight = (*this)[id];
  const WeightInfo& info = parameters_.table()[id];
  if (weight.quantizer == nullptr) {
    PackedMatrix packed = AllocateDense(WeightFormat::kF32, info.rows, info.cols);
    std::memcpy(packed.data.data(), parameters_.Values(id).data(),
                static_cast<size_t>(info.NumElements()) * sizeof(float));
    return packed;
  }
  WeightScales scales = weight.quantizer->MakeScales();
  std::copy(weight.scales.values.begin(), weight.scales.values.end(), scales.values.begin());
  const CodeSource source = [&](int64_t row, int8_t* codes) {
    std::memcpy(codes, weight.codes.data() + row * info.cols, static_cast<size_t>(info.cols));
  };
  if (weight.activation_quantizer == ActivationQuantizer::kNone) {
    return PackCodesAsBF16(info.rows, info.cols, std::move(scales), source);
  }
  const WeightFormat format =
      weight.quantizer->max_code() == 1 ? PreferredTernaryFormat() : WeightFormat::kInt8;
  return PackCodes(format, info.rows, info.cols, std::move(scales), source);
}

const PackedMatrix& StepWeights::Packed(WeightId id) {
  StepWeight& weight = weights_[static_cast<size_t>(id)];
  if (weight.packed.rows == 0) weight.packed = PackForInference(id);
  return weight.packed;
}

}  // namespace trit
