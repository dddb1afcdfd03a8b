// AdamW over all weights of the table (ternary_kernels/adamw.h), and the global gradient norm.
#ifndef TRIT_TRAINING_OPTIMIZER_H_
#define TRIT_TRAINING_OPTIMIZER_H_

#include <cstdint>

#include "training/config/training_config.h"
#include "training/parameters.h"

namespace trit {

// Square root of the sum of squares of all gradients, in a fixed order.
double GradientNorm(const Parameters& parameters);

struct OptimizerStep {
  int64_t step;               // from 0
  double learning_rate;       // the schedule's
  double weight_decay_ratio;  // factor of every weight decay: the schedule's
  double gradient_scale;      // the clip factor
};

void AdamWStepAll(const OptimizerConfig& config, const OptimizerStep& step, Parameters& parameters);

}  // namespace trit

#endif  // TRIT_TRAINING_OPTIMIZER_H_
