// A file with a line or none for every step of a run, in order, which survives that the run is
// killed and resumed: JSON lines with a member "step", or CSV whose first column is the step.
#ifndef TRIT_TRAINING_LOGS_LINE_LOG_H_
#define TRIT_TRAINING_LOGS_LINE_LOG_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace trit {

class LineLog {
 public:
  // Continues a file before `first_step`: lines of this and later steps, and a last line that a
  // killed process left unfinished, are removed; a file that is not there is begun. A name in .csv
  // is CSV, whose first line is `header`. Throws Error with the line if another one cannot be read.
  LineLog(const std::string& path, int64_t first_step, std::string_view header = "");

  // Appends a line, given without its end; a reader of the file sees it at once. Throws Error if it
  // cannot be written.
  void Append(std::string_view line);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_LOGS_LINE_LOG_H_
