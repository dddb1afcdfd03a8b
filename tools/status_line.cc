#include "tools/status_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "training/logs/progress_line.h"

namespace trit {
namespace {

constexpr std::chrono::milliseconds kBeforeFirst{300};
constexpr std::chrono::milliseconds kBetween{100};

}  // namespace

StatusLine::StatusLine() : next_update_(std::chrono::steady_clock::now() + kBeforeFirst) {}

StatusLine::~StatusLine() {
  if (shown_length_ > 0) std::fprintf(stderr, "\r%*s\r", static_cast<int>(shown_length_), "");
}

void StatusLine::Update(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_update_) return;
  next_update_ = now + kBetween;
  const int width = TerminalWidth(STDERR_FILENO);
  if (width <= 1) return;
  const size_t length = std::min(text.size(), static_cast<size_t>(width) - 1);
  shown_length_ = std::max(shown_length_, length);
  std::fprintf(stderr, "\r%-*.*s", static_cast<int>(shown_length_), static_cast<int>(length),
               text.c_str());
}

}  // namespace trit
