// Batches that an update should not be made of: a loss or gradient that is not finite, or a spike.
// A spike lies many standard deviations above the mean of the last kSpikeWindow batches.
#ifndef TRIT_TRAINING_BAD_BATCH_H_
#define TRIT_TRAINING_BAD_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace trit {

inline constexpr size_t kSpikeWindow = 128;
// So many bad batches one after the other are no accident: the run stops.
inline constexpr int64_t kMaxSkippedInARow = 20;

// (value - mean) / standard deviation of `recent`. 0 while there are fewer than kSpikeWindow, or if
// value is the mean; infinite above the mean of values that are all equal.
double ZScore(const std::vector<double>& recent, double value);

// Appends, and drops the oldest beyond the window.
void Remember(double value, std::vector<double>& recent);

// Why the batch is bad, such as "the loss 9.31 lies 7.2 standard deviations above the last 128";
// empty if it is not. zscore 0: spikes are not looked for.
std::string BadBatchReason(double loss, double grad_norm, double zscore,
                           const std::vector<double>& recent_losses,
                           const std::vector<double>& recent_grad_norms);

}  // namespace trit

#endif  // TRIT_TRAINING_BAD_BATCH_H_
