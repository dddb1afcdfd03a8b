// Whenever a process that saves checkpoints is killed, the latest one is whole.
#define BOOST_TEST_MODULE checkpoint_kill_test
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kKeep = 2;

// Saves checkpoint after checkpoint in a process of its own, which is killed after `microseconds`.
// Returns whether it was in the middle of one, as far as leftovers show.
bool SaveAndKill(const std::string& run, int64_t first_step, useconds_t microseconds) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    try {
      TinyCheckpoint checkpoint;
      for (int64_t step = first_step;; ++step) {
        checkpoint.Fill(step);
        checkpoint.Save(run, kKeep);
      }
    } catch (const std::exception&) {
      _exit(1);  // which the parent takes for a failure
    }
  }
  usleep(microseconds);
  BOOST_REQUIRE(kill(child, SIGKILL) == 0);
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFSIGNALED(status));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(run) / "checkpoints", error)) {
    if (entry.path().filename().string().starts_with(".tmp-")) return true;
  }
  return false;
}

BOOST_AUTO_TEST_CASE(TheLatestIsWhole) {
  const TemporaryFolder run;
  TinyCheckpoint expected, loaded;
  int64_t step = 0;
  int interrupted = 0;
  for (int i = 0; i < 60; ++i) {
    // Odd multiples, so that the kills fall into all parts of a save.
    if (SaveAndKill(run.path().string(), step + 1, static_cast<useconds_t>(1000 + 733 * i))) {
      ++interrupted;
    }
    const std::vector<std::string> checkpoints = ListCheckpoints(run.path().string());
    BOOST_TEST(checkpoints.size() <= static_cast<size_t>(kKeep) + 1);
    if (checkpoints.empty()) {
      BOOST_TEST(step == 0);  // once there is one, there always is one
      continue;
    }
    for (const std::string& path : checkpoints) {
      const TrainerState state = LoadCheckpoint(path, loaded.parameters());
      expected.Fill(state.step);
      BOOST_TEST((loaded.Bytes() == expected.Bytes()));
      BOOST_TEST(state.next_row == expected.state().next_row);
    }
    BOOST_TEST(expected.state().step >= step);
    step = expected.state().step;
  }
  BOOST_TEST(step > 0);
  BOOST_TEST(interrupted > 0);  // else nothing was tested
}

}  // namespace
}  // namespace trit
