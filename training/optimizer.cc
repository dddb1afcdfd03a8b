#include "training/optimizer.h"

#include <cmath>

#include "ternary_kernels/adamw.h"

namespace trit {

double GradientNorm(const Parameters& parameters) {
  double sum = 0;
  for (const WeightInfo& info : parameters.table().weights()) {
    sum += SumOfSquares(parameters.Gradients(info.id).data(), info.NumElements());
  }
  return std::sqrt(sum);
}

void AdamWStepAll(const OptimizerConfig& config, const OptimizerStep& step,
                  Parameters& parameters) {
  for (const WeightInfo& info : parameters.table().weights()) {
    if (info.kind == WeightKind::kInputRange) continue;  // calibrated, not trained
    const AdamWStep update{.learning_rate = step.learning_rate * config.LearningRateRatioFor(info),
                           .beta1 = config.betas[0],
                           .beta2 = config.betas[1],
                           .eps = config.eps,
                           .weight_decay = config.WeightDecayFor(info) * step.weight_decay_ratio,
                           .gradient_scale = static_cast<float>(step.gradient_scale),
                           .step = step.step + 1};
    AdamWUpdate(update, info.NumElements(), parameters.Values(info.id).data(),
                parameters.Gradients(info.id).data(), parameters.FirstMoments(info.id).data(),
                parameters.SecondMoments(info.id).data());
  }
}

}  // namespace trit
