// Every matmul kernel of the list over layer shapes of real models, for one, few and many tokens:
// multiply-adds a second, and bytes of weights a second, which memory limits where tokens are few.
// Weights are taken in turn from more memory than the caches hold.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {
namespace {

struct LayerShape {
  const char* name;
  int64_t rows, cols;
};
constexpr LayerShape kShapes[] = {
    {"2b_qo", 2560, 2560}, {"2b_kv", 640, 2560}, {"2b_gate", 6912, 2560}, {"2b_down", 2560, 6912}};
constexpr int64_t kTokenCounts[] = {1, 4, 16, 128, 512};
constexpr int64_t kWorkingSetBytes = int64_t{256} << 20;

PackedMatrix MakeWeights(WeightFormat format, int64_t rows, int64_t cols) {
  if (!TakesCodes(format)) return AllocateDense(format, rows, cols);  // zeros take as long
  WeightScales scales;
  scales.values = AlignedBuffer<float>(1);
  scales.values[0] = 1.0f;
  return PackCodes(format, rows, cols, std::move(scales), [cols](int64_t row, int8_t* codes) {
    for (int64_t c = 0; c < cols; ++c) codes[c] = static_cast<int8_t>((row * 7 + c * 5) % 3 - 1);
  });
}

void BenchKernel(benchmark::State& state, const MatmulKernel* kernel, LayerShape shape,
                 int64_t num_tokens) {
  std::vector<PackedMatrix> weights;
  weights.push_back(MakeWeights(kernel->format, shape.rows, shape.cols));
  if (!kernel->supports(weights[0])) {
    state.SkipWithError("not supported on this CPU");
    return;
  }
  const int64_t bytes = static_cast<int64_t>(weights[0].data.size());
  const int64_t copies = num_tokens > 16 ? 1 : kWorkingSetBytes / bytes + 1;
  while (static_cast<int64_t>(weights.size()) < copies) {
    weights.push_back(MakeWeights(kernel->format, shape.rows, shape.cols));
  }
  std::vector<float> x(static_cast<size_t>(num_tokens * shape.cols), 0.5f);
  std::vector<float> out(static_cast<size_t>(num_tokens * shape.rows));
  ActivationCodes codes;
  QuantizeActivationsInt8(x.data(), shape.cols, num_tokens, shape.cols, codes);
  MatmulCall call{.num_tokens = num_tokens, .out = out.data(), .out_stride = shape.rows};
  if (TakesCodes(kernel->format)) {
    call.codes = &codes;
  } else {
    call.floats = x.data();
    call.floats_stride = shape.cols;
  }
  size_t next = 0;
  for (auto _ : state) {
    call.weights = &weights[next];
    next = (next + 1) % weights.size();
    Matmul(call, *kernel);
  }
  const double calls = static_cast<double>(state.iterations());
  const double products = static_cast<double>(shape.rows * shape.cols * num_tokens);
  state.counters["GMAC/s"] =
      benchmark::Counter(calls * products * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] =
      benchmark::Counter(calls * static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsRate);
}

void RegisterAll() {
  for (const MatmulKernel& kernel : MatmulKernels()) {
    for (const LayerShape& shape : kShapes) {
      for (const int64_t tokens : kTokenCounts) {
        if (tokens < kernel.min_tokens || tokens > kernel.max_tokens) continue;
        const std::string name =
            std::string(kernel.name) + "/" + shape.name + "/" + std::to_string(tokens) + "_tokens";
        benchmark::RegisterBenchmark(name.c_str(), BenchKernel, &kernel, shape, tokens)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  trit::RegisterAll();
  benchmark::AddCustomContext("simd_target", trit::SimdTarget());
  benchmark::AddCustomContext("threads", std::to_string(trit::NumThreads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
