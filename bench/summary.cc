#include "bench/summary.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/kernel_runs.h"
#include "bench/layer_shapes.h"
#include "bench/timing.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/instruction_peak.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/peer_matmul.h"
#include "ternary_kernels/read_bandwidth.h"
#include "ternary_kernels/simd_targets.h"

namespace trit {
namespace {

constexpr int64_t kMemoryBytes = int64_t{512} << 20;  // read in one pass "from memory"
constexpr LayerShape kGate = {"2b_gate", 6912, 2560};
constexpr LayerShape kInCache = {"1024x2560", 1024, 2560};  // a thread's, 512 to 640 KiB

struct Figure {
  const char* name;
  std::string kernel;
  double bits;  // of memory a weight
  double value, limit;
  const char* unit;
  double spread;  // of the value: its middle half, as a share of the median

  double ratio() const { return value / limit; }
};

const MatmulKernel& Kernel(std::string_view name) {
  for (const MatmulKernel& kernel : MatmulKernels()) {
    if (kernel.name == name) return kernel;
  }
  TRIT_CHECK(!"no such kernel");
}

bool RunsHere(const MatmulKernel& kernel) {
  return kernel.supports(MakeWeights(kernel.format, {"", 64, 64}, 0)[0]);
}

double Bits(const PackedMatrix& weights) {
  return 8.0 * static_cast<double>(WeightBytes(weights)) /
         static_cast<double>(weights.rows * weights.cols);
}

// Two bodies that return seconds, run in turn: drift of the machine meets both.
struct InTurn {
  std::vector<double> value, limit;
};
InTurn RunInTurn(int rounds, const std::function<double()>& value,
                 const std::function<double()>& limit) {
  value();  // warms up caches and threads
  limit();
  InTurn seconds;
  for (int round = 0; round < rounds; ++round) {
    seconds.value.push_back(value());
    seconds.limit.push_back(limit());
  }
  return seconds;
}

// A pass over all of `weights`.
double PassSeconds(KernelRun& run, const std::vector<PackedMatrix>& weights) {
  return SecondsOf([&] {
    for (const PackedMatrix& matrix : weights) run.Run(matrix);
  });
}

// One token, weights from memory, against plain reading.
class DecodeFromMemory {
 public:
  DecodeFromMemory() : words_(kMemoryBytes / 8) {}

  Figure Measure(const char* name, const MatmulKernel& kernel, LayerShape shape, int rounds) {
    const std::vector<PackedMatrix> weights = MakeWeights(kernel.format, shape, kMemoryBytes);
    KernelRun run(kernel, shape, 1);
    const InTurn seconds = RunInTurn(
        rounds, [&] { return PassSeconds(run, weights); },
        [&] {
          return SecondsOf([&] {
            sum_ += ReadWordsInParallel(words_.data(), static_cast<int64_t>(words_.size()));
          });
        });
    const double bytes =
        static_cast<double>(WeightBytes(weights[0])) * static_cast<double>(weights.size());
    return {name,
            std::string(kernel.name),
            Bits(weights[0]),
            bytes * 1e-9 / Median(seconds.value),
            static_cast<double>(kMemoryBytes) * 1e-9 / Median(seconds.limit),
            "GB/s",
            Spread(seconds.value)};
  }

