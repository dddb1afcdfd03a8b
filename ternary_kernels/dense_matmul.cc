// Products of floating-point weights of any storage format with f32 activations. Weights become
// exact floats as they are loaded; a sum has 16 virtual lanes (matmul_kernel.h), which are one, two
// or four vectors, so that it has the same bits whatever the vector size (on targets with fused
// multiply-add) and whatever the tile of rows and tokens it is computed in.
#include <algorithm>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ternary_kernels/dense_matmul.cc"
#include "hwy/foreach_target.h"
#include "ternary_kernels/hwy_shim-inl.h"
#include "ternary_kernels/kernel_entries.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/q6_k.h"

HWY_BEFORE_NAMESPACE();
namespace trit {
namespace HWY_NAMESPACE {
#if TRIT_SCALAR_TARGET

void DenseRows(const MatmulCall& call, const MatmulRange& range) { ReferenceMatmul(call, range); }

#else
namespace {

constexpr int64_t kLanes = 16;  // virtual lanes
using FloatTag = hn::CappedTag<float, kLanes>;
using Floats = hn::Vec<FloatTag>;
constexpr int64_t kWidth = hn::MaxLanes(FloatTag());
constexpr int kVectors = kLanes / kWidth;  // that make up the lanes of one sum

// Register tiles, rows x tokens. One token: enough sums to hide the latency of an addition.
// Several: as many sums as registers hold, more rows than tokens because rows stay in L1 while
// tokens come from L2.
constexpr int kRowsOneToken = 8;
constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
constexpr int kTokens = 3;
static_assert(kDenseRowMultiple % kRows == 0 && kDenseRowMultiple % kRowsOneToken == 0);

// Columns at a time: a tile's rows and tokens stay in L1 while each vector of lanes passes over
// them.
constexpr int64_t kPassCols = 512;
// Tokens that share a conversion of weights to floats.
constexpr int64_t kTileTokens = 48;

constexpr int64_t kQ8Cols = 32;  // of a q8_0 block: an f16 scale, then a byte a column
constexpr int64_t kQ8Bytes = 2 + kQ8Cols;

// Rows come from memory in short runs, which the CPU does not foresee: while a block of a row
// is read, that of the row in its place in the next tile, num_rows further, is asked for.
template <class Loader>
HWY_INLINE void FetchNextTile(const uint8_t* row, int64_t row_bytes, int64_t num_rows, int64_t k) {
  const uint8_t* next = row + num_rows * row_bytes + k / Loader::kBlockCols * Loader::kBlockBytes;
  for (int64_t i = 0; i < Loader::kBlockBytes; i += 64) __builtin_prefetch(next + i, 0, 2);
}

// A half float at any address, in all lanes.
HWY_INLINE Floats BroadcastF16(const uint8_t* from) {
  const hn::Rebind<hwy::float16_t, FloatTag> df16;
  const hn::Rebind<uint16_t, FloatTag> du16;
  uint16_t bits;
  std::memcpy(&bits, from, 2);
  return hn::PromoteTo(FloatTag(), hn::BitCast(df16, hn::Set(du16, bits)));
}

HWY_INLINE Floats FromInt8(const void* codes) {
  const hn::Rebind<int32_t, FloatTag> di32;
  const hn::Rebind<int8_t, FloatTag> di8;
  const auto values = hn::PromoteTo(di32, hn::LoadU(di8, static_cast<const int8_t*>(codes)));
  return hn::ConvertTo(FloatTag(), values);
}

// Row loaders: lanes [lane, lane + kWidth) of the 16 columns from k of a row. What kBlockCols
// columns, a multiple of 16, have in common is prepared once and passed in.
struct PlainLoader {
  struct Block {};
  static constexpr int64_t kBlockCols = kLanes;
  static constexpr bool kShortRuns = false;
  static HWY_INLINE void Prepare(const uint8_t*, int64_t, Block&) {}
};

struct F32Loader : PlainLoader {
  static constexpr WeightFormat kFormat = WeightFormat::kF32;
  static HWY_INLINE Floats Load(const uint8_t* row, int64_t k, int64_t lane, const Block&) {
    return hn::LoadU(FloatTag(), reinterpret_cast<const float*>(row) + k + lane);
  }
};

struct F16Loader : PlainLoader {
  static constexpr WeightFormat kFormat = WeightFormat::kF16;
  static constexpr int64_t kBlockBytes = 2 * kBlockCols;
  static HWY_INLINE Floats Load(const uint8_t* row, int64_t k, int64_t lane, const Block&) {
    const hn::Rebind<hwy::float16_t, FloatTag> df16;
    const hn::Rebind<uint16_t, FloatTag> du16;
    const auto bits = hn::LoadU(du16, reinterpret_cast<const uint16_t*>(row) + k + lane);
    return hn::PromoteTo(FloatTag(), hn::BitCast(df16, bits));
  }
};

struct BF16Loader : PlainLoader {
  static constexpr WeightFormat kFormat = WeightFormat::kBF16;
  static constexpr int64_t kBlockBytes = 2 * kBlockCols;
  static HWY_INLINE Floats Load(const uint8_t* row, int64_t k, int64_t lane, const Block&) {
    const hn::Rebind<uint16_t, FloatTag> du16;
    const hn::Rebind<uint32_t, FloatTag> du32;
    const auto bits = hn::LoadU(du16, reinterpret_cast<const uint16_t*>(row) + k + lane);
    return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(hn::PromoteTo(du32, bits)));
  }
};

struct Q8Loader {
  static constexpr WeightFormat kFormat = WeightFormat::kQ8_0;
  using Block = Floats;  // the scale
  static constexpr int64_t kBlockCols = kQ8Cols, kBlockBytes = kQ8Bytes;
  static constexpr bool kShortRuns = true;  // 544 bytes
  static HWY_INLINE void Prepare(const uint8_t* row, int64_t k, Block& scale) {
    scale = BroadcastF16(row + k / kQ8Cols * kQ8Bytes);
  }
  static HWY_INLINE Floats Load(const uint8_t* row, int64_t k, int64_t lane, const Block& scale) {
    return hn::Mul(scale, FromInt8(row + k / kQ8Cols * kQ8Bytes + 2 + k % kQ8Cols + lane));
  }
};

struct Q6Loader {
  struct Block {
    alignas(kBufferAlignment) int8_t codes[kQ6Cols];
    alignas(kBufferAlignment) float scales[kQ6Cols / kQ6GroupCols];
  };
  static constexpr WeightFormat kFormat = WeightFormat::kQ6_K;
  static constexpr int64_t kBlockCols = kQ6Cols, kBlockBytes = kQ6Bytes;
  static_assert(kQ6GroupCols == kLanes && kQ6Cols / kQ6GroupCols == kLanes);
  static constexpr bool kShortRuns = true;  // 420 bytes
  static HWY_INLINE void Prepare(const uint8_t* row, int64_t k, Block& to) {
    const hn::CappedTag<uint8_t, kQ6RunCols> du8;
    const hn::Repartition<uint16_t, decltype(du8)> du16;
    const hn::RebindToSigned<decltype(du8)> di8;
    const uint8_t* block = row + k / kQ6Cols * kQ6Bytes;
    const auto store = [&](int64_t i, auto low, auto high) HWY_ATTR {
      const auto q = hn::Or(hn::And(low, hn::Set(du8, 15)), hn::And(high, hn::Set(du8, 48)));
      hn::Store(hn::BitCast(di8, hn::Sub(q, hn::Set(du8, kQ6Zero))), di8, to.codes + i);
    };
    // Shifts move bits between bytes; masks drop them.
    for (int64_t half = 0; half < kQ6Cols; half += 4 * kQ6RunCols) {
      for (int64_t l = 0; l < kQ6RunCols; l += hn::MaxLanes(du8)) {
        const uint8_t* low = block + half / 2 + l;
        const auto low0 = hn::LoadU(du8, low), low1 = hn::LoadU(du8, low + kQ6RunCols);
        const auto high = hn::BitCast(du16, hn::LoadU(du8, block + kQ6HighOffset + half / 4 + l));
        const auto upper = [&](auto bytes) HWY_ATTR {
          return hn::BitCast(du8, hn::ShiftRight<4>(hn::BitCast(du16, bytes)));
        };
        store(half + l, low0, hn::BitCast(du8, hn::ShiftLeft<4>(high)));
        store(half + l + kQ6RunCols, low1, hn::BitCast(du8, hn::ShiftLeft<2>(high)));
        store(half + l + 2 * kQ6RunCols, upper(low0), hn::BitCast(du8, high));
        store(half + l + 3 * kQ6RunCols, upper(low1), hn::BitCast(du8, hn::ShiftRight<2>(high)));
      }
    }
    const Floats d = BroadcastF16(block + kQ6ScaleOffset);
    for (int64_t group = 0; group < kLanes; group += kWidth) {
      const Floats scales = FromInt8(block + kQ6GroupScalesOffset + group);
      hn::Store(hn::Mul(d, scales), FloatTag(), to.scales + group);  // 11 bits x 8 bits: exact
    }
  }
  static HWY_INLINE Floats Load(const uint8_t*, int64_t k, int64_t lane, const Block& block) {
    const int64_t i = k % kQ6Cols;
    const Floats scale = hn::Set(FloatTag(), block.scales[i / kQ6GroupCols]);
    return hn::Mul(scale, FromInt8(block.codes + i + lane));
  }
};

// The lanes of a vector added pairwise (8, 4, 2, 1).
template <class D>
HWY_INLINE float AddVectorLanes(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(d) > 4) {
    const hn::Half<D> half;
    return AddVectorLanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    v = hn::Add(v, hn::Shuffle1032(v));
    return hn::GetLane(hn::Add(v, hn::Shuffle2301(v)));
  }
}

// The same of 16 lanes in memory, whose halves are vectors first.
HWY_INLINE float AddLanes(const float* lanes) {
  Floats sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = hn::Load(FloatTag(), lanes + v * kWidth);
  for (int half = kVectors / 2; half >= 1; half /= 2) {
    for (int v = 0; v < half; ++v) sums[v] = hn::Add(sums[v], sums[v + half]);
  }
  return AddVectorLanes(FloatTag(), sums[0]);
}

// A tile's operands: columns [begin, end) of some rows, in the loader's format, and of some tokens.
struct Operands {
  const uint8_t* rows;
  int64_t row_bytes;  // from one row to the next
  const float* x;
  int64_t x_stride;
  int64_t begin, end;  // begin a multiple of 16
};

// The columns of one block for lanes [lane, lane + kWidth).
template <class Loader, int kNumRows, int kNumTokens>
HWY_INLINE void AddStep(const Operands& o, int64_t begin, int64_t lane,
                        Floats (&sums)[kNumTokens][kNumRows]) {
  typename Loader::Block blocks[kNumRows];
  for (int r = 0; r < kNumRows; ++r) {
    const uint8_t* row = o.rows + r * o.row_bytes;
    Loader::Prepare(row, begin, blocks[r]);
    if constexpr (kNumTokens == 1 && Loader::kShortRuns) {
      FetchNextTile<Loader>(row, o.row_bytes, kNumRows, begin);
    }
  }
  for (int64_t k = begin; k < begin + Loader::kBlockCols; k += kLanes) {
    Floats w[kNumRows];
    for (int r = 0; r < kNumRows; ++r) {
      w[r] = Loader::Load(o.rows + r * o.row_bytes, k, lane, blocks[r]);
    }
    for (int t = 0; t < kNumTokens; ++t) {
      const Floats x = hn::LoadU(FloatTag(), o.x + t * o.x_stride + k + lane);
      for (int r = 0; r < kNumRows; ++r) sums[t][r] = hn::MulAdd(w[r], x, sums[t][r]);
    }
  }
}

// Adds the products of whole steps to lanes: (kNumTokens, kNumRows, kLanes), which start from zero
// if `first`.
template <class Loader, int kNumRows, int kNumTokens>
HWY_NOINLINE void AddSteps(const Operands& o, bool first, float* lanes) {
  const FloatTag df;
  for (int64_t lane = 0; lane < kLanes; lane += kWidth) {
    Floats sums[kNumTokens][kNumRows];
    for (int t = 0; t < kNumTokens; ++t) {
      for (int r = 0; r < kNumRows; ++r) {
        const float* from = lanes + (t * kNumRows + r) * kLanes + lane;
        sums[t][r] = first ? hn::Zero(df) : hn::Load(df, from);
      }
    }
    for (int64_t k = o.begin; k < o.end; k += Loader::kBlockCols) {
      AddStep<Loader, kNumRows, kNumTokens>(o, k, lane, sums);
    }
    for (int t = 0; t < kNumTokens; ++t) {
      for (int r = 0; r < kNumRows; ++r) {
        hn::Store(sums[t][r], df, lanes + (t * kNumRows + r) * kLanes + lane);
      }
    }
  }
}

// The same for any number of columns: the last are padded with zeros on both sides. (Rows of q8_0
// and q6_k consist of whole steps.)
template <class Loader, int kNumRows, int kNumTokens>
void AddTile(Operands o, bool first, float* lanes) {
  const int64_t end = o.end;
  const int64_t rest = (end - o.begin) % Loader::kBlockCols;
  o.end -= rest;
  AddSteps<Loader, kNumRows, kNumTokens>(o, first, lanes);
  if (rest == 0) return;
  constexpr int64_t kStepBytes = kLanes * sizeof(float);
  alignas(kBufferAlignment) uint8_t rows[kNumRows * kStepBytes] = {};
  alignas(kBufferAlignment) float x[kNumTokens * kLanes] = {};
  const int64_t offset = DenseRowBytes(Loader::kFormat, o.end);
  const int64_t bytes = DenseRowBytes(Loader::kFormat, end) - offset;
  for (int r = 0; r < kNumRows; ++r) {
    std::memcpy(rows + r * kStepBytes, o.rows + r * o.row_bytes + offset, bytes);
  }
  for (int t = 0; t < kNumTokens; ++t) {
    std::copy_n(o.x + t * o.x_stride + o.end, rest, x + t * kLanes);
  }
  const Operands last = {rows, kStepBytes, x, kLanes, 0, kLanes};
  AddSteps<Loader, kNumRows, kNumTokens>(last, false, lanes);
}

// AddTile of f32 rows for num_tokens <= kMaxTokens.
template <int kMaxTokens>
void AddTokens(int64_t num_tokens, const Operands& operands, bool first, float* lanes) {
  if constexpr (kMaxTokens > 1) {
    if (num_tokens < kMaxTokens) {
      return AddTokens<kMaxTokens - 1>(num_tokens, operands, first, lanes);
    }
  }
  AddTile<F32Loader, kRows, kMaxTokens>(operands, first, lanes);
}

// One block of columns of kRows rows for several tokens.
template <class Loader>
void AddBlock(Operands o, int64_t num_tokens, bool first, float* lanes) {
  alignas(kBufferAlignment) float converted[kRows * kPassCols];
  if constexpr (Loader::kFormat != WeightFormat::kF32) {
    for (int r = 0; r < kRows; ++r) {
      const uint8_t* row = o.rows + r * o.row_bytes;
      // The last step may read past the row's end, within its buffer's margin, what is not used.
      for (int64_t block = o.begin; block < o.end; block += Loader::kBlockCols) {
        typename Loader::Block common;
        Loader::Prepare(row, block, common);
        FetchNextTile<Loader>(row, o.row_bytes, kRows, block);
        for (int64_t k = block; k < block + Loader::kBlockCols; k += kWidth) {
          hn::Store(Loader::Load(row, k, 0, common), FloatTag(),
                    converted + r * kPassCols + k - o.begin);
        }
      }
    }
    o.rows = reinterpret_cast<const uint8_t*>(converted);
    o.row_bytes = kPassCols * sizeof(float);
    o.x += o.begin;
    o.end -= o.begin;
    o.begin = 0;
  }
  // Tiles of about equal size: 4 tokens are 2 and 2, not 3 and 1.
  const int64_t num_tiles = (num_tokens + kTokens - 1) / kTokens;
  const float* x = o.x;
  int64_t token = 0;
  for (int64_t tile = 0; tile < num_tiles; ++tile) {
    const int64_t next = (tile + 1) * num_tokens / num_tiles;
    o.x = x + token * o.x_stride;
    AddTokens<kTokens>(next - token, o, first, lanes + token * kRows * kLanes);
    token = next;
  }
}

// Outputs of rows [row, row + kNumRows) for tokens [token, token + num_tokens): one token, or kRows
// rows and at most kTileTokens tokens.
template <class Loader, int kNumRows>
void RunBlock(const MatmulCall& call, int64_t row, int64_t token, int64_t num_tokens) {
  constexpr int64_t kMaxOutputs = std::max<int64_t>(kNumRows, kRows * kTileTokens);
  const PackedMatrix& weights = *call.weights;
  const WeightScales& scales = weights.scales;
  const bool one_scale = scales.kind == ScaleKind::kTensor;
  const int64_t group_cols = scales.kind == ScaleKind::kGroup ? scales.group_size : weights.cols;
  Operands operands;
  operands.row_bytes = DenseRowBytes(Loader::kFormat, weights.cols);
  operands.rows = weights.data.data() + row * operands.row_bytes;
  operands.x = call.floats + token * call.floats_stride;
  operands.x_stride = call.floats_stride;

  alignas(kBufferAlignment) float lanes[kMaxOutputs * kLanes];
  float y[kMaxOutputs] = {};
  for (int64_t group = 0; group < weights.cols / group_cols; ++group) {
    const int64_t group_end = (group + 1) * group_cols;
    for (int64_t begin = group * group_cols; begin < group_end; begin += kPassCols) {
      const bool first = begin == group * group_cols;
      operands.begin = begin;
      operands.end = std::min(group_end, begin + kPassCols);
      if (num_tokens == 1) {
        AddTile<Loader, kNumRows, 1>(operands, first, lanes);
      } else if constexpr (kNumRows == kRows) {
        AddBlock<Loader>(operands, num_tokens, first, lanes);
      }
    }
    const float* scale = scales.values.data() + (one_scale ? 0 : group * weights.rows + row);
    for (int64_t i = 0; i < num_tokens * kNumRows; ++i) {
      const float term = AddLanes(lanes + i * kLanes) * scale[one_scale ? 0 : i % kNumRows];
      y[i] = scales.kind == ScaleKind::kGroup ? y[i] + term : term;
    }
  }
  for (int64_t t = 0; t < num_tokens; ++t) {
    const float* residual =
        call.residual ? call.residual + (token + t) * call.residual_stride + row : nullptr;
    float* out = call.out + (token + t) * call.out_stride + row;
    for (int r = 0; r < kNumRows; ++r) {
      out[r] = residual ? y[t * kNumRows + r] + residual[r] : y[t * kNumRows + r];
    }
  }
}

template <class Loader>
void RunRows(const MatmulCall& call, const MatmulRange& range) {
  int64_t row = range.row_begin;
  if (range.token_end - range.token_begin == 1) {
    for (; row + kRowsOneToken <= range.row_end; row += kRowsOneToken) {
      RunBlock<Loader, kRowsOneToken>(call, row, range.token_begin, 1);
    }
  } else {
    for (; row + kRows <= range.row_end; row += kRows) {
      for (int64_t token = range.token_begin; token < range.token_end; token += kTileTokens) {
        RunBlock<Loader, kRows>(call, row, token, std::min(kTileTokens, range.token_end - token));
      }
    }
  }
  for (; row < range.row_end; ++row) {
    for (int64_t token = range.token_begin; token < range.token_end; ++token) {
      RunBlock<Loader, 1>(call, row, token, 1);
    }
  }
}

}  // namespace

void DenseRows(const MatmulCall& call, const MatmulRange& range) {
  switch (call.weights->format) {
    case WeightFormat::kF16:
      return RunRows<F16Loader>(call, range);
    case WeightFormat::kBF16:
      return RunRows<BF16Loader>(call, range);
    case WeightFormat::kQ8_0:
      return RunRows<Q8Loader>(call, range);
    case WeightFormat::kQ6_K:
      return RunRows<Q6Loader>(call, range);
    default:
      return RunRows<F32Loader>(call, range);
  }
}

#endif  // TRIT_SCALAR_TARGET
}  // namespace HWY_NAMESPACE
}  // namespace trit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trit {
HWY_EXPORT(DenseRows);
void DenseMatmul(const MatmulCall& call, const MatmulRange& range) {
  HWY_DYNAMIC_DISPATCH(DenseRows)(call, range);
}
}  // namespace trit
#endif  // HWY_ONCE
