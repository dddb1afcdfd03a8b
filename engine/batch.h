// A batch is ragged: rows of tokens, cut into segments of consecutive positions of one sequence.
// Packed training documents, a prompt in pieces, concurrent chats and speculated tokens are all this.
#ifndef TRIT_ENGINE_BATCH_H_
#define TRIT_ENGINE_BATCH_H_

#include <cstdint>
#include <span>
#include <vector>

namespace trit {

using SequenceId = int32_t;

struct Segment {
  SequenceId sequence = 0;     // of the executor's KV cache; training documents are on their own
  int64_t first_position = 0;  // position of the segment's first row in its sequence
  int64_t num_rows = 0;
};

// Segments cover the rows in order. positions[r] = first_position + index within the segment.
struct Batch {
  std::vector<int32_t> tokens;     // (rows)
  std::vector<int32_t> positions;  // (rows)
  std::vector<Segment> segments;

  int64_t num_rows() const { return static_cast<int64_t>(tokens.size()); }
  void Clear();
  // Appends one segment with its tokens and positions.
  void AddSegment(SequenceId sequence, int64_t first_position, std::span<const int32_t> new_tokens);
};

}  // namespace trit

#endif  // TRIT_ENGINE_BATCH_H_
