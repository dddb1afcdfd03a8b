// The program `trit`: finds the command, runs it, and turns what goes wrong into a line on stderr
// and an exit code: 0 done, 1 a failure at run time, 2 wrong usage; what a signal stopped ends by
// it.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "engine/error.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "training/config/nearest_name.h"

namespace trit {
namespace {

constexpr int kFailure = 1;
constexpr int kWrongUsage = 2;

std::string Help() {
  std::string text =
      "Trit trains ternary language models and runs them.\n"
      "Usage:\n"
      "  trit COMMAND [OPTION…]\n";
  std::string_view group;
  for (const Command& command : Commands()) {
    if (command.group != group) text += fmt::format("\n {}:\n", group = command.group);
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text +=
      "\n General:\n"
      "  --help      Prints this; trit COMMAND --help explains a command's options.\n"
      "  --version   Prints the version, and what this machine offers it.\n";
  return text;
}

std::string Version() {
  return fmt::format("trit {}\ncompiler: {}; SIMD: {}; threads: {}\n", TRIT_VERSION, TRIT_COMPILER,
                     fmt::join(SimdTargets(), " "), NumThreads());
}

const Command& FindCommand(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  const bool option = name.starts_with("-");
  throw UsageError(ErrorInfo{.what = option ? "unknown option" : "unknown command",
                             .found = name,
                             .hint = fmt::format("the nearest is {}; see trit --help",
                                                 option ? "--help" : NearestName(name, names))});
}

void Run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UsageError(ErrorInfo{.what = "a command is missing", .hint = "see trit --help"});
  }
  const std::string& first = arguments[0];
  if (first == "--help" || first == "-h" || first == "help") {
    Print(Help());
  } else if (first == "--version") {
    Print(Version());
  } else {
    const Command& command = FindCommand(first);
    command.run(command, std::span(arguments).subspan(1));
  }
  FlushOutput();
}

// One line: what an exception says may have several.
void Complain(const std::vector<std::string>& arguments, const std::string& message) {
  const bool in_command =
      !arguments.empty() && std::any_of(Commands().begin(), Commands().end(),
                                        [&](const auto& c) { return c.name == arguments[0]; });
  std::string line = fmt::format("trit{}: {}", in_command ? " " + arguments[0] : "", message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
}

// What the default action would have done, but with everything cleaned up.
void EndBySignal(int signal) {
  std::fflush(nullptr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int Main(const std::vector<std::string>& arguments) {
  try {
    Run(arguments);
    return 0;
  } catch (const OutputClosed&) {
    EndBySignal(SIGPIPE);
  } catch (const StoppedBySignal& stopped) {
    EndBySignal(stopped.signal);
  } catch (const UsageError& error) {
    Complain(arguments, error.what());
    return kWrongUsage;
  } catch (const Error& error) {
    Complain(arguments, error.what());
  } catch (const std::bad_alloc&) {
    Complain(arguments, "out of memory");
  } catch (const std::exception& error) {
    Complain(arguments, std::string("unexpected failure: ") + error.what());
  }
  return kFailure;
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  trit::PrepareStandardStreams();
  return trit::Main({argv + std::min(argc, 1), argv + argc});
}
