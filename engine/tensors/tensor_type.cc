#include "engine/tensors/tensor_type.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "engine/files/checked_math.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_codec.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

constexpr std::string_view kUseDense =
    "requantize the tensor to q8_0, f16 or bf16 with the program that wrote the file";
constexpr std::string_view kUseTernary =
    "write the model as tq2_0, tq1_0 or i2_s with the program that wrote the file";
constexpr std::string_view kNoTiles =
    "the layout of tl1 and tl2 depends on a kernel configuration that is not in the file: make an "
    "i2_s, tq2_0 or tq1_0 file from the original checkpoint";
constexpr std::string_view kTl2OrMxfp4 =
    "the id stands for tl2 in files of bitnet.cpp, whose layout is not in the file, and for mxfp4 "
    "elsewhere: make an i2_s, tq2_0 or tq1_0 file from the original checkpoint";

using enum TensorType;

constexpr TensorTypeInfo kTypes[] = {
    {kF32, "f32", 0, 1, 4, 0, 0, &kF32Codec, nullptr, ""},
    {kF16, "f16", 1, 1, 2, 0, 0, &kF16Codec, nullptr, ""},
    {kQ4_0, "q4_0", 2, 32, 18, 0, 0, &kQ4_0Codec, nullptr, ""},
    {kQ4_1, "q4_1", 3, 32, 20, 0, 0, &kQ4_1Codec, nullptr, ""},
    {kQ5_0, "q5_0", -1, 32, 22, 0, 0, nullptr, nullptr, kUseDense},
    {kQ5_1, "q5_1", -1, 32, 24, 0, 0, nullptr, nullptr, kUseDense},
    {kQ8_0, "q8_0", 7, 32, 34, 0, 0, &kQ8_0Codec, nullptr, ""},
    {kQ2_K, "q2_k", -1, 256, 84, 0, 0, nullptr, nullptr, kUseDense},
    {kQ3_K, "q3_k", -1, 256, 110, 0, 0, nullptr, nullptr, kUseDense},
    {kQ4_K, "q4_k", -1, 256, 144, 0, 0, nullptr, nullptr, kUseDense},
    {kQ5_K, "q5_k", -1, 256, 176, 0, 0, nullptr, nullptr, kUseDense},
    {kQ6_K, "q6_k", 18, 256, 210, 0, 0, &kQ6_KCodec, nullptr, ""},
    {kIQ2_XXS, "iq2_xxs", -1, 256, 66, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ2_XS, "iq2_xs", -1, 256, 74, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ3_XXS, "iq3_xxs", -1, 256, 98, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ1_S, "iq1_s", -1, 256, 50, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ4_NL, "iq4_nl", -1, 32, 18, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ3_S, "iq3_s", -1, 256, 110, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ2_S, "iq2_s", -1, 256, 82, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ4_XS, "iq4_xs", -1, 256, 136, 0, 0, nullptr, nullptr, kUseDense},
    {kI8, "i8", -1, 1, 1, 0, 0, nullptr, nullptr, kUseDense},
    {kI16, "i16", -1, 1, 2, 0, 0, nullptr, nullptr, kUseDense},
    {kI32, "i32", -1, 1, 4, 0, 0, nullptr, nullptr, kUseDense},
    {kI64, "i64", -1, 1, 8, 0, 0, nullptr, nullptr, kUseDense},
    {kF64, "f64", -1, 1, 8, 0, 0, nullptr, nullptr, kUseDense},
    {kIQ1_M, "iq1_m", -1, 256, 56, 0, 0, nullptr, nullptr, kUseDense},
    {kBF16, "bf16", 32, 1, 2, 0, 0, &kBF16Codec, nullptr, ""},
    {kTQ1_0, "tq1_0", 36, 256, 54, 0, 0, nullptr, &kTQ1_0Codec, ""},
    {kTQ2_0, "tq2_0", 37, 256, 66, 0, 0, nullptr, &kTQ2_0Codec, ""},
    {kI2_S, "i2_s", 40, 64, 16, 0, 32, nullptr, &kI2_SCodec, ""},
    {kTL1, "tl1", -1, 0, 0, 0, 0, nullptr, nullptr, kNoTiles},
    {kTL2, "tl2", -1, 0, 0, 0, 0, nullptr, nullptr, kTl2OrMxfp4},
    {kQ1_0, "q1_0", -1, 128, 18, 0, 0, nullptr, nullptr, kUseDense},
    {kQ2_0, "q2_0", -1, 64, 18, 0, 0, &kQ2_0Codec, &kQ2_0TernaryCodec, ""},
    {kIQ1_BN, "iq1_bn", 136, 64, 13, 2, 0, nullptr, &kIQ1_BNCodec, ""},
    {kIQ2_BN, "iq2_bn", 137, 64, 16, 4, 0, nullptr, &kIQ2_BNCodec, ""},
    {kIQ2_BN_R4, "iq2_bn_r4", -1, 64, 16, 4, 0, nullptr, nullptr, kUseTernary},
};

}  // namespace

