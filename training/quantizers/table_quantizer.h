// Embeddings and heads of few bits: blocks of q8_0 and q4_0 have them exactly.
#ifndef TRIT_TRAINING_QUANTIZERS_TABLE_QUANTIZER_H_
#define TRIT_TRAINING_QUANTIZERS_TABLE_QUANTIZER_H_

#include <cstdint>
#include <memory>

#include "engine/weight_table.h"
#include "ternary_kernels/packed_matrix.h"
#include "training/quantizers/quantization_config.h"
#include "training/quantizers/weight_quantizer.h"

namespace trit {

// Null: full precision. Throws UsageError unless weights are int8 or int4, symmetric, with scales of
// a multiple of 32 columns.
std::unique_ptr<WeightQuantizer> MakeTableQuantizer(const QuantizerChoice& choice,
                                                    const WeightInfo& info);

// To what f16 has, so that a file has what training had.
void RoundTableScales(WeightScales& scales);

// codes: (info.rows, info.cols); scales: rounded. As blocks of q8_0.
PackedMatrix PackTable(const WeightInfo& info, const int8_t* codes, const WeightScales& scales);

}  // namespace trit

#endif  // TRIT_TRAINING_QUANTIZERS_TABLE_QUANTIZER_H_
