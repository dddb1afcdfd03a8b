#include "training/logs/progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

namespace trit {
namespace {

constexpr double kLiveInterval = 0.1;    // seconds
constexpr double kPlainInterval = 10.0;  // seconds
constexpr int kDefaultWidth = 80;
constexpr std::string_view kGap = "  ";

std::string FormatRate(double per_second) {
  if (!(per_second >= 0)) return "?";
  if (per_second < 1000) return fmt::format("{:.0f}", per_second);
  if (per_second < 1e6) return fmt::format("{:.1f}k", per_second / 1e3);
  return fmt::format("{:.1f}M", per_second / 1e6);
}

}  // namespace

std::string FormatDuration(double seconds) {
  constexpr double kMaxSeconds = 1000.0 * 86400;
  if (!(seconds >= 0 && seconds < kMaxSeconds)) return "?";
  const int64_t s = static_cast<int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string FormatProgress(const Progress& progress, size_t width) {
  struct Field {
    int rank;  // what is left out last has the lowest
    std::string text;
  };
  std::vector<Field> fields = {
      {0, progress.label},
      {0, fmt::format("step {}/{}", progress.step, progress.num_steps)},
      {1, fmt::format("loss {:.4f}", progress.loss)},
      {4, progress.validation_loss ? fmt::format("val {:.4f}", *progress.validation_loss) : ""},
      {5, fmt::format("lr {:.2e}", progress.learning_rate)},
      {3, FormatRate(progress.tokens_per_second) + " tok/s"},
      {2, FormatDuration(progress.seconds_left) + " left"},
  };
  std::erase_if(fields, [](const Field& field) { return field.text.empty(); });
  const auto joined = [&] {
    std::string line;
    for (const Field& field : fields) {
      if (!line.empty()) line += kGap;
      line += field.text;
    }
    return line;
  };
  std::string line = joined();
  while (line.size() > width && fields.size() > 1) {
    fields.erase(std::max_element(fields.begin(), fields.end(),
                                  [](const Field& a, const Field& b) { return a.rank < b.rank; }));
    line = joined();
  }
  return line.substr(0, width);
}

int TerminalWidth(int file_descriptor) {
  const char* terminal = std::getenv("TERM");
  if (isatty(file_descriptor) == 0 || terminal == nullptr || std::string_view(terminal) == "dumb") {
    return 0;
  }
  winsize size = {};
  if (ioctl(file_descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

ProgressLine::ProgressLine(std::ostream& out, std::function<int()> width)
    : out_(out), width_(std::move(width)) {}

ProgressLine::~ProgressLine() { Finish(); }

void ProgressLine::Update(const Progress& progress, double now) {
  const int width = width_();
  const double interval = width > 0 ? kLiveInterval : kPlainInterval;
  const bool due = !shown_at_ || now - *shown_at_ >= interval;
  if (!due && progress.step < progress.num_steps) return;
  shown_at_ = now;
  if (width == 0) {
    out_ << FormatProgress(progress, std::string::npos) << '\n' << std::flush;
    return;
  }
  // One column less: a terminal whose last column is filled may go on to the next line.
  const std::string line = FormatProgress(progress, static_cast<size_t>(width) - 1);
  const size_t rest = std::min(std::max(live_length_, line.size()), static_cast<size_t>(width) - 1);
  out_ << '\r' << line << std::string(rest - line.size(), ' ') << std::flush;
  live_length_ = line.size();
}

void ProgressLine::Message(std::string_view text) {
  EraseLive();
  out_ << text << '\n' << std::flush;
}

void ProgressLine::Finish() {
  if (live_length_ > 0) out_ << '\n' << std::flush;
  live_length_ = 0;
}

void ProgressLine::EraseLive() {
  if (live_length_ > 0) out_ << '\r' << std::string(live_length_, ' ') << '\r';
  live_length_ = 0;
}

}  // namespace trit
