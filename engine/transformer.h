// The architecture, stated once for training and inference.
#ifndef TRIT_ENGINE_TRANSFORMER_H_
#define TRIT_ENGINE_TRANSFORMER_H_

#include <cstdint>

#include "engine/batch.h"
#include "engine/executor.h"
#include "engine/model_config.h"
#include "engine/weight_table.h"

namespace trit {

// Embedding, layers and the last norm: returns the hidden state that the head takes.
Value ForwardTransformer(const ModelConfig& config, const WeightTable& table, const Batch& batch,
                         Executor& executor);

// One layer, between its BeginLayer and EndLayer.
Value ForwardLayer(const ModelConfig& config, const WeightTable& table, int64_t layer, Value x,
                   Executor& executor);

}  // namespace trit

#endif  // TRIT_ENGINE_TRANSFORMER_H_
