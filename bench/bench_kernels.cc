// The machine's limits, and every matmul kernel of the list beside them, on every SIMD target, over
// layer shapes of real models; oneDNN's products beside them as peers. Names are
//   limit/read/<working set>/threads:<n>      limit/<instruction>/<target>/threads:<n>
//   <kernel>/<target>/<shape>/tokens:<n>/<where weights are>/threads:<n>
// where weights are "dram" for few tokens, "layer" for many (one matrix, which stays where it fits)
// or each thread's own in its "cache".
//   onednn_<type>/<shape>/tokens:<n>/threads:<n>
#include <benchmark/benchmark.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/kernel_runs.h"
#include "bench/layer_shapes.h"
#include "bench/summary.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/instruction_peak.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/peer_matmul.h"
#include "ternary_kernels/read_bandwidth.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kTokenCounts[] = {1, 4, 16, 128, 512};
constexpr int64_t kFewTokens = 16;  // that take about as long as reading the weights
constexpr int64_t kFromMemoryBytes = 256 * kMiB;
// One token's weights in cache: 1024 rows of 2560 columns, 640 KiB at 2 bits, for each thread.
constexpr LayerShape kCacheShape = {"1024x2560", 1024, 2560};

void Rate(benchmark::State& state, const char* name, double amount) {
  state.counters[name] = benchmark::Counter(static_cast<double>(state.iterations()) * amount * 1e-9,
                                            benchmark::Counter::kIsRate);
}

