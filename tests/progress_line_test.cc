#include "training/logs/progress_line.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <limits>
#include <sstream>
#include <string>

#include "tests/support/error_text.h"

namespace trit {
namespace {

Progress At(int64_t step) {
  Progress progress;
  progress.step = step;
  progress.num_steps = 1000;
  progress.loss = 3.21449;
  progress.validation_loss = 3.30114;
  progress.learning_rate = 1.2e-3;
  progress.tokens_per_second = 5240;
  progress.seconds_left = 133;
  return progress;
}

BOOST_AUTO_TEST_CASE(Durations) {
  BOOST_TEST(FormatDuration(0) == "0s");
  BOOST_TEST(FormatDuration(59.4) == "59s");
  BOOST_TEST(FormatDuration(59.6) == "1m00s");
  BOOST_TEST(FormatDuration(133) == "2m13s");
  BOOST_TEST(FormatDuration(3599.7) == "1h00m");
  BOOST_TEST(FormatDuration(3 * 3600 + 7 * 60 + 59) == "3h07m");
  BOOST_TEST(FormatDuration(5 * 86400 + 2 * 3600) == "5d02h");
  BOOST_TEST(FormatDuration(-1) == "?");
  BOOST_TEST(FormatDuration(1e300) == "?");
  BOOST_TEST(FormatDuration(std::numeric_limits<double>::quiet_NaN()) == "?");
}

BOOST_AUTO_TEST_CASE(SaysEverythingWhereThereIsRoom) {
  BOOST_TEST(FormatProgress(At(120), 200) ==
             "step 120/1000  loss 3.2145  val 3.3011  lr 1.20e-03  5.2k tok/s  2m13s left");
  Progress progress = At(120);
  progress.validation_loss.reset();
  progress.tokens_per_second = 87;
  BOOST_TEST(FormatProgress(progress, 200) ==
             "step 120/1000  loss 3.2145  lr 1.20e-03  87 tok/s  2m13s left");
  progress.label = "[2/5] int4";
  BOOST_TEST(FormatProgress(progress, 39) == "[2/5] int4  step 120/1000  loss 3.2145");
}

BOOST_AUTO_TEST_CASE(LeavesOutWhatMattersLeast) {
  BOOST_TEST(FormatProgress(At(120), 72) ==
             "step 120/1000  loss 3.2145  val 3.3011  5.2k tok/s  2m13s left");
  BOOST_TEST(FormatProgress(At(120), 55) == "step 120/1000  loss 3.2145  5.2k tok/s  2m13s left");
  BOOST_TEST(FormatProgress(At(120), 30) == "step 120/1000  loss 3.2145");
  BOOST_TEST(FormatProgress(At(120), 13) == "step 120/1000");
  BOOST_TEST(FormatProgress(At(120), 7) == "step 12");
}

BOOST_AUTO_TEST_CASE(NeverLongerThanAsked) {
  Progress extreme = At(INT64_MAX);
  extreme.num_steps = INT64_MAX;
  extreme.loss = -std::numeric_limits<double>::max();
  extreme.tokens_per_second = 1e30;
  extreme.seconds_left = std::numeric_limits<double>::infinity();
  for (size_t width = 0; width < 120; ++width) {
    BOOST_TEST(FormatProgress(extreme, width).size() <= width);
    BOOST_TEST(FormatProgress(At(5), width).size() <= width);
  }
}

// What a terminal of `width` columns shows of the output; a line that reaches beyond the last
// column fails the test.
class Screen {
 public:
  Screen(const std::string& output, size_t width) {
    for (const char c : output) {
      if (c == '\n') {
        done_ += line_ + "\n";
        line_.clear();
        column_ = 0;
      } else if (c == '\r') {
        column_ = 0;
      } else {
        if (column_ == line_.size()) line_ += ' ';
        line_[column_++] = c;
        BOOST_TEST(column_ < width);
      }
    }
  }
  const std::string& done() const { return done_; }  // lines above the last one
  std::string live() const { return line_.substr(0, line_.find_last_not_of(' ') + 1); }

 private:
  std::string line_, done_;
  size_t column_ = 0;
};

BOOST_AUTO_TEST_CASE(OneLiveLineOnATerminal) {
  std::ostringstream out;
  ProgressLine line(out, [] { return 80; });
  Progress progress = At(1);
  for (int64_t step = 1; step <= 1000; ++step) {
    progress = At(step);
    progress.loss = step < 500 ? 10.5 : 1.5;  // the line gets shorter
    line.Update(progress, 0.5 * static_cast<double>(step));
  }
  const Screen screen(out.str(), 80);
  BOOST_TEST(screen.done() == "");
  BOOST_TEST(screen.live() == FormatProgress(progress, 79));
}

BOOST_AUTO_TEST_CASE(MessagesStandAboveTheLiveLine) {
  std::ostringstream out;
  {
    ProgressLine line(out, [] { return 80; });
    line.Update(At(1), 0.0);
    line.Message("validation 3.3");
    line.Update(At(2), 1.0);
    const Screen screen(out.str(), 80);
    BOOST_TEST(Contains(screen.done(), "validation 3.3"));
    BOOST_TEST(!Contains(screen.done(), "step"));  // the live line left no rest
    BOOST_TEST(screen.live() == FormatProgress(At(2), 79));
  }
  BOOST_TEST(out.str().back() == '\n');  // what comes later begins a line
}

BOOST_AUTO_TEST_CASE(TheWindowMayChange) {
  std::ostringstream out;
  int width = 100;
  ProgressLine line(out, [&] { return width; });
  line.Update(At(1), 0.0);
  width = 20;
  out.str("");
  line.Update(At(2), 1.0);
  BOOST_TEST(out.str().size() <= 1 + 19u);  // '\r' and 19 columns
  width = 1;
  out.str("");
  line.Update(At(3), 2.0);
  BOOST_TEST(out.str() == "\r");
}

BOOST_AUTO_TEST_CASE(TerminalsAreNotFlooded) {
  std::ostringstream out;
  ProgressLine line(out, [] { return 80; });
  line.Update(At(1), 0.0);
  const size_t shown = out.str().size();
  line.Update(At(2), 0.05);
  BOOST_TEST(out.str().size() == shown);
  line.Update(At(3), 0.11);
  BOOST_TEST(out.str().size() > shown);
}

BOOST_AUTO_TEST_CASE(PlainLinesNowAndThenElsewhere) {
  std::ostringstream out;
  {
    ProgressLine line(out, [] { return 0; });
    for (int64_t step = 1; step <= 1000; ++step) line.Update(At(step), 0.025 * (step - 1.0));
  }
  std::istringstream lines(out.str());
  std::string line;
  std::string steps;
  while (std::getline(lines, line)) {
    BOOST_TEST(!Contains(line, "\r"));
    BOOST_TEST(line.back() != ' ');
    steps += line.substr(0, line.find("  ")) + ";";
  }
  // Every 10 s of the 25, and the last.
  BOOST_TEST(steps == "step 1/1000;step 401/1000;step 801/1000;step 1000/1000;");
}

BOOST_AUTO_TEST_CASE(AFileIsNoTerminal) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  BOOST_TEST(TerminalWidth(ends[1]) == 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace trit
