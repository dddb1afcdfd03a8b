// Ctrl-C as a request: long commands save what they have and end.
#ifndef TRIT_TOOLS_INTERRUPT_H_
#define TRIT_TOOLS_INTERRUPT_H_

namespace trit {

// From here on SIGINT and SIGTERM are noted instead of ending the program; a second SIGINT ends it.
void CatchInterrupts();
// Whether one has come.
bool Interrupted();

}  // namespace trit

#endif  // TRIT_TOOLS_INTERRUPT_H_
