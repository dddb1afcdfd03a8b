// How long a model takes to read or to generate tokens.
#ifndef TRIT_ENGINE_SPEED_TEST_H_
#define TRIT_ENGINE_SPEED_TEST_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/model.h"

namespace trit {

struct SpeedTest {
  bool generation = false;  // one token after the other, as generating does; else all at once
  int64_t num_tokens = 0;
};

// Seconds of each repetition, from an empty context every time, after a run that does not count.
// The tokens are of no meaning, which does not change the speed. `progress` gets the number of each
// repetition, from 1, before it; may be empty.
std::vector<double> MeasureSpeed(const Model& model, const SpeedTest& test, int64_t repetitions,
                                 const std::function<void(int64_t repetition)>& progress = {});

}  // namespace trit

#endif  // TRIT_ENGINE_SPEED_TEST_H_
