#include "ternary_kernels/matmul_kernel.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "ternary_kernels/bit_fields.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternary_byte.h"
#include "ternary_kernels/ternary_lookup.h"

namespace trit {
namespace {

constexpr int64_t kAnyTokens = INT64_MAX;

// Whether scale groups, if there are any, consist of whole steps of this many columns.
template <int64_t kColumns>
bool WholeGroups(const PackedMatrix& weights) {
  return weights.scales.kind != ScaleKind::kGroup || weights.scales.group_size % kColumns == 0;
}

template <int kBits>
bool SupportsFields(const PackedMatrix& weights) {
  return WholeGroups<BitFields<kBits>::kCols>(weights) &&
         weights.cols <= BitFields<kBits>::kMaxCols;
}

template <int kBits>
constexpr MatmulKernel FieldDot(std::string_view name, int64_t min_tokens, int64_t max_tokens,
                                decltype(MatmulKernel::run) run) {
  constexpr WeightFormat kFormat = kBits == 2   ? WeightFormat::kTernary2Bit
                                   : kBits == 4 ? WeightFormat::kInt4
                                                : WeightFormat::kInt8;
  return {name, kFormat, min_tokens, max_tokens, kFieldRows, SupportsFields<kBits>, run};
}

template <int64_t kColumns>
bool SupportsByteTables(const PackedMatrix& weights) {
  return WholeGroups<kColumns>(weights) && HasByteTables();
}

template <int64_t kColumns>
constexpr MatmulKernel ByteTables(std::string_view name, WeightFormat format, int64_t max_tokens,
                                  decltype(MatmulKernel::run) run) {
  return {name,
          format,
          1,
          max_tokens,
          kTernaryByteBlockRows,
          SupportsByteTables<kColumns>,
          run,
          MatmulSplit::kRowsOrTokens};
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
    FieldDot<2>("dot-2bit-one", 1, 1, Dot2BitOne),
    FieldDot<2>("dot-2bit-few", 2, 16, Dot2BitFew),
    FieldDot<2>("dot-2bit-many", 17, kAnyTokens, Dot2BitMany),
    Reference("reference-2bit", WeightFormat::kTernary2Bit),
    ByteTables<kTernaryDenseCols>("lookup-dense", WeightFormat::kTernaryDense, 32, LookupDense),
    MatmulKernel{"dot-dense-many", WeightFormat::kTernaryDense, 33, kAnyTokens,
                 kTernaryByteBlockRows, SupportsByteTables<kTernaryDenseCols>, DotDenseMany},
    Reference("reference-dense", WeightFormat::kTernaryDense),
    ByteTables<kTernaryQuadCols>("lookup-quad", WeightFormat::kTernaryQuad, kAnyTokens, LookupQuad),
    Reference("reference-quad", WeightFormat::kTernaryQuad),
    MatmulKernel{"lookup-add", WeightFormat::kTernaryLookup, 1, kAnyTokens, kTernaryLookupRows,
                 WholeGroups<kTernaryLookupCols>, LookupAdd, MatmulSplit::kRowsOrTokens},
    Reference("reference-lookup", WeightFormat::kTernaryLookup),
    FieldDot<4>("dot-int4-few", 1, 16, DotInt4Few),
    FieldDot<4>("dot-int4-many", 17, kAnyTokens, DotInt4Many),
    Reference("reference-int4", WeightFormat::kInt4),
    FieldDot<8>("dot-int8-few", 1, 16, DotInt8Few),
    FieldDot<8>("dot-int8-many", 17, kAnyTokens, DotInt8Many),
    Reference("reference-int8", WeightFormat::kInt8),
    Dense<16>("dense-f32", WeightFormat::kF32),
    Reference("reference-f32", WeightFormat::kF32),
    Dense<16>("dense-f16", WeightFormat::kF16),
    Reference("reference-f16", WeightFormat::kF16),
    Dense<16>("dense-bf16", WeightFormat::kBF16),
    Reference("reference-bf16", WeightFormat::kBF16),
    Dense<32>("dense-q8_0", WeightFormat::kQ8_0),
    Reference("reference-q8_0", WeightFormat::kQ8_0),
    Dense<256>("dense-q6_k", WeightFormat::kQ6_K),
    Reference("reference-q6_k", WeightFormat::kQ6_K),
};

const MatmulKernel* FindKernel(std::string_view name) {
  for (const MatmulKernel& kernel : kKernels) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

// The kernel forced, or null.
std::atomic<const MatmulKernel*> forced_kernel = nullptr;

}  // namespace

std::span<const MatmulKernel> MatmulKernels() { return kKernels; }

bool ForceMatmulKernel(std::string_view name) {
  const MatmulKernel* kernel = FindKernel(name);
  if (kernel == nullptr && !name.empty()) return false;
  forced_kernel = kernel;
  return true;
}

const MatmulKernel& ChooseMatmulKernel(const PackedMatrix& weights, int64_t num_tokens) {
  const auto fits = [&](const MatmulKernel& kernel) {
    return kernel.format == weights.format && kernel.supports(weights);
  };
  const MatmulKernel* forced = forced_kernel;
  if (forced != nullptr && fits(*forced)) return *forced;
  for (const MatmulKernel& kernel : kKernels) {
    if (kernel.min_tokens <= num_tokens && num_tokens <= kernel.max_tokens && fits(kernel)) {
      return kernel;
    }
  }
  TRIT_CHECK(!"every format has a reference kernel");
}

WeightFormat PreferredTernaryFormat(int64_t rows, const WeightScales& scales) {
  const MatmulKernel* forced = forced_kernel;
  if (forced != nullptr && IsTernary(forced->format)) return forced->format;
  const bool whole_bytes =
      scales.kind != ScaleKind::kGroup || scales.group_size % kTernaryDenseCols == 0;
  // Measured on Zen 5, one token from memory, G weights/s dense and 2-bit: 640 x 2560 129 and 171,
  // 1536 x 1536 206 and 175, 2560 x 2560 244 and 229, 14336 x 4096 302 and 272.
  constexpr int64_t kMinDenseRows = 1024;
  return HasByteTables() && whole_bytes && rows >= kMinDenseRows ? WeightFormat::kTernaryDense
                                                                 : WeightFormat::kTernary2Bit;
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
  // More tokens than this are worth sharing out.
  constexpr int64_t kManyTokens = 32;
  if (kernel.split == MatmulSplit::kRowsOrTokens && call.num_tokens > kManyTokens) {
    // Whole tiles of tokens, several a thread.
    const int64_t task_tokens =
        std::min(kManyTokens, (call.num_tokens + NumThreads() - 1) / NumThreads());
    ParallelForBlocks(call.num_tokens, task_tokens, [&](int64_t begin, int64_t end) {
      kernel.run(call, {0, weights.rows, begin, end});
    });
    return;
  }
  // Some tasks a thread, so that a thread that falls behind leaves work to the others; more when
  // each still takes some 30 microseconds.
  constexpr int64_t kTaskProducts = int64_t{1} << 24;
  int64_t num_tasks = NumThreads();
  if (kernel.split == MatmulSplit::kRows && NumThreads() > 1) {
    num_tasks =
        std::max(4 * num_tasks, weights.rows * weights.cols * call.num_tokens / kTaskProducts);
  }
  const int64_t units = (weights.rows + kernel.row_multiple - 1) / kernel.row_multiple;
  const int64_t task_rows = (units + num_tasks - 1) / num_tasks * kernel.row_multiple;
  ParallelForBlocks(weights.rows, task_rows, [&](int64_t begin, int64_t end) {
    kernel.run(call, {begin, end, 0, call.num_tokens});
  });
}

}  // namespace trit
