// layers.jsonl of a run: what step_telemetry.h measures, a JSON object every train.telemetry_every
// steps; arrays by quantized matrix, then by layer.
//   {"step":0,"matrices":["layers.0.self_attn.q_proj",…],"zero_share":[…],"flip_rate":[…],
//    "scale":[…],"residual_max":[…],"attention_max":[…],"gated_max":[…]}
#ifndef TRIT_TRAINING_LOGS_LAYERS_LOG_H_
#define TRIT_TRAINING_LOGS_LAYERS_LOG_H_

#include <cstdint>
#include <string>

#include "training/logs/step_telemetry.h"

namespace trit {

// The object on one line, without a line end.
std::string TelemetryToJson(int64_t step, const StepTelemetry& telemetry);

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_LAYERS_LOG_H_
