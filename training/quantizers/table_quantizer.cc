#include "training/quantizers/table_quantizer.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/integer_tensor.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/pack_matrix.h"
#include "training/quantizers/pack_quantized.h"

namespace trit {
namespace {

constexpr int64_t kTableBlock = 32;  // columns of a block of q8_0 and q4_0

}  // namespace

std::unique_ptr<WeightQuantizer> MakeTableQuantizer(const QuantizerChoice& choice,
                                                    const WeightInfo& info) {
  const auto refuse = [&](const char* key, const std::string& expected, const std::string& found,
                          const char* hint =
                              "a rule for it may stand before the one that matches") {
    throw UsageError(ErrorInfo{.what = "embeddings and the head cannot be quantized so",
                               .key = std::string("quantizer.rule.") + key,
                               .tensor = info.name,
                               .expected = expected,
                               .found = found,
                               .hint = hint});
  };
  if (choice.weights == "none") return nullptr;
  if (choice.weights != "int8" && choice.weights != "int4") {
    refuse("weights", "\"int8\", \"int4\" or \"none\"", '"' + choice.weights + '"');
  }
  if (!choice.symmetric) refuse("symmetric", "true", "false", "its rule may say so");
  const bool grouped = choice.granularity == ScaleKind::kGroup;
  const int64_t shared = grouped ? choice.group_size : info.cols;
  if (shared % kTableBlock != 0) {
    refuse(grouped ? "granularity" : "weights",
           "scales of a multiple of " + std::to_string(kTableBlock) + " columns",
           std::to_string(shared));
  }
  return MakeWeightQuantizer(choice, info);
}

void RoundTableScales(WeightScales& scales) {
  for (float& scale : scales.values) scale = F16ToF32(F32ToF16(scale));
}

PackedMatrix PackTable(const WeightInfo& info, const int8_t* codes, const WeightScales& scales) {
  IntegerMatrix integers{.rows = info.rows,
                         .cols = info.cols,
                         .codes = AlignedBuffer<int8_t>(static_cast<size_t>(info.NumElements())),
                         .scales = CopyOf(scales)};
  std::copy_n(codes, info.NumElements(), integers.codes.data());
  const AlignedBuffer<uint8_t> blocks =
      EncodeIntegers(TensorType::kQ8_0, integers, {"", info.name});
  PackedMatrix packed = AllocateDense(WeightFormat::kQ8_0, info.rows, info.cols);
  std::copy(blocks.begin(), blocks.end(), packed.data.begin());
  return packed;
}

}  // namespace trit
