// Ctrl-C as a request: long commands save what they have and end.
#ifndef TRIT_TOOLS_INTERRUPT_H_
#define TRIT_TOOLS_INTERRUPT_H_

namespace trit {

// From here on SIGINT and SIGTERM are noted instead of ending the program; a second SIGINT ends it.
void CatchInterrupts();
// Whether one has come.
bool Interrupted();

// Thrown by a command that was stopped and has said so: the program ends by the signal that asked
// for it, so that whoever started it does not go on as if it were done.
struct StoppedBySignal {
  int signal;
};
// The signal that came.
StoppedBySignal ReceivedSignal();

}  // namespace trit

#endif  // TRIT_TOOLS_INTERRUPT_H_
