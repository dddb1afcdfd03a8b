#include "ternary_kernels/code_statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kBlock = 1 << 16;

// part(begin, end) of every block, in order.
template <typename Result, typename Part>
std::vector<Result> PerBlock(int64_t n, const Part& part) {
  std::vector<Result> results(static_cast<size_t>((n + kBlock - 1) / kBlock));
  ParallelForBlocks(n, kBlock, [&](int64_t begin, int64_t end) {
    results[static_cast<size_t>(begin / kBlock)] = part(begin, end);
  });
  return results;
}

template <typename Counted>
int64_t Count(int64_t n, const Counted& counted) {
  int64_t total = 0;
  for (const int64_t count : PerBlock<int64_t>(n, [&](int64_t begin, int64_t end) {
         int64_t sum = 0;
         for (int64_t i = begin; i < end; ++i) sum += counted(i) ? 1 : 0;
         return sum;
       })) {
    total += count;
  }
  return total;
}

}  // namespace

int64_t CountZeros(const int8_t* codes, int64_t n) {
  return Count(n, [=](int64_t i) { return codes[i] == 0; });
}

int64_t CountDifferences(const int8_t* a, const int8_t* b, int64_t n) {
  return Count(n, [=](int64_t i) { return a[i] != b[i]; });
}

float MaxAbs(const float* x, int64_t n) {
  float largest = 0;
  for (const float block : PerBlock<float>(n, [=](int64_t begin, int64_t end) {
         float max = 0;
         for (int64_t i = begin; i < end; ++i) max = std::max(max, std::fabs(x[i]));
         return max;
       })) {
    largest = std::max(largest, block);
  }
  return largest;
}

}  // namespace trit
