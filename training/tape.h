// The tape: the values of one forward pass and the operations that made them, in order. Backward
// walks the operations in reverse; each adds to the gradients of its inputs.
#ifndef TRIT_TRAINING_TAPE_H_
#define TRIT_TRAINING_TAPE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/executor.h"
#include "training/buffer_pool.h"
#include "training/gradient_target.h"

namespace trit {

class Tape;

// One recorded operation. It holds what its backward needs.
class TapeOp {
 public:
  virtual ~TapeOp() = default;
  // Reads the gradients of its outputs, adds to those of its inputs and of its weights.
  virtual void Backward(Tape& tape) = 0;
};

class Tape {
 public:
  // `recording` off: values live until their layer ends, no operations are kept.
  void Begin(int64_t rows, bool recording);
  bool recording() const { return recording_; }
  // For the operations that follow.
  void set_recording(bool recording) { recording_ = recording; }
  int64_t rows() const { return rows_; }
  BufferPool& pool() { return pool_; }

  Value NewValue(int64_t width);
  // One without data of its own.
  Value NewDeferred(int64_t width);
  int64_t Width(Value value) const { return At(value).width; }
  float* Data(Value value);
  // Backward needs this value's data: it outlives its layer.
  void Keep(Value value) { At(value).keep = true; }
  // Gives back the data of all values made since the last call, but for kept ones and `except`.
  void ReleaseUnkept(Value except);

  // Appends an operation; `make` is called only when recording.
  template <typename Op, typename... Args>
  Op* Record(Args&&... args) {
    ops_.push_back(std::make_unique<Op>(std::forward<Args>(args)...));
    return static_cast<Op*>(ops_.back().get());
  }

  // The gradient of a value whose consumers have all run.
  const float* Gradient(Value value);
  GradientTarget TargetFor(Value value);
  // Lets `to` have the whole gradient buffer of `from` (equal widths), which has no more use for
  // it: how a residual passes its gradient on. Adds if `to` already has one.
  void PassGradient(Value from, Value to);
  // Frees data and gradient of a value whose operation has run backward.
  void Free(Value value);

  // Runs all operations backward and forgets them; those that an operation records then come next.
  void Backward();

 private:
  struct Entry {
    int64_t width = 0;
    BufferPool::Buffer data;
    BufferPool::Buffer gradient;
    bool keep = false;
  };
  Entry& At(Value value);
  const Entry& At(Value value) const { return const_cast<Tape*>(this)->At(value); }

  int64_t rows_ = 0;
  bool recording_ = false;
  BufferPool pool_;
  std::vector<Entry> entries_;
  size_t first_unreleased_ = 0;
  std::vector<std::unique_ptr<TapeOp>> ops_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_TAPE_H_
