#include "tools/interrupt.h"

#include <csignal>

namespace trit {
namespace {

volatile std::sig_atomic_t received = 0;  // a signal; 0: none

void OnInterrupt(int signal) {
  received = signal;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void CatchInterrupts() {
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
}

bool Interrupted() { return received != 0; }

StoppedBySignal ReceivedSignal() { return {received}; }

}  // namespace trit
