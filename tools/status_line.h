// "loading 45 %": what a command is busy with, on stderr if that is a terminal, and only once it
// takes a while. The line is gone when the work is done.
#ifndef TRIT_TOOLS_STATUS_LINE_H_
#define TRIT_TOOLS_STATUS_LINE_H_

#include <chrono>
#include <string>

namespace trit {

class StatusLine {
 public:
  StatusLine();
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void Update(const std::string& text);  // ASCII

 private:
  std::chrono::steady_clock::time_point next_update_;
  size_t shown_length_ = 0;
};

}  // namespace trit

#endif  // TRIT_TOOLS_STATUS_LINE_H_
