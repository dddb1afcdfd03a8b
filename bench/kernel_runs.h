// Problems for timing matmul kernels: weights, activations and outputs of a shape, from memory or
// in the caches.
#ifndef TRIT_BENCH_KERNEL_RUNS_H_
#define TRIT_BENCH_KERNEL_RUNS_H_

#include <cstdint>
#include <vector>

#include "bench/layer_shapes.h"
#include "ternary_kernels/matmul_kernel.h"

namespace trit {

// Random weights of one shape in a format, in as many copies as make up min_bytes: run in turn they
// come from memory if that is far more than the caches hold.
std::vector<PackedMatrix> MakeWeights(WeightFormat format, LayerShape shape, int64_t min_bytes);
int64_t WeightBytes(const PackedMatrix& weights);

// Activations of some tokens, as codes and as floats, and room for outputs.
class KernelRun {
 public:
  KernelRun(const MatmulKernel& kernel, LayerShape shape, int64_t num_tokens);
  // All rows, all threads.
  void Run(const PackedMatrix& weights);
  // All rows on the calling thread.
  void RunAlone(const PackedMatrix& weights);

 private:
  MatmulCall Call(const PackedMatrix& weights);

  const MatmulKernel& kernel_;
  int64_t num_tokens_;
  std::vector<float> x_;
  ActivationCodes codes_;
  std::vector<float> out_;
};

// Every thread multiplies weights of its own, which stay in its cache, num_repeats times; seconds.
class CacheRun {
 public:
  CacheRun(const MatmulKernel& kernel, LayerShape shape, int64_t num_tokens);
  double Seconds(int64_t num_repeats);
  // Of all threads, in one repeat.
  double Products() const { return products_; }

 private:
  std::vector<PackedMatrix> weights_;  // one a thread
  std::vector<KernelRun> runs_;
  double products_;
};

}  // namespace trit

#endif  // TRIT_BENCH_KERNEL_RUNS_H_
