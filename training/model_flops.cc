#include "training/model_flops.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/gemm.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kSize = 768;     // k and n of the products measured: they fit into a cache
constexpr int64_t kNumTiles = 16;  // of a product, shared among the threads
constexpr double kMeasureSeconds = 0.05;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of the fastest of the runs that fit into the time; the first is not counted. A and C are the
// types of a and c; run(product, a, rows, b, c) is one tile.
template <typename A, typename C, typename Run>
double PeakOf(GemmType type, const Run& run) {
  const TileProduct product(type, kSize, kSize);
  const int64_t rows = GemmTileRows();
  const auto tile = static_cast<size_t>(rows * kSize);
  AlignedBuffer<A> a(kNumTiles * tile);
  AlignedBuffer<C> c(kNumTiles * tile);
  const AlignedBuffer<std::byte> b(product.operand_bytes());
  const auto run_all = [&] {
    ParallelFor(kNumTiles, [&](int64_t task) {
      const size_t at = static_cast<size_t>(task) * tile;
      run(product, a.data() + at, rows, b.data(), c.data() + at);
    });
  };
  run_all();
  double fastest = 1e30;
  const double end = Now() + kMeasureSeconds;
  do {
    const double start = Now();
    run_all();
    fastest = std::min(fastest, Now() - start);
  } while (Now() < end);
  return 2.0 * static_cast<double>(kNumTiles * rows) * kSize * kSize / fastest;
}

template <typename T>
double FloatPeak() {
  return PeakOf<T, float>(kGemmTypeOf<T>,
                          [](const TileProduct& product, const T* a, int64_t rows, const void* b,
                             float* c) { product.Run(a, rows, b, false, c); });
}

}  // namespace

ModelFlops FlopsPerToken(const TrainableModel& model, int64_t sequence_length) {
  const ModelConfig& config = model.config();
  ModelFlops flops;
  const auto add = [&](double forward, bool integer) {
    (integer ? flops.integer : flops.floating) += forward;
    flops.floating += 2 * forward;
  };
  for (const WeightInfo& info : model.table().weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    add(2.0 * static_cast<double>(info.NumElements()),
        model.weights()[info.id].activations.TakesCodes());
  }
  const double heads_width = static_cast<double>(config.num_attention_heads * config.head_dim);
  const double positions = static_cast<double>(sequence_length + 1) / 2;
  add(4.0 * static_cast<double>(config.num_hidden_layers) * heads_width * positions, false);
  add(2.0 * static_cast<double>(config.vocab_size * config.hidden_size), false);
  return flops;
}

ProductPeaks MeasureProductPeaks(Precision precision) {
  return {.integer = PeakOf<uint8_t, int32_t>(
              GemmType::kU8S8, [](const TileProduct& product, const uint8_t* a, int64_t rows,
                                  const void* b, int32_t* c) { product.Run(a, rows, b, c); }),
          .floating = precision == Precision::kBF16 ? FloatPeak<BFloat16>() : FloatPeak<float>()};
}

}  // namespace trit