 private:
  AlignedBuffer<uint64_t> words_;
  uint64_t sum_ = 0;
};

// Four tokens from memory, against one: milliseconds a pass.
Figure FourTokens(const char* name, WeightFormat format) {
  const std::vector<PackedMatrix> weights = MakeWeights(format, kGate, kMemoryBytes);
  const MatmulKernel& few = ChooseMatmulKernel(weights[0], 4);
  KernelRun run_four(few, kGate, 4), run_one(ChooseMatmulKernel(weights[0], 1), kGate, 1);
  const InTurn seconds = RunInTurn(
      15, [&] { return PassSeconds(run_four, weights); },
      [&] { return PassSeconds(run_one, weights); });
  return {name,
          std::string(few.name),
          Bits(weights[0]),
          Median(seconds.value) * 1e3,
          Median(seconds.limit) * 1e3,
          "ms",
          Spread(seconds.value)};
}

// The int8 peak of the target in force: multiply-adds a second of all threads.
double PeakSeconds(PeakInstruction instruction, double products) {
  return products / MeasureInstructionPeak(instruction);
}

Figure SixteenTokens(PeakInstruction peak) {
  const std::vector<PackedMatrix> weights =
      MakeWeights(WeightFormat::kTernary2Bit, kGate, kMemoryBytes / 4);
  const MatmulKernel& few = ChooseMatmulKernel(weights[0], 16);
  KernelRun run(few, kGate, 16);
  const double products =
      16.0 * static_cast<double>(kGate.rows * kGate.cols) * static_cast<double>(weights.size());
  const InTurn seconds = RunInTurn(
      15, [&] { return PassSeconds(run, weights); }, [&] { return PeakSeconds(peak, products); });
  return {"tokens16",
          std::string(few.name),
          Bits(weights[0]),
          products * 1e-9 / Median(seconds.value),
          products * 1e-9 / Median(seconds.limit),
          "GMAC/s",
          Spread(seconds.value)};
}

// One token, weights in cache, against an instruction's peak or another kernel.
constexpr int64_t kCacheRepeats = 200;

Figure InCache(const char* name, const MatmulKernel& kernel, const std::function<double()>& limit) {
  CacheRun run(kernel, kInCache, 1);
  const InTurn seconds = RunInTurn(
      21, [&] { return run.Seconds(kCacheRepeats); }, limit);
  const double products = run.Products() * kCacheRepeats * 1e-9;
  return {name,
          std::string(kernel.name),
          Bits(MakeWeights(kernel.format, kInCache, 0)[0]),
          products / Median(seconds.value),
          products / Median(seconds.limit),
          "GMAC/s",
          Spread(seconds.value)};
}

Figure CacheAgainstPeak(const char* name, const MatmulKernel& kernel, PeakInstruction peak) {
  const double products =
      static_cast<double>(kInCache.rows * kInCache.cols * kCacheRepeats * NumThreads());
  return InCache(name, kernel, [=] { return PeakSeconds(peak, products); });
}

Figure CacheAgainstKernel(const char* name, const MatmulKernel& kernel, const MatmulKernel& other) {
  CacheRun run(other, kInCache, 1);
  return InCache(name, kernel, [&] { return run.Seconds(kCacheRepeats); });
}

// The products of a layer of 2B-4T, against oneDNN's u8 s8 product of the same shapes.
Figure LayerAgainstPeer(const char* name, const MatmulKernel& kernel, int64_t num_tokens,
                        int rounds) {
  std::vector<PackedMatrix> weights;
  std::vector<KernelRun> runs;
  std::vector<std::unique_ptr<PeerMatmul>> peers;
  double products = 0, bytes = 0, count = 0;
  for (const LayerShape& shape : kLayer2B) {
    weights.push_back(std::move(MakeWeights(kernel.format, shape, 0)[0]));
    runs.emplace_back(kernel, shape, num_tokens);
    peers.push_back(PeerMatmul::Make(PeerType::kU8S8, num_tokens, shape.rows, shape.cols));
    products += static_cast<double>(shape.rows * shape.cols * num_tokens) * 1e-9;
    count += static_cast<double>(shape.rows * shape.cols);
    bytes += static_cast<double>(WeightBytes(weights.back()));
  }
  const InTurn seconds = RunInTurn(
      rounds,
      [&] {
        return SecondsOf([&] {
          for (size_t i = 0; i < runs.size(); ++i) runs[i].Run(weights[i]);
        });
      },
      [&] {
        return SecondsOf([&] {
          for (const auto& peer : peers) peer->Run();
        });
      });
  return {name,
          std::string(kernel.name),
          8 * bytes / count,
          products / Median(seconds.value),
          products / Median(seconds.limit),
          "GMAC/s",
          Spread(seconds.value)};
}

// One token from memory over all shapes, each in the format it gets here: the smallest share of the
// read bandwidth, against the middle one.
Figure WorstShape(DecodeFromMemory& memory) {
  std::vector<double> shares;
  double bits = 0;
  std::string worst;
  for (const LayerShape& shape : kLayerShapes) {
    const WeightFormat format = PreferredTernaryFormat(shape.rows, WeightScales());
    const MatmulKernel& kernel = ChooseMatmulKernel(MakeWeights(format, shape, 0)[0], 1);
    const Figure figure = memory.Measure("", kernel, shape, 7);
    if (shares.empty() || figure.ratio() < *std::min_element(shares.begin(), shares.end())) {
      worst = std::string(kernel.name) + "/" + shape.name;
      bits = figure.bits;
    }
    shares.push_back(figure.ratio());
  }
  return {"worst_shape",  worst,   bits,          *std::min_element(shares.begin(), shares.end()),
          Median(shares), "share", Spread(shares)};
}

class Printer {
 public:
  explicit Printer(bool json) : json_(json) { std::printf(json ? "[" : "%s", ""); }
  ~Printer() {
    if (json_) std::printf("\n]\n");
  }
  void operator()(const Figure& f) {
    if (json_) {
      std::printf(
          "%s\n  {\"name\": \"%s\", \"kernel\": \"%s\", \"bits\": %.3f, \"value\": %.4g, "
          "\"limit\": %.4g, \"ratio\": %.4f, \"unit\": \"%s\", \"spread\": %.3f}",
          first_ ? "" : ",", f.name, f.kernel.c_str(), f.bits, f.value, f.limit, f.ratio(), f.unit,
          f.spread);
    } else {
      std::printf("%-23s %-18s %5.3f %9.4g %9.4g %7.3f\n", f.name, f.kernel.c_str(), f.bits,
                  f.value, f.limit, f.ratio());
    }
    std::fflush(stdout);
    first_ = false;
  }

