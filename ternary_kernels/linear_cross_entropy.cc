#include "ternary_kernels/linear_cross_entropy.h"

#include <algorithm>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/cross_entropy.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/thread_scratch.h"

namespace trit {
namespace {

struct GatheredRows {};
struct ConvertedRows {};
struct Logits {};
struct ConvertedLogits {};

constexpr int64_t kRowMultiple = 64;  // of a chunk; every layout's row_multiple divides it

int64_t RoundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

// Rows a chunk, at most: about 32 Mi gradients of logits. Every chunk passes over dweights once.
int64_t ChunkRows(int64_t vocab_size) {
  return std::clamp<int64_t>((int64_t{1} << 25) / vocab_size, kRowMultiple, 2048) / kRowMultiple *
         kRowMultiple;
}

int64_t PaddedChunk(int64_t num_rows, int64_t vocab_size) {
  return std::min(RoundUp(num_rows, kRowMultiple), ChunkRows(vocab_size));
}

// A right operand's elements: columns are padded to whole panels.
int64_t PackedElements(int64_t rows, int64_t cols) { return rows * RoundUp(cols, 64); }

// The operands of dweights of one chunk.
template <typename T>
struct Chunk {
  int64_t begin, end;  // of call.rows
  int64_t padded_rows;
  TileProduct product;  // (padded_rows, cols)
  T* hidden;            // its packed operand
  T* dlogits;           // (vocab, padded_rows)
};

// Rows [begin, end) of a chunk, at most a tile.
template <typename T>
void RunRows(const LinearCrossEntropyCall<T>& call, const Chunk<T>& chunk, int64_t begin,
             int64_t end) {
  const int64_t cols = call.logits_product->k();
  const int64_t vocab_size = call.logits_product->n();
  const int64_t tile_rows = GemmTileRows();
  const int64_t rows = end - begin;
  const int64_t first = chunk.begin + begin;  // of call.rows
  const bool last = chunk.begin + end == chunk.end;
  const int64_t padded_end = last ? chunk.padded_rows : end;

  float* hidden = ThreadScratch<GatheredRows, float>(tile_rows * cols);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t row = call.rows[static_cast<size_t>(first + r)];
    std::copy_n(call.hidden + row * cols, cols, hidden + r * cols);
  }
  PackRows(chunk.product, hidden, cols, begin, end, padded_end, chunk.hidden);
  T* converted = ThreadScratch<ConvertedRows, T>(tile_rows * cols);
  ScaleRows(hidden, rows, cols, {}, converted);

  float* logits = ThreadScratch<Logits, float>(tile_rows * vocab_size);
  call.logits_product->Run(converted, rows, call.logits_weights, false, logits);
  float log_sum_exp[128];
  TRIT_CHECK(rows <= 128);
  const int32_t* targets = call.targets + first;
  CrossEntropyForward(logits, vocab_size, targets, rows, vocab_size, call.losses + first,
                      log_sum_exp);
  CrossEntropyBackward(logits, vocab_size, targets, log_sum_exp, call.row_weights + first, rows,
                       vocab_size);

  TransposeRows(logits, rows, vocab_size, nullptr, padded_end - begin, chunk.dlogits + begin,
                chunk.padded_rows);
  T* dlogits = ThreadScratch<ConvertedLogits, T>(tile_rows * vocab_size);
  ScaleRows(logits, rows, vocab_size, {}, dlogits);
  call.hidden_product->Run(dlogits, rows, call.hidden_weights, false, hidden);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t row = call.rows[static_cast<size_t>(first + r)];
    std::copy_n(hidden + r * cols, cols, call.dhidden + row * cols);
  }
}

}  // namespace

int64_t LinearCrossEntropyScratch(int64_t num_rows, int64_t cols, int64_t vocab_size) {
  const int64_t padded_rows = PaddedChunk(num_rows, vocab_size);
  return PackedElements(padded_rows, cols) + vocab_size * padded_rows;
}

template <typename T>
void LinearCrossEntropy(const LinearCrossEntropyCall<T>& call) {
  const int64_t cols = call.logits_product->k();
  const int64_t vocab_size = call.logits_product->n();
  TRIT_CHECK(call.hidden_product->k() == vocab_size && call.hidden_product->n() == cols);
  const auto num_rows = static_cast<int64_t>(call.rows.size());
  TRIT_CHECK(num_rows >= 1);
  bool accumulate = call.accumulate;
  for (int64_t begin = 0; begin < num_rows; begin += ChunkRows(vocab_size)) {
    const int64_t end = std::min(num_rows, begin + ChunkRows(vocab_size));
    const int64_t padded_rows = RoundUp(end - begin, kRowMultiple);
    const Chunk<T> chunk{.begin = begin,
                         .end = end,
                         .padded_rows = padded_rows,
                         .product = TileProduct(kGemmTypeOf<T>, padded_rows, cols),
                         .hidden = call.scratch,
                         .dlogits = call.scratch + PackedElements(padded_rows, cols)};
    ParallelForBlocks(end - begin, GemmTileRows(), [&](int64_t tile_begin, int64_t tile_end) {
      RunRows(call, chunk, tile_begin, tile_end);
    });
    ParallelForBlocks(vocab_size, GemmTileRows(), [&](int64_t tile_begin, int64_t tile_end) {
      chunk.product.Run(chunk.dlogits + tile_begin * padded_rows, tile_end - tile_begin,
                        chunk.hidden, accumulate, call.dweights + tile_begin * cols);
    });
    accumulate = true;
  }
}

template void LinearCrossEntropy(const LinearCrossEntropyCall<float>&);
template void LinearCrossEntropy(const LinearCrossEntropyCall<BFloat16>&);

}  // namespace trit
