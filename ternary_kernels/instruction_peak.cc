#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/instruction_peak.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/instruction_peak.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

int64_t RunPeakLoop(PeakInstruction, int64_t) { return 0; }

#else
namespace {

// Sums that do not wait for each other: enough to hide the latency of any of the instructions.
constexpr int kChains = HWY_TARGET <= HWY_AVX3 ? 20 : 12;

// Makes the compiler keep v in a register.
template <class V>
HWY_INLINE void Keep(V& v) {
#if HWY_ARCH_X86
  asm volatile("" : "+v"(v.raw));
#else
  asm volatile("" : "+w"(v.raw));
#endif
}

// step(v) on all chains, num_rounds times; products of one step. Every step takes the result of the
// one before, so none can be left out. The chains are unrolled here: GCC 12 would leave a loop over
// them, with the array in memory.
template <class V, class Step, int... kChain>
HWY_INLINE int64_t RunChains(V start, int64_t num_rounds, int64_t products, const Step& step,
                             std::integer_sequence<int, kChain...>) {
  V chains[] = {(static_cast<void>(kChain), start)...};
  for (int64_t round = 0; round < num_rounds; ++round) {
    ((chains[kChain] = step(chains[kChain])), ...);
    (Keep(chains[kChain]), ...);
  }
  return num_rounds * kChains * products;
}

template <class V, class Step>
HWY_INLINE int64_t RunChains(V start, int64_t num_rounds, int64_t products, const Step& step) {
  return RunChains(start, num_rounds, products, step, std::make_integer_sequence<int, kChains>());
}

}  // namespace

int64_t RunPeakLoop(PeakInstruction instruction, int64_t num_rounds) {
  const hn::ScalableTag<uint8_t> du8;
  const hn::ScalableTag<int8_t> di8;
  constexpr int64_t kBytes = hn::MaxLanes(du8);
  switch (instruction) {
    case PeakInstruction::kInt8Dot: {
#if TRIT_HAS_BYTE_DOT
      const hn::ScalableTag<int32_t> di32;
      const auto a = hn::Set(du8, 3);
      const auto b = hn::Set(di8, 5);
      return RunChains(hn::Zero(di32), num_rounds, kBytes,
                       [&](auto sum) HWY_ATTR { return SumOfMulQuadAccumulate(di32, a, b, sum); });
#else
      return 0;
#endif
    }
    case PeakInstruction::kInt8Pairs: {
      const hn::ScalableTag<int16_t> di16;
      const auto b = hn::Set(di8, 1);
      return RunChains(hn::Set(di16, 3), num_rounds, kBytes, [&](auto sum) HWY_ATTR {
        return SatWidenMulPairwiseAdd(di16, hn::BitCast(du8, sum), b);
      });
    }
    case PeakInstruction::kBF16Dot: {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
      if (!__builtin_cpu_supports("avx512bf16")) return 0;
      const hn::ScalableTag<float> df;
      const auto a = hn::Zero(df);
      return RunChains(hn::Zero(df), num_rounds, kBytes / 2, [&](auto sum) HWY_ATTR {
        asm("vdpbf16ps %1, %1, %0" : "+v"(sum.raw) : "v"(a.raw));
        return sum;
      });
#else
      return 0;
#endif
    }
    case PeakInstruction::kF32Fma: {
      const hn::ScalableTag<float> df;
      const auto a = hn::Set(df, 0.5f);
      return RunChains(hn::Zero(df), num_rounds, kBytes / 4,
                       [&](auto sum) HWY_ATTR { return hn::MulAdd(sum, a, a); });
    }
  }
  return 0;
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <atomic>
#include <chrono>

#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {

HWY_EXPORT(RunPeakLoop);

const char* PeakInstructionName(PeakInstruction instruction) {
  switch (instruction) {
    case PeakInstruction::kInt8Dot:
      return "int8_dot";
    case PeakInstruction::kInt8Pairs:
      return "int8_pairs";
    case PeakInstruction::kBF16Dot:
      return "bf16_dot";
    case PeakInstruction::kF32Fma:
      return "f32_fma";
  }
  TRIT_CHECK(!"no such instruction");
}

double MeasureInstructionPeak(PeakInstruction instruction) {
  constexpr int64_t kRounds = 400'000;
  std::atomic<int64_t> products{0};
  const auto start = std::chrono::steady_clock::now();
  ParallelFor(NumThreads(), [&](int64_t) {
    products += HWY_DYNAMIC_DISPATCH(RunPeakLoop)(instruction, kRounds);
  });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return static_cast<double>(products) / seconds;
}

}  // namespace trit
#endif  // HWY_ONCE