 private:
  bool json_;
  bool first_ = true;
};

}  // namespace

void PrintSummary(bool json) {
  Printer print(json);
  const MatmulKernel& dot = Kernel("dot-2bit-one");
  const MatmulKernel& dense = Kernel("lookup-dense");
  const MatmulKernel& quad = Kernel("lookup-quad");
  const bool has_byte_tables = RunsHere(dense);
  const bool has_int8_dot = MeasureInstructionPeak(PeakInstruction::kInt8Dot) > 0;
  const PeakInstruction int8_peak =
      has_int8_dot ? PeakInstruction::kInt8Dot : PeakInstruction::kInt8Pairs;
  {
    DecodeFromMemory memory;
    if (has_byte_tables) print(memory.Measure("decode_dram_dense", dense, kGate, 25));
    print(memory.Measure("decode_dram_2bit", dot, kGate, 25));
  }
  print(CacheAgainstPeak("decode_cache", dot, int8_peak));
  if (has_byte_tables) {
    print(CacheAgainstPeak("decode_cache_dense", dense, int8_peak));
    print(CacheAgainstKernel("lookup_vs_dot", quad, dot));
  } else {
    print(CacheAgainstKernel("lookup_vs_dot", Kernel("lookup-add"), dot));
  }
  if (UseSimdTarget("AVX2")) {
    print(CacheAgainstKernel("lookup_vs_maddubs_avx2", Kernel("lookup-add"), dot));
    print(CacheAgainstPeak("maddubs_avx2_cache", dot, PeakInstruction::kInt8Pairs));
  }
  if (UseSimdTarget("SSE4")) {
    print(CacheAgainstKernel("lookup_vs_maddubs_sse4", Kernel("lookup-add"), dot));
  }
  UseSimdTarget("");
  print(LayerAgainstPeer("gemm512_vs_onednn", Kernel("dot-2bit-many"), 512, 7));
  print(LayerAgainstPeer("gemm128_vs_onednn", Kernel("dot-2bit-many"), 128, 15));
  if (has_byte_tables) {
    print(LayerAgainstPeer("gemm512_dense", Kernel("dot-dense-many"), 512, 7));
  }
  print(FourTokens("tokens4_2bit", WeightFormat::kTernary2Bit));
  if (has_byte_tables) print(FourTokens("tokens4_dense", WeightFormat::kTernaryDense));
  print(SixteenTokens(int8_peak));
  if (has_byte_tables) {
    print(LayerAgainstPeer("lookup_gemm512", quad, 512, 7));
  } else {
    print(LayerAgainstPeer("lookup_gemm512", Kernel("lookup-add"), 512, 3));
  }
  {
    DecodeFromMemory memory;
    print(WorstShape(memory));
  }
}

}  // namespace trit
