#include "training/ops/attention_op.h"

#include <algorithm>

#include "ternary_kernels/check.h"

namespace trit {
namespace {

AttentionShape ShapeOf(const ModelConfig& config) {
  return {config.num_attention_heads, config.num_key_value_heads, config.head_dim};
}

// The pages of one training segment, in scratch memory.
struct SegmentPages {
  std::vector<float*> keys, values;
};

int64_t PagesFor(int64_t rows) { return (rows + kAttentionPage - 1) / kAttentionPage; }

}  // namespace

Value AttentionOp::Forward(OpContext& context, Value q, Value k, Value v) {
  Tape& tape = context.tape;
  const AttentionShape shape = ShapeOf(context.config);
  const Value out = tape.NewValue(tape.Width(q));
  BufferPool::Buffer log_sum_exp;
  if (tape.recording()) log_sum_exp = tape.pool().Take(tape.rows() * shape.num_heads);

  int64_t num_pages = 0;
  for (const Segment& segment : context.batch->segments) num_pages += PagesFor(segment.num_rows);
  Scratch<float> memory(tape.pool(), num_pages * 2 * shape.PageFloats());
  float* next_page = memory.data();

  std::vector<SegmentPages> pages(context.batch->segments.size());
  std::vector<AttentionSegment> segments;
  int64_t row = 0;
  for (size_t i = 0; i < pages.size(); ++i) {
    const Segment& segment = context.batch->segments[i];
    TRIT_CHECK(segment.first_position == 0);
    for (int64_t page = 0; page < PagesFor(segment.num_rows); ++page) {
      pages[i].keys.push_back(next_page);
      pages[i].values.push_back(next_page + shape.PageFloats());
      next_page += 2 * shape.PageFloats();
    }
    if (segment.num_rows % kAttentionPage != 0) {  // slots that stay empty must be finite
      std::fill(pages[i].keys.back(), next_page, 0.0f);
    }
    const int64_t stride = tape.Width(k);
    StoreKeysValues(shape, 0, segment.num_rows, tape.Data(k) + row * stride,
                    tape.Data(v) + row * stride, stride, pages[i].keys.data(),
                    pages[i].values.data());
    segments.push_back({.first_row = row,
                        .num_rows = segment.num_rows,
                        .first_position = 0,
                        .key_pages = pages[i].keys.data(),
                        .value_pages = pages[i].values.data()});
    row += segment.num_rows;
  }
  AttentionForward(shape, segments, tape.Data(q), tape.Width(q), tape.Data(out), tape.Width(out),
                   tape.recording() ? log_sum_exp.data() : nullptr);
  if (tape.recording()) {
    for (const Value value : {q, k, v, out}) tape.Keep(value);
    tape.Record<AttentionOp>(context, q, k, v, out, std::move(log_sum_exp));
  }
  return out;
}

void AttentionOp::Backward(Tape& tape) {
  std::vector<TrainingSegment> segments;
  int64_t row = 0;
  for (const Segment& segment : context_.batch->segments) {
    segments.push_back({.first_row = row, .num_rows = segment.num_rows});
    row += segment.num_rows;
  }
  const GradientTarget dq = tape.TargetFor(q_);
  const GradientTarget dk = tape.TargetFor(k_);
  const GradientTarget dv = tape.TargetFor(v_);
  TRIT_CHECK(!dq.accumulate && !dk.accumulate && !dv.accumulate);  // nothing else reads them
  AttentionBackward(ShapeOf(context_.config), segments, tape.Data(q_), tape.Data(k_), tape.Data(v_),
                    tape.Data(out_), log_sum_exp_.data(), tape.Gradient(out_),
                    context_.weights.precision() == Precision::kBF16, dq.data, dk.data, dv.data);
  tape.pool().Return(std::move(log_sum_exp_));
  tape.Free(out_);
}

}  // namespace trit
