// How much memory this process has taken, as the operating system counts it.
#ifndef TRIT_TRAINING_LOGS_PROCESS_MEMORY_H_
#define TRIT_TRAINING_LOGS_PROCESS_MEMORY_H_

#include <cstdint>
#include <optional>

namespace trit {

// The most it ever had resident since it began or since the last reset, bytes; nothing where the
// system does not say.
std::optional<int64_t> PeakMemory();

// Gives back what is freed, and begins to count anew. False where the system cannot.
[[nodiscard]] bool ResetPeakMemory();

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_PROCESS_MEMORY_H_
