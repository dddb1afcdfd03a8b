// How many multiply-adds a second this CPU can do at most: the limit of products whose operands
// stay in registers or close by, measured with nothing but the instruction itself.
#ifndef TRIT_TERNARY_KERNELS_INSTRUCTION_PEAK_H_
#define TRIT_TERNARY_KERNELS_INSTRUCTION_PEAK_H_

#include <cstdint>

namespace trit {

enum class PeakInstruction : uint8_t {
  kInt8Dot,    // quadruples of u8 s8 products added to int32 (vpdpbusd)
  kInt8Pairs,  // pairs of u8 s8 products saturated to int16 (maddubs); their sums not counted
  kBF16Dot,    // pairs of bf16 products added to f32 (vdpbf16ps)
  kF32Fma,     // fused multiply-adds of f32
};

const char* PeakInstructionName(PeakInstruction instruction);  // "int8_dot" …

// Multiply-adds a second of NumThreads() threads together on the SIMD target in force, in one run
// of a few milliseconds; 0 if the target or the CPU has no such instruction.
double MeasureInstructionPeak(PeakInstruction instruction);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_INSTRUCTION_PEAK_H_
