#include "ternary_kernels/linear_backward.h"

#include <algorithm>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

struct ConvertedGradient {};
struct InverseScales {};
struct InputRows {};
struct InputGradient {};
struct NormSums {};

constexpr int64_t kRowMultiple = 32;  // every layout's divides it

int64_t RoundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

template <typename T>
bool TakesFloats(const LinearBackwardCall<T>& call) {
  return std::any_of(call.layers.begin(), call.layers.end(),
                     [](const LinearGradient<T>& layer) { return !layer.takes_codes; });
}

// The operands of dw_hat, made tile by tile: both sides have rows as inner dimension.
template <typename T>
struct WeightOperands {
  explicit WeightOperands(const LinearBackwardCall<T>& call)
      : padded_rows(RoundUp(call.rows, kRowMultiple)),
        product(kGemmTypeOf<T>, padded_rows, call.input.cols) {
    const int64_t right = RoundUp(static_cast<int64_t>(product.operand_bytes()),
                                  static_cast<int64_t>(kBufferAlignment)) /
                          static_cast<int64_t>(sizeof(T));
    const auto take = [&](int64_t elements) {
      T* begin = call.scratch == nullptr ? nullptr : call.scratch + size;
      size += RoundUp(elements, static_cast<int64_t>(kBufferAlignment));
      return begin;
    };
    if (call.codes != nullptr) codes = take(right);
    if (TakesFloats(call)) floats = take(right);
    for (const LinearGradient<T>& layer : call.layers) {
      transposed.push_back(take(layer.product->k() * padded_rows));
    }
  }

  int64_t padded_rows;
  TileProduct product;
  int64_t size = 0;  // of all, in elements
  T* codes = nullptr;
  T* floats = nullptr;
  std::vector<T*> transposed;  // a layer's gradient, (out_features, padded_rows)
};

// Rows [begin, end) of dx, and of the operands of dw_hat. norm_sums: (tiles, in_features).
template <typename T>
void RunRows(const LinearBackwardCall<T>& call, const WeightOperands<T>& operands, int64_t begin,
             int64_t end, float* norm_sums) {
  const int64_t cols = call.input.cols;
  const int64_t rows = end - begin;
  const int64_t padded_end = end == call.rows ? operands.padded_rows : end;
  const float* inverse_scales = nullptr;
  if (call.codes != nullptr) {
    float* inverse = ThreadScratch<InverseScales, float>(GemmTileRows());
    for (int64_t r = 0; r < rows; ++r) {
      inverse[r] = 1.0f / call.codes->scales[static_cast<size_t>(begin + r)];
    }
    inverse_scales = inverse;
    PackRows(operands.product, call.codes->codes.data() + begin * call.codes->stride,
             call.codes->stride, begin, end, padded_end, operands.codes);
  }
  if (operands.floats != nullptr) {
    float* scratch = ThreadScratch<InputRows, float>(GemmTileRows() * cols);
    PackRows(operands.product, LinearInputRows(call.input, begin, end, scratch), cols, begin, end,
             padded_end, operands.floats);
  }
  const bool stored = call.input.IsStored();
  float* dx = stored ? call.dinput.dx + begin * cols
                     : ThreadScratch<InputGradient, float>(GemmTileRows() * cols);
  bool accumulate = stored && call.dinput.accumulate;
  for (size_t i = 0; i < call.layers.size(); ++i) {
    const LinearGradient<T>& layer = call.layers[i];
    const int64_t out_features = layer.product->k();
    const float* dy = layer.dy + begin * out_features;
    T* scaled = ThreadScratch<ConvertedGradient, T>(GemmTileRows() * out_features);
    ScaleRows(dy, rows, out_features, layer.weight_factors, scaled);
    TransposeRows(dy, rows, out_features, layer.takes_codes ? inverse_scales : nullptr,
                  padded_end - begin, operands.transposed[i] + begin, operands.padded_rows);
    layer.product->Run(scaled, rows, layer.weights, accumulate, dx);
    accumulate = true;
  }
  if (!stored) {
    float* sums = norm_sums + begin / GemmTileRows() * cols;
    if (call.input.norm_weights != nullptr) std::fill(sums, sums + cols, 0.0f);
    LinearInputBackward(call.input, begin, end, dx, call.dinput, sums);
  }
}

}  // namespace

template <typename T>
int64_t LinearBackwardScratch(const LinearBackwardCall<T>& call) {
  return WeightOperands<T>(call).size;
}

template <typename T>
void LinearBackward(const LinearBackwardCall<T>& call) {
  TRIT_CHECK(call.rows >= 1);
  const WeightOperands<T> operands(call);
  const int64_t num_tiles = (call.rows + GemmTileRows() - 1) / GemmTileRows();
  float* norm_sums = ThreadScratch<NormSums, float>(num_tiles * call.input.cols);
  ParallelForBlocks(call.rows, GemmTileRows(), [&](int64_t begin, int64_t end) {
    RunRows(call, operands, begin, end, norm_sums);
  });
  if (call.input.norm_weights != nullptr) {
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      AddTo(norm_sums + tile * call.input.cols, call.input.cols, call.dnorm_weights);
    }
  }

  struct WeightTile {
    size_t layer;
    int64_t begin, end;  // rows of dweights
  };
  std::vector<WeightTile> tiles;
  for (size_t i = 0; i < call.layers.size(); ++i) {
    const int64_t out_features = call.layers[i].product->k();
    for (int64_t begin = 0; begin < out_features; begin += GemmTileRows()) {
      tiles.push_back({i, begin, std::min(out_features, begin + GemmTileRows())});
    }
  }
  ParallelFor(static_cast<int64_t>(tiles.size()), [&](int64_t task) {
    const auto [i, begin, end] = tiles[static_cast<size_t>(task)];
    const LinearGradient<T>& layer = call.layers[i];
    operands.product.Run(operands.transposed[i] + begin * operands.padded_rows, end - begin,
                         layer.takes_codes ? operands.codes : operands.floats, layer.accumulate,
                         layer.dweights + begin * call.input.cols);
  });
}

template int64_t LinearBackwardScratch(const LinearBackwardCall<float>&);
template int64_t LinearBackwardScratch(const LinearBackwardCall<BFloat16>&);
template void LinearBackward(const LinearBackwardCall<float>&);
template void LinearBackward(const LinearBackwardCall<BFloat16>&);

}  // namespace trit
