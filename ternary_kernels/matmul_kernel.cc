#include "ternary_kernels/matmul_kernel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "ternary_kernels/check.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternary_2bit.h"
#include "ternary_kernels/ternary_lookup.h"

namespace trit {
namespace {

constexpr int64_t kAnyTokens = INT64_MAX;

// Whether scale groups, if there are any, consist of whole steps of this many columns.
template <int64_t kColumns>
bool WholeGroups(const PackedMatrix& weights) {
  return weights.scales.kind != ScaleKind::kGroup || weights.scales.group_size % kColumns == 0;
}

bool Supports2Bit(const PackedMatrix& weights) {
  return WholeGroups<kTernary2BitCols>(weights) && weights.cols <= kTernary2BitMaxCols;
}

constexpr MatmulKernel Dot2Bit(std::string_view name, int64_t min_tokens, int64_t max_tokens,
                               decltype(MatmulKernel::run) run) {
  return {name, WeightFormat::kTernary2Bit, min_tokens, max_tokens, kTernary2BitRows, Supports2Bit,
          run};
}

// kColumns: a step, or what shares a scale in the format itself.
template <int64_t kColumns>
constexpr MatmulKernel Dense(std::string_view name, WeightFormat format) {
  return {name, format, 1, kAnyTokens, kDenseRowMultiple, WholeGroups<kColumns>, DenseMatmul};
}

constexpr MatmulKernel Reference(std::string_view name, WeightFormat format) {
  return {name, format, 1, kAnyTokens, 1, WholeGroups<1>, ReferenceMatmul};
}

constexpr std::array kKernels = {
    Dot2Bit("dot-2bit-one", 1, 1, Dot2BitOne),
    Dot2Bit("dot-2bit-few", 2, 16, Dot2BitFew),
    Dot2Bit("dot-2bit-many", 17, kAnyTokens, Dot2BitMany),
    Reference("reference-2bit", WeightFormat::kTernary2Bit),
    MatmulKernel{"lookup-add", WeightFormat::kTernaryLookup, 1, kAnyTokens, kTernaryLookupRows,
                 WholeGroups<kTernaryLookupCols>, LookupAdd},
    Reference("reference-lookup", WeightFormat::kTernaryLookup),
    MatmulKernel{"dot-int8", WeightFormat::kInt8, 1, kAnyTokens, 1,
                 WholeGroups<kInt8ColumnMultiple>, DotInt8},
    Reference("reference-int8", WeightFormat::kInt8),
    Dense<16>("dense-f32", WeightFormat::kF32),
    Reference("reference-f32", WeightFormat::kF32),
    Dense<16>("dense-f16", WeightFormat::kF16),
    Reference("reference-f16", WeightFormat::kF16),
    Dense<16>("dense-bf16", WeightFormat::kBF16),
    Reference("reference-bf16", WeightFormat::kBF16),
    Dense<32>("dense-q8_0", WeightFormat::kQ8_0),
    Reference("reference-q8_0", WeightFormat::kQ8_0),
};

const MatmulKernel* FindKernel(std::string_view name) {
  for (const MatmulKernel& kernel : kKernels) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

// The kernel forced, or null. The environment is read once; a name there that no kernel has is as
// good as none.
std::atomic<const MatmulKernel*>& ForcedKernel() {
  static std::atomic<const MatmulKernel*> forced = [] {
    const char* name = std::getenv("TRIT_KERNEL");
    return name == nullptr ? nullptr : FindKernel(name);
  }();
  return forced;
}

}  // namespace

std::span<const MatmulKernel> MatmulKernels() { return kKernels; }

bool ForceMatmulKernel(std::string_view name) {
  const MatmulKernel* kernel = FindKernel(name);
  if (kernel == nullptr && !name.empty()) return false;
  ForcedKernel() = kernel;
  return true;
}

const MatmulKernel& ChooseMatmulKernel(const PackedMatrix& weights, int64_t num_tokens) {
  const auto fits = [&](const MatmulKernel& kernel) {
    return kernel.format == weights.format && kernel.supports(weights);
  };
  const MatmulKernel* forced = ForcedKernel();
  if (forced != nullptr && fits(*forced)) return *forced;
  for (const MatmulKernel& kernel : kKernels) {
    if (kernel.min_tokens <= num_tokens && num_tokens <= kernel.max_tokens && fits(kernel)) {
      return kernel;
    }
  }
  TRIT_CHECK(!"every format has a reference kernel");
}

WeightFormat PreferredTernaryFormat() {
  const MatmulKernel* forced = ForcedKernel();
  if (forced != nullptr && forced->format == WeightFormat::kTernaryLookup) return forced->format;
  return WeightFormat::kTernary2Bit;
}

void Matmul(const MatmulCall& call) {
  Matmul(call, ChooseMatmulKernel(*call.weights, call.num_tokens));
}

void Matmul(const MatmulCall& call, const MatmulKernel& kernel) {
  const PackedMatrix& weights = *call.weights;
  const bool takes_codes = TakesCodes(weights.format);
  TRIT_CHECK(kernel.format == weights.format && kernel.supports(weights));
  TRIT_CHECK((call.codes != nullptr) == takes_codes && (call.floats != nullptr) == !takes_codes);
  if (takes_codes) {
    TRIT_CHECK(call.codes->cols == weights.cols && call.codes->num_tokens >= call.num_tokens);
  }
  // Some tasks a thread, so that a thread that falls behind leaves work to the others.
  constexpr int64_t kTasksPerThread = 4;
  const int64_t num_tasks = NumThreads() == 1 ? 1 : NumThreads() * kTasksPerThread;
  const int64_t units = (weights.rows + kernel.row_multiple - 1) / kernel.row_multiple;
  const int64_t task_rows = (units + num_tasks - 1) / num_tasks * kernel.row_multiple;
  ParallelForBlocks(weights.rows, task_rows,
                    [&](int64_t begin, int64_t end) { kernel.run(call, begin, end); });
}

}  // namespace trit