std::span<const TensorTypeInfo> TensorTypes() { return kTypes; }

const TensorTypeInfo* FindTensorType(uint32_t id) {
  const auto* found = std::find_if(
      std::begin(kTypes), std::end(kTypes),
      [id](const TensorTypeInfo& info) { return static_cast<uint32_t>(info.type) == id; });
  return found == std::end(kTypes) ? nullptr : found;
}

const TensorTypeInfo* FindTensorType(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTypes), std::end(kTypes),
                   [name](const TensorTypeInfo& info) { return info.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

const TensorTypeInfo& InfoOf(TensorType type) {
  const TensorTypeInfo* info = FindTensorType(static_cast<uint32_t>(type));
  TRIT_CHECK(info != nullptr);
  return *info;
}

void RequireDecodable(TensorType type, const TensorOrigin& origin) {
  const TensorTypeInfo& info = InfoOf(type);
  if (info.float_codec != nullptr || info.ternary_codec != nullptr) return;
  throw Error(ErrorInfo{.what = fmt::format("tensors of type {} cannot be read", info.name),
                        .file = origin.file,
                        .tensor = origin.tensor,
                        .hint = std::string(info.advice)});
}

uint64_t RowBytes(TensorType type, int64_t cols) {
  const TensorTypeInfo& info = InfoOf(type);
  const uint64_t elements = static_cast<uint64_t>(cols);
  TRIT_CHECK(cols >= 0 && info.block_elements != 0 && elements % info.block_elements == 0);
  return info.row_header_bytes + elements / info.block_elements * info.block_bytes;
}

std::optional<uint64_t> TensorBytes(TensorType type, std::span<const int64_t> dims) {
  const TensorTypeInfo& info = InfoOf(type);
  TRIT_CHECK(!dims.empty() &&
             std::all_of(dims.begin(), dims.end(), [](int64_t d) { return d > 0; }));
  const uint64_t cols = static_cast<uint64_t>(dims[0]);
  if (info.block_elements == 0 || cols % info.block_elements != 0) return std::nullopt;
  uint64_t bytes = 0;
  if (!CheckedMultiply(cols / info.block_elements, info.block_bytes, &bytes) ||
      !CheckedAdd(bytes, info.row_header_bytes, &bytes)) {
    return std::nullopt;
  }
  uint64_t elements = cols;  // must fit as well: others count in elements
  for (const int64_t dim : dims.subspan(1)) {
    if (!CheckedMultiply(bytes, static_cast<uint64_t>(dim), &bytes) ||
        !CheckedMultiply(elements, static_cast<uint64_t>(dim), &elements)) {
      return std::nullopt;
    }
  }
  if (elements > INT64_MAX || !CheckedAdd(bytes, info.tensor_tail_bytes, &bytes) ||
      bytes > INT64_MAX) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace trit
