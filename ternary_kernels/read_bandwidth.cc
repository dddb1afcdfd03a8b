#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/read_bandwidth.cc"
#include "ternary_kernels/read_bandwidth.h"

#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {

// Sum of words[0, count); count is a multiple of four vectors. Four sums keep the loads from
// waiting for the additions.
uint64_t SumWords(const uint64_t* words, int64_t count) {
  const hn::ScalableTag<uint64_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  for (int64_t i = 0; i < count; i += 4 * lanes) {
    sum0 = hn::Add(sum0, hn::Load(d, words + i));
    sum1 = hn::Add(sum1, hn::Load(d, words + i + lanes));
    sum2 = hn::Add(sum2, hn::Load(d, words + i + 2 * lanes));
    sum3 = hn::Add(sum3, hn::Load(d, words + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <atomic>
#include <chrono>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {

HWY_EXPORT(SumWords);

uint64_t ReadWords(const uint64_t* words, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SumWords)(words, count);
}

uint64_t ReadWordsInParallel(const uint64_t* words, int64_t count) {
  constexpr int64_t kTaskWords = 64 * 1024;  // 512 KiB
  std::atomic<uint64_t> total{0};
  ParallelForBlocks(count, kTaskWords, [&](int64_t begin, int64_t end) {
    total += ReadWords(words + begin, end - begin);
  });
  return total;
}

double MeasureReadBandwidth(int64_t num_bytes, int num_passes) {
  const int64_t num_words = (num_bytes + 255) / 256 * 32;
  const AlignedBuffer<uint64_t> words(static_cast<size_t>(num_words));
  std::atomic<uint64_t> total{0};
  double best_seconds = 0;
  for (int pass = 0; pass < num_passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    total += ReadWordsInParallel(words.data(), num_words);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best_seconds = pass == 0 ? seconds : std::min(best_seconds, seconds);
  }
  return static_cast<double>(num_words * 8) / best_seconds;
}

}  // namespace trit
#endif  // HWY_ONCE
