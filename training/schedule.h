// Learning rate and weight decay over a run.
//
// Step i of n, w = warmup_steps. While i < w the rate is learning_rate * (i + 1) / w: warm-up
// begins at learning_rate / w and reaches learning_rate in step w - 1. Afterwards it is
// learning_rate * f(p) with p = (i - w) / (n - 1 - w), which is 0 in step w and 1 in the last step;
// F = final_ratio:
//
//   constant   f = 1
//   linear     f = 1 + (F - 1) p
//   cosine     f = F + (1 - F) (1 + cos(pi p)) / 2
//   two_stage  f = 1 + (F - 1) p                             while i < stage2_start * n
//              f = stage2_ratio + (F - stage2_ratio) p       from there on
//   wsd        f = 1                                         while i < stage2_start * n
//              f = F + (1 - F) (1 - sqrt(q))                 from there on, q going from 0 in the
//                                                            first such step to 1 in the last
//
// two_stage is BitNet's ("Training Tips, Code, FAQ", 2024): two straight lines towards the same
// end, the second one from a lower peak, so the rate drops where the stages meet; weight decay ends
// there as well, because a latent weight's size is the confidence in its trit. The paper's second
// peak is two thirds of the first, and F is 0. wsd (warm-up, stable, decay) decays by 1 - sqrt
// (Haegele et al. 2024). Where p or q would have no way to go (n - 1 <= w, say) it is 1.
#ifndef TRIT_TRAINING_SCHEDULE_H_
#define TRIT_TRAINING_SCHEDULE_H_

#include <cstdint>

#include "training/config/training_config.h"

namespace trit {

// Steps count from 0; a step of num_steps or more is like the last one.
double LearningRate(const ScheduleConfig& schedule, int64_t step, int64_t num_steps);

// Factor of the weight decay: 1 while step < weight_decay_until * num_steps, then 0.
double WeightDecayFactor(const ScheduleConfig& schedule, int64_t step, int64_t num_steps);

}  // namespace trit

#endif  // TRIT_TRAINING_SCHEDULE_H_
