#include "training/model_flops.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/gemm.h"

namespace trit {
namespace {

constexpr int64_t kSize = 768;  // of the square matrices measured: they fit into a cache
constexpr double kMeasureSeconds = 0.05;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of the fastest of the runs that fit into the time; the first is not counted.
template <typename Product>
double PeakOf(const Product& product) {
  product();
  double fastest = 1e30;
  const double end = Now() + kMeasureSeconds;
  do {
    const double start = Now();
    product();
    fastest = std::min(fastest, Now() - start);
  } while (Now() < end);
  return 2.0 * kSize * kSize * kSize / fastest;
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
        model.weights()[info.id].activation_quantizer == ActivationQuantizer::kInt8PerToken);
  }
  const double heads_width = static_cast<double>(config.num_attention_heads * config.head_dim);
  const double positions = static_cast<double>(sequence_length + 1) / 2;
  add(4.0 * static_cast<double>(config.num_hidden_layers) * heads_width * positions, false);
  add(2.0 * static_cast<double>(config.vocab_size * config.hidden_size), false);
  return flops;
}

ProductPeaks MeasureProductPeaks(Precision precision) {
  constexpr size_t kElements = static_cast<size_t>(kSize * kSize);
  ProductPeaks peaks;
  AlignedBuffer<uint8_t> raised(kElements);
  AlignedBuffer<int8_t> codes(kElements);
  AlignedBuffer<int32_t> sums(kElements);
  std::memset(raised.data(), 129, kElements);
  std::memset(codes.data(), 1, kElements);
  peaks.integer = PeakOf([&] {
    GemmU8S8(kSize, kSize, kSize, raised.data(), kSize, codes.data(), kSize, sums.data(), kSize);
  });
  AlignedBuffer<float> ones(kElements);
  AlignedBuffer<float> products(kElements);
  std::fill(ones.begin(), ones.end(), 1.0f);
  if (precision == Precision::kBF16) {
    AlignedBuffer<BFloat16> rounded(kElements);
    ConvertToBF16(ones.data(), static_cast<int64_t>(kElements), rounded.data());
    peaks.floating = PeakOf([&] {
      GemmBF16(kSize, kSize, kSize, rounded.data(), kSize, Transpose::kNo, rounded.data(), kSize,
               Transpose::kYes, false, products.data(), kSize);
    });
  } else {
    peaks.floating = PeakOf([&] {
      GemmF32(kSize, kSize, kSize, ones.data(), kSize, Transpose::kNo, ones.data(), kSize,
              Transpose::kYes, false, products.data(), kSize);
    });
  }
  return peaks;
}

}  // namespace trit
