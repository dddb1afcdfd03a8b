#include "tools/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <utility>

namespace trit {

struct LineEditor::State {
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
};

namespace {

constexpr int kHistoryLines = 1000;

}  // namespace

LineEditor::LineEditor(std::string prompt) : state_(std::make_unique<State>()) {
  std::setlocale(LC_CTYPE, "");  // how wide and how long characters are
  state_->prompt = std::move(prompt);
  state_->editor = el_init("trit", stdin, stdout, stderr);
  state_->history = history_init();
  HistEvent event;
  history(state_->history, &event, H_SETSIZE, kHistoryLines);
  el_set(state_->editor, EL_CLIENTDATA, state_.get());
  const auto prompt_of = +[](EditLine* editor) -> char* {
    State* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt.data();
  };
  el_set(state_->editor, EL_PROMPT, prompt_of);
  el_set(state_->editor, EL_EDITOR, "emacs");
  el_set(state_->editor, EL_SIGNAL, 1);  // it puts the terminal right around signals, resize too
  el_set(state_->editor, EL_HIST, history, state_->history);
  el_set(state_->editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(state_->editor, nullptr);  // the user's ~/.editrc, if any
}

LineEditor::~LineEditor() {
  history_end(state_->history);
  el_end(state_->editor);
}

LineEditor::Event LineEditor::Read(std::string& line) {
  int length = 0;
  errno = 0;
  const char* text = el_gets(state_->editor, &length);
  if (text == nullptr || length <= 0) {
    if (length < 0 && errno == EINTR) {
      el_reset(state_->editor);
      std::fputs("\n", stdout);
      return Event::kInterrupt;
    }
    return Event::kEnd;
  }
  line.assign(text, static_cast<size_t>(length));
  if (line.ends_with('\n')) line.pop_back();
  if (!line.empty()) {
    HistEvent event;
    history(state_->history, &event, H_ENTER, line.c_str());
  }
  return Event::kLine;
}

}  // namespace trit
