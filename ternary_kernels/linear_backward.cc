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
struct ClippedGradient {};
struct BlendedRows {};

constexpr int64_t kRowMultiple = 32;  // every layout's divides it

int64_t RoundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

// What a layer multiplies with: codes, or x through a blend.
struct InputView {
  const ActivationCodes* codes;
  ActivationBlend blend;

  bool operator==(const InputView&) const = default;
  const ActivationScheme& scheme() const { return codes != nullptr ? codes->scheme : blend.scheme; }
  float share() const { return codes != nullptr ? 1.0f : blend.share; }
};

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
    for (const LinearGradient<T>& layer : call.layers) {
      const InputView view{layer.codes, layer.blend};
      const auto seen = std::find(views.begin(), views.end(), view);
      view_of.push_back(static_cast<size_t>(seen - views.begin()));
      if (seen == views.end()) {
        views.push_back(view);
        right_sides.push_back(take(right));
      }
      transposed.push_back(take(layer.product->k() * padded_rows));
    }
  }

  int64_t padded_rows;
  TileProduct product;
  int64_t size = 0;              // of all, in elements
  std::vector<InputView> views;  // different ones
  std::vector<T*> right_sides;   // of each
  std::vector<size_t> view_of;   // of a layer, an index into those
  std::vector<T*> transposed;    // a layer's gradient, (out_features, padded_rows)
};

// dx (+)= gradient, of which only 1 - share passes where the static scale clips x.
void AddUnclipped(const float* gradient, const float* x, int64_t n, const InputView& view,
                  bool accumulate, float* dx) {
  const float a = view.scheme().static_scale;
  const float passes = 1.0f - view.share();
  for (int64_t i = 0; i < n; ++i) {
    const float place = x[i] * a;
    const float passed = place < -128.5f || place > 127.5f ? gradient[i] * passes : gradient[i];
    dx[i] = accumulate ? dx[i] + passed : passed;
  }
}

// Rows [begin, end) of dx, and of the operands of dw_hat. norm_sums: (tiles, in_features).
template <typename T>
void RunRows(const LinearBackwardCall<T>& call, const WeightOperands<T>& operands, int64_t begin,
             int64_t end, float* norm_sums) {
  const int64_t cols = call.input.cols;
  const int64_t rows = end - begin;
  const int64_t padded_end = end == call.rows ? operands.padded_rows : end;
  const int64_t tile_rows = GemmTileRows();
  const float* x = nullptr;
  const auto input_rows = [&] {
    if (x == nullptr) {
      x = LinearInputRows(call.input, begin, end,
                          ThreadScratch<InputRows, float>(tile_rows * cols));
    }
    return x;
  };
  // 1 / a of the rows, for each of the views that are codes.
  float* inverse_scales =
      ThreadScratch<InverseScales, float>(tile_rows * static_cast<int64_t>(operands.views.size()));
  for (size_t i = 0; i < operands.views.size(); ++i) {
    const InputView& view = operands.views[i];
    const ActivationCodes* codes = view.codes;
    if (codes == nullptr) {
      const float* floats = input_rows();
      if (view.blend.share != 0) {
        float* blended = ThreadScratch<BlendedRows, float>(tile_rows * cols);
        BlendActivations(view.blend, floats, rows, cols, blended);
        floats = blended;
      }
      PackRows(operands.product, floats, cols, begin, end, padded_end, operands.right_sides[i]);
      continue;
    }
    for (int64_t r = 0; r < rows; ++r) {
      inverse_scales[static_cast<int64_t>(i) * tile_rows + r] =
          1.0f / codes->scales[static_cast<size_t>(begin + r)];
    }
    PackRows(operands.product, codes->codes.data() + begin * codes->stride, codes->stride, begin,
             end, padded_end, operands.right_sides[i]);
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
    const InputView& view = operands.views[operands.view_of[i]];
    const int64_t scales_at = static_cast<int64_t>(operands.view_of[i]) * tile_rows;
    TransposeRows(dy, rows, out_features,
                  view.codes != nullptr ? inverse_scales + scales_at : nullptr, padded_end - begin,
                  operands.transposed[i] + begin, operands.padded_rows);
    if (view.scheme().quantizer == ActivationQuantizer::kInt8Static) {
      float* part = ThreadScratch<ClippedGradient, float>(tile_rows * cols);
      layer.product->Run(scaled, rows, layer.weights, false, part);
      AddUnclipped(part, input_rows(), rows * cols, view, accumulate, dx);
    } else {
      layer.product->Run(scaled, rows, layer.weights, accumulate, dx);
    }
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
                         operands.right_sides[operands.view_of[i]], layer.accumulate,
                         layer.dweights + begin * call.input.cols);
  });
}

template int64_t LinearBackwardScratch(const LinearBackwardCall<float>&);
template int64_t LinearBackwardScratch(const LinearBackwardCall<BFloat16>&);
template void LinearBackward(const LinearBackwardCall<float>&);
template void LinearBackward(const LinearBackwardCall<BFloat16>&);

}  // namespace trit
