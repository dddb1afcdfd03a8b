#include "ternary_kernels/linear_forward.h"

#include <algorithm>
#include <cstring>

#include "ternary_kernels/check.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/scale_sums.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

struct InputRows {};
struct RaisedCodes {};
struct IntegerSums {};
struct GroupSums {};
struct ConvertedTokens {};

constexpr int64_t kRowsPerTask = 16;  // of weights

void RunTile(const ActivationCodes& codes, const IntegerLinear& layer, int64_t begin, int64_t end) {
  const LinearCodes& weights = *layer.weights;
  const int64_t tile_rows = GemmTileRows();
  const int64_t group_size = weights.product().k();
  auto* raised = ThreadScratch<RaisedCodes, uint8_t>(tile_rows * group_size);
  auto* sums = ThreadScratch<IntegerSums, int32_t>(tile_rows * weights.rows());
  auto* group_sums = ThreadScratch<GroupSums, int32_t>(tile_rows);
  const int64_t at = begin * weights.rows();
  const float* residual = layer.residual != nullptr ? layer.residual + at : nullptr;
  SumsToScale to_scale{.sums = sums,
                       .num_tokens = end - begin,
                       .rows = weights.rows(),
                       .code_sums = nullptr,
                       .activation_scales = codes.scales.data() + begin,
                       .activation_sums = codes.sums.data() + begin};
  const WeightScales& scales = *layer.scales;
  if (scales.kind == ScaleKind::kGroup && !scales.offsets.empty()) {
    to_scale.activation_sums = group_sums;
  }
  for (int64_t group = 0; group < weights.num_groups(); ++group) {
    for (int64_t t = begin; t < end; ++t) {
      const int8_t* q = codes.codes.data() + t * codes.stride + group * group_size;
      RaiseCodes(q, group_size, raised + (t - begin) * group_size);
      if (to_scale.activation_sums == group_sums) group_sums[t - begin] = SumCodes(q, group_size);
    }
    weights.product().Run(raised, end - begin, weights.Operand(group), sums);
    to_scale.code_sums = weights.Sums(group);
    if (scales.kind != ScaleKind::kGroup) {
      ScaleSums(to_scale, scales, residual, layer.out + at);
      return;
    }
    const int64_t first_scale = group * weights.rows();
    AddGroupSums(to_scale, scales.values.data() + first_scale,
                 scales.offsets.empty() ? nullptr : scales.offsets.data() + first_scale, group == 0,
                 layer.out + at);
  }
  FinishGroupSums(to_scale, residual, layer.out + at);
}

template <typename T>
void RunFloatTile(const LinearInput& input, const FloatLinear<T>& layer, int64_t begin,
                  int64_t end) {
  const int64_t k = layer.product->k();
  const int64_t n = layer.product->n();
  T* a = ThreadScratch<ConvertedTokens, T>(GemmTileRows() * k);
  float* scratch = ThreadScratch<InputRows, float>(GemmTileRows() * k);
  const float* x = LinearInputRows(input, begin, end, scratch);
  if (layer.blend.share != 0) {
    BlendActivations(layer.blend, x, end - begin, k, scratch);
    x = scratch;
  }
  ScaleRows(x, end - begin, k, {}, a);
  float* out = layer.out + begin * n;
  layer.product->Run(a, end - begin, layer.b, false, out);
  if (layer.col_factors != nullptr || layer.factor != 1.0f) {
    ScaleRows(out, end - begin, n, {.col = layer.col_factors, .all = layer.factor}, out);
  }
  if (layer.residual != nullptr) AddTo(layer.residual + begin * n, (end - begin) * n, out);
}

template <typename T>
void RunFloatTiles(const LinearInput& input, int64_t num_tokens, const FloatLinear<T>& layer) {
  TRIT_CHECK(layer.residual != layer.out && layer.product->k() == input.cols);
  ParallelForBlocks(num_tokens, GemmTileRows(),
                    [&](int64_t begin, int64_t end) { RunFloatTile(input, layer, begin, end); });
}

}  // namespace

LinearCodes::LinearCodes(int64_t rows, int64_t cols, int64_t group_size)
    : rows_(rows),
      cols_(cols),
      group_size_(group_size),
      product_(GemmType::kU8S8, group_size, rows),
      packed_(static_cast<size_t>(cols / group_size) * product_.operand_bytes()),
      sums_(static_cast<size_t>(cols / group_size * rows)) {
  TRIT_CHECK(cols % group_size == 0);
}

void LinearCodes::Pack(const int8_t* codes) {
  ParallelForBlocks(rows_, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t group = 0; group < num_groups(); ++group) {
        const int8_t* part = codes + r * cols_ + group * group_size_;
        int32_t sum = 0;
        for (int64_t i = 0; i < group_size_; ++i) sum += part[i];
        sums_[static_cast<size_t>(group * rows_ + r)] = sum;
      }
    }
  });
  for (int64_t group = 0; group < num_groups(); ++group) {
    product_.PackTransposed(codes + group * group_size_, cols_,
                            packed_.data() + static_cast<size_t>(group) * product_.operand_bytes());
  }
}

void IntegerLinearForward(const LinearInput& input, int64_t num_tokens, ActivationCodes& codes,
                          std::span<const IntegerLinear> layers) {
  for (const IntegerLinear& layer : layers) TRIT_CHECK(layer.weights->cols() == input.cols);
  codes.Resize(num_tokens, input.cols);
  ParallelForBlocks(num_tokens, GemmTileRows(), [&](int64_t begin, int64_t end) {
    QuantizeLinearInputRows(input, begin, end, codes);
    for (const IntegerLinear& layer : layers) RunTile(codes, layer, begin, end);
  });
}

void FloatLinearForward(const LinearInput& input, int64_t num_tokens,
                        const FloatLinear<float>& layer) {
  RunFloatTiles(input, num_tokens, layer);
}

void FloatLinearForward(const LinearInput& input, int64_t num_tokens,
                        const FloatLinear<BFloat16>& layer) {
  RunFloatTiles(input, num_tokens, layer);
}

}  // namespace trit
