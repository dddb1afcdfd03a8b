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

constexpr int64_t kRowMultiple = 32;  // every layout's divides it

int64_t RoundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

// The operands of dw_hat, made tile by tile: both sides have rows as inner dimension.
template <typename T>
struct WeightOperands {
  explicit WeightOperands(const LinearBackwardCall<T>& call)
      : padded_rows(RoundUp(call.rows, kRowMultiple)),
        product(kGemmTypeOf<T>, padded_rows, call.in_features) {
    const int64_t right = RoundUp(static_cast<int64_t>(product.operand_bytes()),
                                  static_cast<int64_t>(kBufferAlignment)) /
                          static_cast<int64_t>(sizeof(T));
    const auto take = [&](int64_t elements) {
      T* begin = call.scratch == nullptr ? nullptr : call.scratch + size;
      size += RoundUp(elements, static_cast<int64_t>(kBufferAlignment));
      return begin;
    };
    if (call.codes != nullptr) codes = take(right);
    if (call.x != nullptr) floats = take(right);
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

// Rows [begin, end) of dx, and of the operands of dw_hat.
template <typename T>
void RunRows(const LinearBackwardCall<T>& call, const WeightOperands<T>& operands, int64_t begin,
             int64_t end) {
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
  if (call.x != nullptr) {
    PackRows(operands.product, call.x + begin * call.in_features, call.in_features, begin, end,
             padded_end, operands.floats);
  }
  bool accumulate = call.accumulate_dx;
  for (size_t i = 0; i < call.layers.size(); ++i) {
    const LinearGradient<T>& layer = call.layers[i];
    const int64_t out_features = layer.product->k();
    const float* dy = layer.dy + begin * out_features;
    T* scaled = ThreadScratch<ConvertedGradient, T>(GemmTileRows() * out_features);
    ScaleRows(dy, rows, out_features, layer.weight_factors, scaled);
    layer.product->Run(scaled, rows, layer.weights, accumulate, call.dx + begin * call.in_features);
    accumulate = true;
    TransposeRows(dy, rows, out_features, layer.takes_codes ? inverse_scales : nullptr,
                  padded_end - begin, operands.transposed[i] + begin, operands.padded_rows);
  }
}

}  // namespace

template <typename T>
int64_t LinearBackwardScratch(const LinearBackwardCall<T>& call) {
  return WeightOperands<T>(call).size;
}

template <typename T>
void LinearBackward(const LinearBackwardCall<T>& call) {
  if (call.rows == 0) return;
  const WeightOperands<T> operands(call);
  ParallelForBlocks(call.rows, GemmTileRows(),
                    [&](int64_t begin, int64_t end) { RunRows(call, operands, begin, end); });

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
                         layer.dweights + begin * call.in_features);
  });
}

template int64_t LinearBackwardScratch(const LinearBackwardCall<float>&);
template int64_t LinearBackwardScratch(const LinearBackwardCall<BFloat16>&);
template void LinearBackward(const LinearBackwardCall<float>&);
template void LinearBackward(const LinearBackwardCall<BFloat16>&);

}  // namespace trit
