// Runs a program as a user would, and keeps what came of it.
#ifndef TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_
#define TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace trit {

struct ProgramResult {
  int exit_code = 0;  // of one killed by a signal: 128 + the signal, as shells have it
  std::string out;
  std::string err;
};

struct ProgramStreams {
  std::string in;             // standard input
  bool nobody_reads = false;  // standard output is a pipe whose reader is gone
  std::string out_path;       // standard output goes there; empty: into ProgramResult::out
};

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

  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    dup2(open((folder / "in").c_str(), O_RDONLY), STDIN_FILENO);
    dup2(streams.nobody_reads ? dead_pipe[1]
                              : open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
         STDOUT_FILENO);
    dup2(open((folder / "err").c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  if (streams.nobody_reads) close(dead_pipe[1]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid failed");

  ProgramResult result;
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (streams.out_path.empty() && !streams.nobody_reads) result.out = ReadBytes(out_path);
  result.err = ReadBytes(folder / "err");
  return result;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_RUN_PROGRAM_H_
