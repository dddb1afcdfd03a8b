// The few figures that say how close the kernels are to the machine's limits.
#ifndef TRIT_BENCH_SUMMARY_H_
#define TRIT_BENCH_SUMMARY_H_

namespace trit {

// Measures and prints, in under two minutes, a line a figure: name kernel bits value limit ratio.
// Limits and values are measured in turn; both are medians. As JSON: an array of objects.
void PrintSummary(bool json);

}  // namespace trit

#endif  // TRIT_BENCH_SUMMARY_H_
