#include "training/quantizers/weight_quantizer.h"

#include "engine/error.h"
#include "ternary_kernels/check.h"
#include "training/quantizers/binary_quantizer.h"
#include "training/quantizers/calibrated_quantizer.h"
#include "training/quantizers/lsq_quantizer.h"
#include "training/quantizers/ternary_quantizer.h"

namespace trit {

WeightQuantizer::WeightQuantizer(const WeightShape& shape, const WeightWidth& width)
    : shape_(shape), width_(width) {
  TRIT_CHECK(shape.scale_kind != ScaleKind::kGroup ||
             (shape.group_size >= 1 && shape.cols % shape.group_size == 0));
}

void WeightQuantizer::InitializeLearned(const float*, float*) const {}

void WeightQuantizer::Backward(const float*, const WeightScales&, float*, float*) const {}

int64_t WeightQuantizer::NumScales() const {
  switch (scale_kind()) {
    case ScaleKind::kTensor:
      return 1;
    case ScaleKind::kRow:
      return rows();
    case ScaleKind::kGroup:
      return rows() * SpansPerRow();
  }
  return 0;
}

size_t WeightQuantizer::ScaleIndex(int64_t row, int64_t span) const {
  switch (scale_kind()) {
    case ScaleKind::kTensor:
      return 0;
    case ScaleKind::kRow:
      return static_cast<size_t>(row);
    case ScaleKind::kGroup:
      return static_cast<size_t>(span * rows() + row);
  }
  return 0;
}

WeightScales WeightQuantizer::MakeScales() const {
  WeightScales scales;
  scales.kind = shape_.scale_kind;
  scales.group_size = shape_.group_size;
  scales.values = AlignedBuffer<float>(static_cast<size_t>(NumScales()));
  if (!symmetric()) scales.offsets = AlignedBuffer<float>(static_cast<size_t>(NumScales()));
  return scales;
}

std::unique_ptr<WeightQuantizer> MakeWeightQuantizer(const QuantizerChoice& choice,
                                                     const WeightInfo& info) {
  if (choice.weights == "none") return nullptr;
  const WeightScheme scheme = SchemeOf(choice);
  const int64_t group_size = choice.granularity == ScaleKind::kGroup ? choice.group_size : 0;
  if (choice.granularity == ScaleKind::kGroup && (group_size < 1 || info.cols % group_size != 0)) {
    throw UsageError(ErrorInfo{.what = "the group size does not divide the row",
                               .key = "quantizer.granularity",
                               .tensor = info.name,
                               .expected = "a divisor of " + std::to_string(info.cols),
                               .found = std::to_string(group_size)});
  }
  const WeightShape shape{info.rows, info.cols, choice.granularity, group_size, choice.symmetric};
  switch (scheme.rule) {
    case ScaleRule::kAbsMean:
      if (choice.weights == "binary")
        return std::make_unique<BinaryQuantizer>(shape, *scheme.width);
      return std::make_unique<TernaryQuantizer>(shape, *scheme.width);
    case ScaleRule::kMinMax:
    case ScaleRule::kPercentile:
    case ScaleRule::kMse:
      return std::make_unique<CalibratedQuantizer>(shape, *scheme.width, scheme.rule,
                                                   choice.percentile / 100);
    case ScaleRule::kLearned:
      return std::make_unique<LsqQuantizer>(shape, *scheme.width);
  }
  return nullptr;
}

}  // namespace trit
