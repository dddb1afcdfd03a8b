#include "training/tape.h"

#include <utility>

#include "ternary_kernels/check.h"
#include "ternary_kernels/operand_conversion.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/task_size.h"

namespace trit {
namespace {

// y += x
void AddInParallel(const float* x, int64_t n, float* y) {
  ParallelForBlocks(n, kTaskElements,
                    [&](int64_t begin, int64_t end) { AddTo(x + begin, end - begin, y + begin); });
}

}  // namespace

void Tape::Begin(int64_t rows, bool recording) {
  for (size_t i = 0; i < entries_.size(); ++i) Free(Value{static_cast<int32_t>(i)});
  entries_.clear();
  ops_.clear();
  first_unreleased_ = 0;
  rows_ = rows;
  recording_ = recording;
}

Tape::Entry& Tape::At(Value value) {
  TRIT_CHECK(value.valid() && static_cast<size_t>(value.index) < entries_.size());
  return entries_[static_cast<size_t>(value.index)];
}

Value Tape::NewValue(int64_t width) {
  entries_.push_back({.width = width, .data = pool_.Take(rows_ * width), .gradient = {}});
  return {static_cast<int32_t>(entries_.size()) - 1};
}

Value Tape::NewDeferred(int64_t width) {
  entries_.push_back({.width = width, .data = {}, .gradient = {}});
  return {static_cast<int32_t>(entries_.size()) - 1};
}

float* Tape::Data(Value value) {
  TRIT_CHECK(!At(value).data.empty());
  return At(value).data.data();
}

void Tape::ReleaseUnkept(Value except) {
  const size_t kept_back = except.valid() ? static_cast<size_t>(except.index) : entries_.size();
  for (size_t i = first_unreleased_; i < entries_.size(); ++i) {
    if (i != kept_back && !entries_[i].keep) pool_.Return(std::move(entries_[i].data));
  }
  first_unreleased_ = std::min(kept_back, entries_.size());
}

const float* Tape::Gradient(Value value) {
  TRIT_CHECK(!At(value).gradient.empty());
  return At(value).gradient.data();
}

GradientTarget Tape::TargetFor(Value value) {
  Entry& entry = At(value);
  const bool accumulate = !entry.gradient.empty();
  if (!accumulate) entry.gradient = pool_.Take(rows_ * entry.width);
  return {entry.gradient.data(), accumulate};
}

void Tape::PassGradient(Value from, Value to) {
  Entry& source = At(from);
  Entry& target = At(to);
  TRIT_CHECK(source.width == target.width && !source.gradient.empty());
  if (target.gradient.empty()) {
    target.gradient = std::move(source.gradient);
  } else {
    AddInParallel(source.gradient.data(), rows_ * source.width, target.gradient.data());
  }
}

void Tape::Free(Value value) {
  Entry& entry = At(value);
  pool_.Return(std::move(entry.data));
  pool_.Return(std::move(entry.gradient));
}

void Tape::Backward() {
  TRIT_CHECK(recording_);
  while (!ops_.empty()) {
    const std::unique_ptr<TapeOp> op = std::move(ops_.back());
    ops_.pop_back();
    op->Backward(*this);
  }
}

}  // namespace trit
