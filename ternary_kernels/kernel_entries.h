// The functions behind the list of matmul kernels (matmul_kernel.cc), one pair a kernel; see
// MatmulKernel for what each does. For the files of this folder only.
#ifndef TRIT_TERNARY_KERNELS_KERNEL_ENTRIES_H_
#define TRIT_TERNARY_KERNELS_KERNEL_ENTRIES_H_

#include <cstdint>

#include "ternary_kernels/matmul_kernel.h"

namespace trit {

// Rows that dense kernels compute together: ranges of whole multiples run fastest.
inline constexpr int64_t kDenseRowMultiple = 8;

// Plain scalar loops over unpacked rows: the definition of every other kernel's result.
void ReferenceMatmul(const MatmulCall& call, const MatmulRange& range);

void Dot2BitOne(const MatmulCall& call, const MatmulRange& range);
void Dot2BitFew(const MatmulCall& call, const MatmulRange& range);
void Dot2BitMany(const MatmulCall& call, const MatmulRange& range);
void DotInt4Few(const MatmulCall& call, const MatmulRange& range);
void DotInt4Many(const MatmulCall& call, const MatmulRange& range);
void DotInt8Few(const MatmulCall& call, const MatmulRange& range);
void DotInt8Many(const MatmulCall& call, const MatmulRange& range);
// Whether the SIMD target in force has the lookups of LookupDense, LookupQuad and DotDenseMany.
bool HasByteTables();
void LookupDense(const MatmulCall& call, const MatmulRange& range);
void LookupQuad(const MatmulCall& call, const MatmulRange& range);
void DotDenseMany(const MatmulCall& call, const MatmulRange& range);
void LookupAdd(const MatmulCall& call, const MatmulRange& range);
void DenseMatmul(const MatmulCall& call, const MatmulRange& range);

}  // namespace trit

#endif  // TRIT_TERNARY_KERNELS_KERNEL_ENTRIES_H_
