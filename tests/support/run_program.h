// Runs a program as a user would, and keeps what came of it.
#ifndef TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_
#define TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace trit {

struct ProgramResult {
  int exit_code = 0;  // ExitCodeOf
  std::string out;
  std::string err;
};

struct ProgramStreams {
  std::string in;             // standard input
  bool nobody_reads = false;  // standard output is a pipe whose reader is gone
  std::string out_path;       // standard output goes there; empty: into ProgramResult::out
};

// Where a program's streams go; -1: where ours go.
struct ProgramFiles {
  int in = -1, out = -1, err = -1;
};

// Starts a program, with more variables in its environment; its process id, for waitpid.
inline pid_t StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                          const ProgramFiles& files,
                          const std::vector<std::pair<std::string, std::string>>& variables = {}) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  std::signal(SIGPIPE, SIG_DFL);
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  if (files.in >= 0) dup2(files.in, STDIN_FILENO);
  if (files.out >= 0) dup2(files.out, STDOUT_FILENO);
  if (files.err >= 0) dup2(files.err, STDERR_FILENO);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);
}

// The same with all it says in one file.
inline pid_t StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                          const std::string& log,
                          const std::vector<std::pair<std::string, std::string>>& variables = {}) {
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot create " + log);
  const pid_t child =
      StartProgram(program, arguments, ProgramFiles{.out = file, .err = file}, variables);
  close(file);
  return child;
}

// waitpid's status.
inline int WaitFor(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid failed");
  return status;
}

// Of one killed by a signal: 128 + the signal, as shells have it.
inline int ExitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

inline ProgramResult RunProgram(const std::string& program,
                                const std::vector<std::string>& arguments,
                                const ProgramStreams& streams = {}) {
  // Files rather than pipes: neither side has to wait for the other.
  const TemporaryFolder folder;
  WriteBytes(folder / "in", streams.in);
  int dead_pipe[2] = {-1, -1};
  if (streams.nobody_reads && pipe(dead_pipe) != 0) throw std::runtime_error("pipe failed");
  if (streams.nobody_reads) close(dead_pipe[0]);
  const std::string out_path = streams.out_path.empty() ? folder / "out" : streams.out_path;

  const int in = open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC);
  const int out = streams.nobody_reads
                      ? dead_pipe[1]
                      : open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int err = open((folder / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const pid_t child = StartProgram(program, arguments, {.in = in, .out = out, .err = err});
  for (const int file : {in, out, err}) close(file);
  const int status = WaitFor(child);

  ProgramResult result;
  result.exit_code = ExitCodeOf(status);
  if (streams.out_path.empty() && !streams.nobody_reads) result.out = ReadBytes(out_path);
  result.err = ReadBytes(folder / "err");
  return result;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_