// Registers `bench` under name/threads:n for one thread and for all.
void Register(const std::string& name, const std::function<void(benchmark::State&)>& bench) {
  std::vector<int> counts = {1};
  if (NumThreads() > 1) counts.push_back(NumThreads());
  for (const int threads : counts) {
    const auto run = [=](benchmark::State& state) {
      const int before = NumThreads();
      SetNumThreads(threads);
      bench(state);
      SetNumThreads(before);
    };
    benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(), run)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

// Each thread a buffer of its own, small ones several times an iteration.
void BenchRead(benchmark::State& state, int64_t bytes) {
  const int64_t repeats = std::max<int64_t>(1, kMiB * 16 / bytes);
  std::vector<AlignedBuffer<uint64_t>> buffers;
  for (int t = 0; t < NumThreads(); ++t) buffers.emplace_back(static_cast<size_t>(bytes / 8));
  for (auto _ : state) {
    ParallelFor(NumThreads(), [&](int64_t thread) {
      const auto& buffer = buffers[static_cast<size_t>(thread)];
      for (int64_t n = 0; n < repeats; ++n) {
        benchmark::DoNotOptimize(ReadWords(buffer.data(), static_cast<int64_t>(buffer.size())));
      }
    });
  }
  Rate(state, "GB/s", static_cast<double>(bytes * repeats * NumThreads()));
}

void RegisterLimits() {
  for (const int64_t kib : {16, 256, 768, 4096, 12288, 65536, 524288}) {
    Register("limit/read/" + std::to_string(kib) + "KiB",
             [kib](benchmark::State& state) { BenchRead(state, kib << 10); });
  }
  for (const std::string& target : SimdTargets()) {
    for (const PeakInstruction instruction :
         {PeakInstruction::kInt8Dot, PeakInstruction::kInt8Pairs, PeakInstruction::kBF16Dot,
          PeakInstruction::kF32Fma}) {
      UseSimdTarget(target);
      const bool available = MeasureInstructionPeak(instruction) > 0;
      UseSimdTarget("");
      if (!available) continue;
      Register(std::string("limit/") + PeakInstructionName(instruction) + "/" + target,
               [=](benchmark::State& state) {
                 UseSimdTarget(target);
                 double products = 0;  // of a second, of all iterations
                 for (auto _ : state) products += MeasureInstructionPeak(instruction);
                 UseSimdTarget("");
                 state.counters["GMAC/s"] =
                     products * 1e-9 / static_cast<double>(state.iterations());
               });
    }
  }
}

void BenchKernel(benchmark::State& state, const MatmulKernel& kernel, LayerShape shape,
                 int64_t num_tokens) {
  const int64_t min_bytes = num_tokens > kFewTokens ? 0 : kFromMemoryBytes;
  const std::vector<PackedMatrix> weights = MakeWeights(kernel.format, shape, min_bytes);
  if (!kernel.supports(weights[0])) {
    state.SkipWithError("not supported on this target");
    return;
  }
  KernelRun run(kernel, shape, num_tokens);
  size_t next = 0;
  for (auto _ : state) {
    run.Run(weights[next]);
    next = (next + 1) % weights.size();
  }
  Rate(state, "GMAC/s", static_cast<double>(shape.rows * shape.cols * num_tokens));
  Rate(state, "GB/s", static_cast<double>(WeightBytes(weights[0])));
}

void BenchInCache(benchmark::State& state, const MatmulKernel& kernel, int64_t num_tokens) {
  if (!kernel.supports(MakeWeights(kernel.format, kCacheShape, 0)[0])) {
    state.SkipWithError("not supported on this target");
    return;
  }
  CacheRun run(kernel, kCacheShape, num_tokens);
  constexpr int64_t kRepeats = 8;
  for (auto _ : state) run.Seconds(kRepeats);
  Rate(state, "GMAC/s", kRepeats * run.Products());
}

void RegisterKernels(const std::string& target) {
  const auto on_target = [target](auto bench) {
    return [=](benchmark::State& state) {
      UseSimdTarget(target);
      bench(state);
      UseSimdTarget("");
    };
  };
  for (const MatmulKernel& kernel : MatmulKernels()) {
    const std::string prefix = std::string(kernel.name) + "/" + target + "/";
    for (const int64_t tokens : kTokenCounts) {
      if (tokens < kernel.min_tokens || tokens > kernel.max_tokens) continue;
      const std::string suffix = "/tokens:" + std::to_string(tokens);
      for (const LayerShape& shape : kLayerShapes) {
        const char* place = tokens > kFewTokens ? "/layer" : "/dram";
        Register(prefix + shape.name + suffix + place, on_target([=](benchmark::State& state) {
                   BenchKernel(state, kernel, shape, tokens);
                 }));
      }
      Register(prefix + kCacheShape.name + suffix + "/cache",
               on_target([=](benchmark::State& state) { BenchInCache(state, kernel, tokens); }));
    }
  }
}

void RegisterPeers() {
  for (const PeerType type : {PeerType::kU8S8, PeerType::kBF16, PeerType::kF32}) {
    for (const LayerShape& shape : kLayerShapes) {
      for (const int64_t tokens : kTokenCounts) {
        const std::string name = std::string("onednn_") + PeerTypeName(type) + "/" + shape.name +
                                 "/tokens:" + std::to_string(tokens);
        Register(name, [=](benchmark::State& state) {
          const auto peer = PeerMatmul::Make(type, tokens, shape.rows, shape.cols);
          if (peer == nullptr) {
            state.SkipWithError("oneDNN has no such product on this CPU");
            return;
          }
          for (auto _ : state) peer->Run();
          Rate(state, "GMAC/s", static_cast<double>(shape.rows * shape.cols * tokens));
          state.SetLabel(peer->Implementation());
        });
      }
    }
  }
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--summary") == 0) {
    const bool json = argc == 3 && std::strcmp(argv[2], "json") == 0;
    if (argc > 2 && !json) {
      std::fprintf(stderr, "usage: bench_kernels --summary [json]\n");
      return 2;
    }
    trit::PrintSummary(json);
    return 0;
  }
  trit::RegisterLimits();
  for (const std::string& target : trit::SimdTargets()) trit::RegisterKernels(target);
  trit::RegisterPeers();
  benchmark::AddCustomContext("simd_target", trit::SimdTarget());
  benchmark::AddCustomContext("threads", std::to_string(trit::NumThreads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
