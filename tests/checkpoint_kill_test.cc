// Whenever a process that saves checkpoints is killed, the latest one is whole.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kKeep = 2;

// Saves checkpoint after checkpoint in a process of its own. Once one is done, the process goes on
// for `saves` times as long as that one took, and is killed. Returns whether it was in the middle
// of saving, as far as leftovers show.
bool SaveAndKill(const std::string& run, int64_t first_step, double saves) {
  int done[2];  // a byte for every checkpoint
  BOOST_REQUIRE(pipe(done) == 0);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    try {
      TinyCheckpoint checkpoint;
      for (int64_t step = first_step;; ++step) {
        checkpoint.Fill(step);
        checkpoint.Save(run, kKeep);
        if (write(done[1], "", 1) != 1) _exit(1);
      }
    } catch (const std::exception&) {
      _exit(1);  // which the parent takes for a failure
    }
  }
  close(done[1]);
  char byte;
  BOOST_REQUIRE(read(done[0], &byte, 1) == 1);
  std::this_thread::sleep_for(saves * (std::chrono::steady_clock::now() - begin));
  BOOST_REQUIRE(kill(child, SIGKILL) == 0);
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFSIGNALED(status));
  close(done[0]);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(run) / "checkpoints", error)) {
    if (entry.path().filename().string().starts_with(".tmp-")) return true;
  }
  return false;
}

BOOST_AUTO_TEST_CASE(TheLatestIsWhole) {
  constexpr int kRounds = 40;
  const TemporaryFolder run;
  TinyCheckpoint expected, loaded;
  int64_t step = 0;
  int interrupted = 0;
  for (int i = 0; i < kRounds; ++i) {
    // The kills fall into all parts of the two saves that follow.
    if (SaveAndKill(run.path().string(), step + 1, 2.0 * i / kRounds)) ++interrupted;
    const std::vector<std::string> checkpoints = ListCheckpoints(run.path().string());
    BOOST_REQUIRE(!checkpoints.empty());
    BOOST_TEST(checkpoints.size() <= static_cast<size_t>(kKeep) + 1);
    for (const std::string& path : checkpoints) {
      const TrainerState state = LoadCheckpoint(path, loaded.parameters());
      expected.Fill(state.step);
      BOOST_TEST((loaded.Bytes() == expected.Bytes()));
      BOOST_TEST(state.next_row == expected.state().next_row);
    }
    BOOST_TEST(expected.state().step > step);  // one was done before the kill
    step = expected.state().step;
  }
  BOOST_TEST(interrupted > 0);  // else nothing was tested
}

}  // namespace
}  // namespace trit
