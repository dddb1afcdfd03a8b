// A run that is killed, wherever that is, goes on as if nothing had happened: no checkpoint is ever
// unreadable, and every loss is the uninterrupted run's to the last digit.
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_run.h"
#include "training/checkpoint.h"
#include "training/checkpoint_config.h"
#include "training/random.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

struct Folder : TemporaryFolder {
  Folder() {
    WriteBytes(*this / "text.txt", TinyText(2000));
    WriteBytes(*this / "run.toml",
               TinyRunConfig(*this) + "keep = 2\n[schedule]\nlearning_rate = 0.003\n");
  }
};

struct Ending {
  int status;  // waitpid's
  double seconds;
  bool Killed() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  int ExitCode() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
};

// Starts or goes on with the run, with that fault (fault_points.cc), or with that signal after some
// seconds.
Ending RunTrit(const Folder& folder, const std::string& run, const std::string& fault,
               std::optional<double> signal_after = std::nullopt, int signal = SIGKILL) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = StartProgram(TRIT_PROGRAM,
                                   {"train", folder / "run.toml", "--out", folder / run, "--resume",
                                    "--set", "train.steps=12", "--set", "checkpoint.every=2"},
                                   folder / "log",
                                   {{"LD_PRELOAD", TRIT_FAULT_POINTS},
                                    {"TRIT_FAULT", fault},
                                    {"TRIT_FAULT_COUNTS", folder / "counts"}});
  if (signal_after) {
    std::this_thread::sleep_for(std::chrono::duration<double>(*signal_after));
    kill(child, signal);
  }
  Ending ending{.status = WaitFor(child)};
  ending.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return ending;
}

// Reads every checkpoint whole, which throws if one is unsound.
void CheckCheckpoints(const std::string& run) {
  for (const std::string& checkpoint : ListCheckpoints(run)) {
    const CheckpointModel saved = ReadCheckpointConfig(checkpoint + "/config.json");
    TrainableModel model(saved.model, saved.quantizer, Precision::kF32, 16);
    BOOST_TEST(ErrorText([&] { LoadCheckpoint(checkpoint, model.parameters()); }) == "");
  }
}

void Finish(const Folder& folder, const std::string& run, const std::string& reference) {
  const Ending end = RunTrit(folder, run, "");
  BOOST_TEST(end.ExitCode() == 0, ReadBytes(folder / "log"));
  BOOST_TEST(Losses(folder / run) == Losses(folder / reference), boost::test_tools::per_element());
  for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
    const std::string path = std::string("/checkpoints/step-000012/") + file;
    BOOST_TEST((ReadBytes(folder / (run + path)) == ReadBytes(folder / (reference + path))));
  }
}

struct Counts {
  int64_t fsyncs = 0, renames = 0, bytes = 0;
};

// The run that nothing happens to.
Counts RunReference(const Folder& folder, double* seconds = nullptr) {
  const Ending end = RunTrit(folder, "reference", "count");
  BOOST_TEST_REQUIRE(end.ExitCode() == 0, ReadBytes(folder / "log"));
  if (seconds != nullptr) *seconds = end.seconds;
  Counts counts;
  std::istringstream text(ReadBytes(folder / "counts"));
  text >> counts.fsyncs >> counts.renames >> counts.bytes;
  BOOST_TEST_REQUIRE(counts.fsyncs > 50);  // else nobody was asked
  return counts;
}

BOOST_AUTO_TEST_CASE(killed_at_random_moments) {
  const Folder folder;
  double seconds = 0;
  RunReference(folder, &seconds);
  const CounterRandom random(1, 0);
  int killed = 0;
  for (uint64_t attempt = 0; killed < 10; ++attempt) {
    BOOST_TEST_REQUIRE(attempt < 100);
    const double share = static_cast<double>(random.Below(attempt, 1000)) / 1000;
    if (RunTrit(folder, "run", "", share * seconds).Killed()) {
      ++killed;
      CheckCheckpoints(folder / "run");
    } else {  // it was complete before: another one
      Finish(folder, "run", "reference");
      fs::remove_all(folder.path() / "run");
    }
  }
  Finish(folder, "run", "reference");
}

BOOST_AUTO_TEST_CASE(interrupted_as_by_ctrl_c) {
  const Folder folder;
  double seconds = 0;
  RunReference(folder, &seconds);
  bool interrupted = false;
  // The moment must lie among the steps, which on a busy machine may take some tries.
  for (int attempt = 1; attempt <= 20 && !interrupted; ++attempt) {
    fs::remove_all(folder.path() / "run");
    const Ending end = RunTrit(folder, "run", "", seconds * 0.05 * attempt, SIGINT);
    interrupted = Contains(ReadBytes(folder / "log"), "stopped after step ");
    if (interrupted) BOOST_TEST(ExitCodeOf(end.status) == 128 + SIGINT);
  }
  const std::string log = ReadBytes(folder / "log");
  BOOST_TEST_REQUIRE(interrupted, log);
  const std::string run = folder / "run";
  BOOST_TEST(
      Contains(log, "go on with: trit train " + run + "/config.toml --out " + run + " --resume\n"));
  // The step it names has been saved.
  const size_t step = Losses(run).size();
  BOOST_TEST(Contains(log, "stopped after step " + std::to_string(step) + ";"), log);
  BOOST_TEST(ListCheckpoints(run).back() == CheckpointPath(run, static_cast<int64_t>(step)));
  Finish(folder, "run", "reference");
}

BOOST_AUTO_TEST_CASE(killed_inside_saving) {
  const Folder folder;
  const Counts counts = RunReference(folder);
  const CounterRandom random(2, 0);
  uint64_t draw = 0;
  for (const char* kind : {"fsync", "rename", "renamed"}) {
    const int64_t calls = std::string(kind) == "fsync" ? counts.fsyncs : counts.renames;
    // Each in a run of its own: a call's number is that of the run from its beginning.
    for (int i = 0; i < 4; ++i) {
      const std::string run = kind + std::to_string(i);
      const int64_t at =
          1 + static_cast<int64_t>(random.Below(draw++, static_cast<uint64_t>(calls)));
      BOOST_TEST_CONTEXT(kind << " " << at << " of " << calls) {
        BOOST_TEST(RunTrit(folder, run, std::string(kind) + ":" + std::to_string(at)).Killed());
        CheckCheckpoints(folder / run);
        Finish(folder, run, "reference");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(without_space) {
  const Folder folder;
  const Counts counts = RunReference(folder);
  for (const double share : {0.001, 0.3, 0.55, 0.98}) {
    const std::string run = "run" + std::to_string(share);
    const int64_t bytes = static_cast<int64_t>(share * static_cast<double>(counts.bytes));
    BOOST_TEST_CONTEXT(bytes << " of " << counts.bytes) {
      BOOST_TEST(RunTrit(folder, run, "space:" + std::to_string(bytes)).ExitCode() == 1);
      const std::string log = ReadBytes(folder / "log");
      BOOST_TEST(Contains(log, "No space left on device (free some space"), log);
      for (const auto& entry : fs::recursive_directory_iterator(folder / run)) {
        BOOST_TEST(!Contains(entry.path().string(), ".tmp-"));  // nothing takes up space in vain
      }
      CheckCheckpoints(folder / run);
      Finish(folder, run, "reference");
    }
  }
}

}  // namespace
}  // namespace trit
