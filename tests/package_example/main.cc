// The smallest program that embeds Trit: what goes wrong is reported as a trit::Error.
#include <cstdio>

#include "engine/error.h"

int main() {
  try {
    throw trit::Error(trit::ErrorInfo{.what = "no such model", .file = "model.gguf"});
  } catch (const trit::Error& error) {
    std::printf("%s\n", error.what());
  }
}
