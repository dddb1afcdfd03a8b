// Which SIMD targets this program has, for tests, benches and --max-isa; keeps Highway's own types
// inside this folder.
#ifndef TRIT_TERNARY_KERNELS_SIMD_TARGETS_H_
#define TRIT_TERNARY_KERNELS_SIMD_TARGETS_H_

#include <string>
#include <vector>

namespace trit {

// Names of the targets compiled in and supported by this CPU, best first: "AVX3_DL" … "EMU128".
std::vector<std::string> SimdTargets();
// The one in force.
std::string SimdTarget();
// Uses one target only, or the best again if the name is empty. Returns false if it is not
// available. Call it between kernels, not beside them.
bool UseSimdTarget(const std::string& name);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_SIMD_TARGETS_H_
