#include "bench/kernel_runs.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "bench/timing.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

WeightScales OneScale() {
  WeightScales scales;
  scales.values = AlignedBuffer<float>(1);
  scales.values[0] = 0.02f;
  return scales;
}

PackedMatrix MakeMatrix(WeightFormat format, LayerShape shape) {
  if (!TakesCodes(format)) {
    // Ordinary numbers in every dense format: no subnormals, infinities or NaN.
    PackedMatrix matrix = AllocateDense(format, shape.rows, shape.cols);
    std::fill(matrix.data.begin(), matrix.data.end(), uint8_t{0x2A});
    return matrix;
  }
  return PackCodes(format, shape.rows, shape.cols, OneScale(), [&](int64_t row, int8_t* codes) {
    std::minstd_rand random(static_cast<uint32_t>(row + 1));
    for (int64_t c = 0; c < shape.cols; ++c) {
      codes[c] = static_cast<int8_t>((random() >> 8) % 3) - 1;
    }
  });
}

PackedMatrix Copy(const PackedMatrix& from) {
  PackedMatrix to;
  to.format = from.format;
  to.rows = from.rows;
  to.cols = from.cols;
  to.scales.kind = from.scales.kind;
  to.scales.values = AlignedBuffer<float>(from.scales.values.size());
  std::copy(from.scales.values.begin(), from.scales.values.end(), to.scales.values.begin());
  to.scales.offsets = AlignedBuffer<float>(from.scales.offsets.size());
  std::copy(from.scales.offsets.begin(), from.scales.offsets.end(), to.scales.offsets.begin());
  to.data = AlignedBuffer<uint8_t>(from.data.size());
  std::memcpy(to.data.data(), from.data.data(), from.data.size());
  return to;
}

}  // namespace

int64_t WeightBytes(const PackedMatrix& weights) {
  return static_cast<int64_t>(weights.data.size());
}

std::vector<PackedMatrix> MakeWeights(WeightFormat format, LayerShape shape, int64_t min_bytes) {
  std::vector<PackedMatrix> weights;
  weights.push_back(MakeMatrix(format, shape));
  const int64_t copies = (min_bytes + WeightBytes(weights[0]) - 1) / WeightBytes(weights[0]);
  while (static_cast<int64_t>(weights.size()) < copies) weights.push_back(Copy(weights[0]));
  return weights;
}

KernelRun::KernelRun(const MatmulKernel& kernel, LayerShape shape, int64_t num_tokens)
    : kernel_(kernel),
      num_tokens_(num_tokens),
      x_(static_cast<size_t>(num_tokens * shape.cols)),
      out_(static_cast<size_t>(num_tokens * shape.rows)) {
  std::minstd_rand random(7);
  for (float& x : x_) x = static_cast<float>(random()) * 0x1p-30f - 1.0f;
  if (TakesCodes(kernel.format)) {
    QuantizeLinearInput({.cols = shape.cols, .x = x_.data()}, num_tokens, codes_);
  }
}

MatmulCall KernelRun::Call(const PackedMatrix& weights) {
  MatmulCall call{.weights = &weights,
                  .num_tokens = num_tokens_,
                  .out = out_.data(),
                  .out_stride = weights.rows};
  if (TakesCodes(kernel_.format)) {
    call.codes = &codes_;
  } else {
    call.floats = x_.data();
    call.floats_stride = weights.cols;
  }
  return call;
}

void KernelRun::Run(const PackedMatrix& weights) { Matmul(Call(weights), kernel_); }

void KernelRun::RunAlone(const PackedMatrix& weights) {
  kernel_.run(Call(weights), {0, weights.rows, 0, num_tokens_});
}

CacheRun::CacheRun(const MatmulKernel& kernel, LayerShape shape, int64_t num_tokens)
    : products_(static_cast<double>(shape.rows * shape.cols * num_tokens) * NumThreads()) {
  for (int thread = 0; thread < NumThreads(); ++thread) {
    weights_.push_back(MakeMatrix(kernel.format, shape));
    runs_.emplace_back(kernel, shape, num_tokens);
  }
}

double CacheRun::Seconds(int64_t num_repeats) {
  return SecondsOf([&] {
    ParallelFor(NumThreads(), [&](int64_t thread) {
      const auto i = static_cast<size_t>(thread);
      for (int64_t n = 0; n < num_repeats; ++n) runs_[i].RunAlone(weights_[i]);
    });
  });
}

}  // namespace trit
