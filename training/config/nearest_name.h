// "Did you mean …": the known name that is closest to what a user wrote.
#ifndef TRIT_TRAINING_CONFIG_NEAREST_NAME_H_
#define TRIT_TRAINING_CONFIG_NEAREST_NAME_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace trit {

// Fewest insertions, deletions and substitutions of a byte, and swaps of two neighbours, that turn
// `a` into `b` (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b);

// The closest of `known`, at least one; the first of equals. Names may be dotted ("train.steps"): a
// name that fits only in its last part ("seed", "model.seed") is one edit away.
const std::string& NearestName(std::string_view name, std::span<const std::string> known);

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_NEAREST_NAME_H_
