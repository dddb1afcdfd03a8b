// The sampling options of commands that write text.
#ifndef TRIT_TOOLS_SAMPLING_FLAGS_H_
#define TRIT_TOOLS_SAMPLING_FLAGS_H_

#include <cstdint>

#include "engine/generation_options.h"
#include "tools/options.h"

namespace trit {

// Declares --temp and the others under the title "Sampling". The seed is set in `sampling` by
// Options::Parse as the rest is.
void DeclareSamplingFlags(Options& options, SamplingOptions& sampling);

}  // namespace trit

#endif  // TRIT_TOOLS_SAMPLING_FLAGS_H_
