// Lines typed by a person: editing and history, through libedit.
#ifndef TRIT_TOOLS_LINE_EDITOR_H_
#define TRIT_TOOLS_LINE_EDITOR_H_

#include <memory>
#include <string>

namespace trit {

class LineEditor {
 public:
  // On standard input and output, which are a terminal.
  explicit LineEditor(std::string prompt);
  ~LineEditor();

  enum class Event { kLine, kInterrupt, kEnd };
  // Reads a line, without its end, into `line` and its history. kInterrupt: Ctrl-C, the line is
  // dropped. kEnd: Ctrl-D on an empty line, or no more input.
  Event Read(std::string& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trit

#endif  // TRIT_TOOLS_LINE_EDITOR_H_
