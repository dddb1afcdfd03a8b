#include "training/parameters.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <utility>

#include "ternary_kernels/parallel_for.h"
#include "training/random.h"

namespace trit {
namespace {

constexpr int64_t kLineFloats = static_cast<int64_t>(kBufferAlignment / sizeof(float));
constexpr float kInitialStandardDeviation = 0.02f;
constexpr int64_t kInitializationBlock = 1 << 16;  // elements a task

// Box-Muller on two uniform draws; 1 - u keeps the logarithm's argument above 0.
float Normal(const CounterRandom& random, uint64_t index) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.Uniform(2 * index)));
  const double angle = 2.0 * std::numbers::pi * random.Uniform(2 * index + 1);
  return static_cast<float>(radius * std::cos(angle));
}

}  // namespace

Parameters::Parameters(const WeightTable& table) : table_(table) {
  int64_t total = 0;
  for (const WeightInfo& info : table.weights()) {
    offsets_.push_back(total);
    total += (info.NumElements() + kLineFloats - 1) / kLineFloats * kLineFloats;
  }
  for (Buffer* buffer : {&values_, &gradients_, &first_moments_, &second_moments_}) {
    *buffer = Buffer(static_cast<size_t>(total));
  }
  zero_gradients_.resize(table.size());
}

std::span<float> Parameters::Part(Buffer& buffer, WeightId id) const {
  return {buffer.data() + offsets_[static_cast<size_t>(id)],
          static_cast<size_t>(table_[id].NumElements())};
}

std::span<const float> Parameters::Part(const Buffer& buffer, WeightId id) const {
  return {buffer.data() + offsets_[static_cast<size_t>(id)],
          static_cast<size_t>(table_[id].NumElements())};
}

void Parameters::ZeroGradients() { zero_gradients_.assign(table_.size(), true); }

void Parameters::FillIfZero(WeightId id) const {
  const size_t i = static_cast<size_t>(id);
  if (!zero_gradients_[i]) return;
  zero_gradients_[i] = false;
  const std::span<float> gradients = Part(gradients_, id);
  ParallelForBlocks(std::ssize(gradients), kInitializationBlock, [&](int64_t begin, int64_t end) {
    std::fill(gradients.data() + begin, gradients.data() + end, 0.0f);
  });
}

std::span<float> Parameters::Gradients(WeightId id) {
  FillIfZero(id);
  return Part(gradients_, id);
}

std::span<const float> Parameters::Gradients(WeightId id) const {
  FillIfZero(id);
  return Part(std::as_const(gradients_), id);
}

GradientTarget Parameters::TargetFor(WeightId id) {
  const size_t i = static_cast<size_t>(id);
  const bool accumulate = !zero_gradients_[i];
  zero_gradients_[i] = false;
  return {Part(gradients_, id).data(), accumulate};
}

void Parameters::InitializeRandom(uint64_t seed) {
  for (const WeightInfo& info : table_.weights()) {
    const std::span<float> values = Values(info.id);
    if (info.kind == WeightKind::kNorm) {
      std::fill(values.begin(), values.end(), 1.0f);
    } else if (!info.IsVector()) {
      const CounterRandom random(seed, static_cast<uint64_t>(info.id));
      ParallelForBlocks(info.NumElements(), kInitializationBlock, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          values[static_cast<size_t>(i)] =
              kInitialStandardDeviation * Normal(random, static_cast<uint64_t>(i));
        }
      });
    }
  }
}

}  // namespace trit
