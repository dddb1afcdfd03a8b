// The text that a model is scored on, as its tokens.
#ifndef TRIT_TRAINING_EVALUATION_SCORED_TEXT_H_
#define TRIT_TRAINING_EVALUATION_SCORED_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/model.h"

namespace trit {

// Of a text, a .jsonl of {"text": …}, or a .bin of token ids. Throws Error unless there are at
// least two.
std::vector<int32_t> ReadScoredText(const std::string& path, const Model& model);

// Bytes of text that the scored tokens stand for: all but the first; 0 if nobody knows.
int64_t CountScoredBytes(const Model& model, std::span<const int32_t> tokens);

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_SCORED_TEXT_H_
