#include "engine/batch.h"

namespace trit {

void Batch::Clear() {
  tokens.clear();
  positions.clear();
  segments.clear();
}

void Batch::AddSegment(SequenceId sequence, int64_t first_position,
                       std::span<const int32_t> new_tokens) {
  const int64_t num_rows = static_cast<int64_t>(new_tokens.size());
  segments.push_back({sequence, first_position, num_rows});
  tokens.insert(tokens.end(), new_tokens.begin(), new_tokens.end());
  for (int64_t i = 0; i < num_rows; ++i) {
    positions.push_back(static_cast<int32_t>(first_position + i));
  }
}

}  // namespace trit
