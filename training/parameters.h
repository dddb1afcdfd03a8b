// Latent weights, their gradients and both Adam moments: one allocation each, in the order of the
// weight table. A weight's part begins on a cache line.
#ifndef TRIT_TRAINING_PARAMETERS_H_
#define TRIT_TRAINING_PARAMETERS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/weight_table.h"
#include "ternary_kernels/aligned_buffer.h"
#include "training/gradient_target.h"

namespace trit {

class Parameters {
 public:
  // All zero. `table` outlives this; weights must not be added to it later.
  explicit Parameters(const WeightTable& table);

  const WeightTable& table() const { return table_; }
  // Each (info.rows, info.cols) of the weight.
  std::span<float> Values(WeightId id) { return Part(values_, id); }
  std::span<const float> Values(WeightId id) const { return Part(values_, id); }
  // What has not been written since ZeroGradients is filled with zeros here.
  std::span<float> Gradients(WeightId id);
  std::span<const float> Gradients(WeightId id) const;
  std::span<float> FirstMoments(WeightId id) { return Part(first_moments_, id); }
  std::span<const float> FirstMoments(WeightId id) const { return Part(first_moments_, id); }
  std::span<float> SecondMoments(WeightId id) { return Part(second_moments_, id); }
  std::span<const float> SecondMoments(WeightId id) const { return Part(second_moments_, id); }

  // Makes all gradients zero, when they are next asked for.
  void ZeroGradients();
  // For an operation that writes a whole gradient: the first since ZeroGradients need not add.
  GradientTarget TargetFor(WeightId id);

  // Matrices normal(0, 0.02), norm weights 1; the same for a seed on every machine and for any
  // number of threads. Learned quantizer scales stay 0: their quantizer sets them.
  void InitializeRandom(uint64_t seed);

 private:
  using Buffer = AlignedBuffer<float>;
  void FillIfZero(WeightId id) const;
  std::span<float> Part(Buffer& buffer, WeightId id) const;
  std::span<const float> Part(const Buffer& buffer, WeightId id) const;

  const WeightTable& table_;
  std::vector<int64_t> offsets_;  // by WeightId, floats
  Buffer values_, first_moments_, second_moments_;
  mutable Buffer gradients_;
  mutable std::vector<bool> zero_gradients_;  // by WeightId: to be read as zero, whatever is there
};

}  // namespace trit

#endif  // TRIT_TRAINING_PARAMETERS_H_
