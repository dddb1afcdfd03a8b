// A counter-based random generator: value i of a stream is a function of (seed, stream, i) alone,
// so draws can be made in any order and resumed from anywhere. SplitMix64's mixing (Steele et al.
// 2014).
#ifndef TRIT_TRAINING_RANDOM_H_
#define TRIT_TRAINING_RANDOM_H_

#include <cstdint>

namespace trit {

class CounterRandom {
 public:
  CounterRandom(uint64_t seed, uint64_t stream) : key_(Mix(seed + Mix(stream + kStep))) {}

  uint64_t Bits(uint64_t index) const { return Mix(key_ + (index + 1) * kStep); }
  // In [0, 1), 53 bits.
  double Uniform(uint64_t index) const { return static_cast<double>(Bits(index) >> 11) * 0x1p-53; }
  // In [0, bound), bound >= 1; the bias is below bound / 2^64.
  uint64_t Below(uint64_t index, uint64_t bound) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Bits(index)) * bound) >> 64);
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t key_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_RANDOM_H_
