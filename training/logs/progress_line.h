// How far training is, for people: one line that is written over again and again on a terminal, a
// plain line now and then elsewhere. ASCII only.
#ifndef TRIT_TRAINING_LOGS_PROGRESS_LINE_H_
#define TRIT_TRAINING_LOGS_PROGRESS_LINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace trit {

struct Progress {
  std::string label;  // what is under way, where several things are; may be empty
  int64_t step = 0;   // steps done
  int64_t num_steps = 0;
  double loss = 0;
  std::optional<double> validation_loss;  // the latest
  double learning_rate = 0;
  double tokens_per_second = 0;
  double seconds_left = 0;
};

// "[2/5] int4  step 120/1000  loss 3.2145  val 3.3011  lr 1.20e-03  5.2k tok/s  2m13s left",
// without a line end. In less than its length, what matters least is left out; never longer than
// `width`.
std::string FormatProgress(const Progress& progress, size_t width);

// "45s", "2m13s", "3h07m", "5d02h".
std::string FormatDuration(double seconds);

// Columns of the terminal behind a file descriptor; 0 if it is no terminal that can go back in a
// line.
int TerminalWidth(int file_descriptor);

class ProgressLine {
 public:
  // width() is asked before each line, since a window can change: TerminalWidth, or a test's.
  // `out` outlives this.
  ProgressLine(std::ostream& out, std::function<int()> width);
  ~ProgressLine();

  // To be called after every step; `now` in seconds from any origin. Shows it if it is the first or
  // the last step, or long enough after the one shown before (terminal: 0.1 s, else: 10 s).
  void Update(const Progress& progress, double now);
  // A line of its own, for news such as an evaluation; may be cut by a terminal, not by us.
  void Message(std::string_view text);
  // Leaves the live line standing; later output begins on a new line.
  void Finish();

 private:
  void EraseLive();

  std::ostream& out_;
  std::function<int()> width_;
  size_t live_length_ = 0;  // characters on the live line; 0: there is none
  std::optional<double> shown_at_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_PROGRESS_LINE_H_
