// Finds texts that end an answer in a stream, and holds back what may be the beginning of one.
#ifndef TRIT_ENGINE_STOP_STRINGS_H_
#define TRIT_ENGINE_STOP_STRINGS_H_

#include <string>
#include <string_view>
#include <vector>

namespace trit {

class StopStrings {
 public:
  // Empty strings are not looked for.
  explicit StopStrings(std::vector<std::string> strings);

  // Takes the next text; returns what can be shown. After a stop string was found nothing more is.
  std::string Push(std::string_view text);
  bool found() const { return found_; }
  // What is held back, at the end of the stream.
  std::string Flush();

 private:
  std::vector<std::string> strings_;
  std::string pending_;
  bool found_ = false;
};

}  // namespace trit

#endif  // TRIT_ENGINE_STOP_STRINGS_H_
