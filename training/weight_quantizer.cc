#include "training/weight_quantizer.h"

#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/int8_quantizer.h"
#include "training/lsq_quantizer.h"
#include "training/ternary_quantizer.h"

namespace trit {

WeightQuantizer::WeightQuantizer(int64_t rows, int64_t cols, ScaleKind scale_kind,
                                 int64_t group_size)
    : rows_(rows), cols_(cols), scale_kind_(scale_kind), group_size_(group_size) {
  TRIT_CHECK(scale_kind != ScaleKind::kGroup || (group_size >= 1 && cols % group_size == 0));
}

void WeightQuantizer::InitializeLearned(const float*, float*) const {}

void WeightQuantizer::Backward(const float*, const float*, float*, float*) const {}

int64_t WeightQuantizer::NumScales() const {
  switch (scale_kind_) {
    case ScaleKind::kTensor:
      return 1;
    case ScaleKind::kRow:
      return rows_;
    case ScaleKind::kGroup:
      return rows_ * (cols_ / group_size_);
  }
  return 0;
}

WeightScales WeightQuantizer::MakeScales() const {
  WeightScales scales;
  scales.kind = scale_kind_;
  scales.group_size = group_size_;
  scales.values = AlignedBuffer<float>(static_cast<size_t>(NumScales()));
  return scales;
}

std::unique_ptr<WeightQuantizer> MakeWeightQuantizer(const QuantizerChoice& choice,
                                                     const WeightInfo& info) {
  if (choice.weights == "none") return nullptr;
  const int64_t group_size = choice.granularity == ScaleKind::kGroup ? choice.group_size : 0;
  if (choice.granularity == ScaleKind::kGroup && (group_size < 1 || info.cols % group_size != 0)) {
    throw UsageError(ErrorInfo{.what = "the group size does not divide the row",
                               .key = "quantizer.granularity",
                               .tensor = info.name,
                               .expected = "a divisor of " + std::to_string(info.cols),
                               .found = std::to_string(group_size)});
  }
  if (choice.weights == "ternary") {
    return std::make_unique<TernaryQuantizer>(info.rows, info.cols, choice.granularity, group_size);
  }
  if (choice.weights == "int8") {
    return std::make_unique<Int8Quantizer>(info.rows, info.cols, choice.granularity, group_size);
  }
  if (choice.weights == "int4") {
    return std::make_unique<LsqQuantizer>(4, info.rows, info.cols, choice.granularity, group_size);
  }
  throw UsageError(ErrorInfo{.what = "unknown weight quantizer",
                             .key = "quantizer.weights",
                             .expected = "\"ternary\", \"none\", \"int8\" or \"int4\"",
                             .found = "\"" + choice.weights + "\""});
}

}  // namespace trit
