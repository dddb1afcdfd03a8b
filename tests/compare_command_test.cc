// `trit compare` as its users meet it, and killed at any time.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_comparison.h"
#include "training/random.h"

namespace trit {
namespace {

struct Folder : TemporaryFolder {
  Folder() {
    WriteBytes(*this / "text.txt", TinyText(1200));
    WriteBytes(*this / "compare.toml", TinyComparisonConfig(*this));
  }
};

ProgramResult Compare(const Folder& folder, const std::string& out,
                      std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {
      "compare", folder / "compare.toml", "--out", folder / out, "-t", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunProgram(TRIT_PROGRAM, arguments);
}

// waitpid's status of a comparison that gets a signal after some seconds; what it said is in "log".
int Signalled(const Folder& folder, const std::string& out, double seconds, int signal) {
  const pid_t child = StartProgram(
      TRIT_PROGRAM, {"compare", folder / "compare.toml", "--out", folder / out, "-t", "1"},
      folder / "log");
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  kill(child, signal);
  return WaitFor(child);
}

BOOST_AUTO_TEST_CASE(killed_at_random_moments_it_goes_on_to_the_same_figures) {
  const Folder folder;
  const auto start = std::chrono::steady_clock::now();
  const ProgramResult whole = Compare(folder, "whole");
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  BOOST_TEST_REQUIRE(whole.exit_code == 0, whole.err);
  BOOST_TEST(Contains(whole.out, "| ternary nearest | nearest |"));
  BOOST_TEST(Contains(whole.out, "/whole/comparison.html\n"));
  const CounterRandom random(5, 0);
  int killed = 0;
  for (uint64_t attempt = 0; attempt < 8; ++attempt) {
    const double share = static_cast<double>(random.Below(attempt, 1000)) / 2000;
    if (WIFSIGNALED(Signalled(folder, "parts", share * seconds, SIGKILL))) ++killed;
  }
  BOOST_TEST(killed >= 2);
  const ProgramResult rest = Compare(folder, "parts");
  BOOST_TEST_REQUIRE(rest.exit_code == 0, rest.err);
  BOOST_TEST((TimelessComparison(folder / "parts") == TimelessComparison(folder / "whole")));
}

BOOST_AUTO_TEST_CASE(ctrl_c_says_how_to_go_on) {
  const Folder folder;
  bool interrupted = false;
  for (int tenths = 1; tenths < 50 && !interrupted; ++tenths) {
    std::filesystem::remove_all(folder / "out");
    const int status = Signalled(folder, "out", 0.1 * tenths, SIGINT);
    interrupted = Contains(ReadBytes(folder / "log"), "stopped; ");
    if (interrupted) BOOST_TEST(ExitCodeOf(status) == 128 + SIGINT);
  }
  BOOST_TEST(Contains(ReadBytes(folder / "log"), "stopped; the same command goes on\n"));
}

BOOST_AUTO_TEST_CASE(help_mistakes_and_dry_run) {
  const Folder folder;
  const ProgramResult help = RunProgram(TRIT_PROGRAM, {"compare", "--help"});
  BOOST_TEST(Contains(help.out, "[[method]]"));
  BOOST_TEST(Contains(help.out, "start = \"full_precision\""));
  const ProgramResult unknown = Compare(folder, "out", {"--set", "train.stepz=5"});
  BOOST_TEST(unknown.exit_code == 2);
  BOOST_TEST(unknown.err ==
             "trit compare: --set: train.stepz: unknown key (did you mean train.steps?)\n");
  const ProgramResult dry = Compare(folder, "out", {"--dry-run"});
  BOOST_TEST(dry.exit_code == 0, dry.err);
  BOOST_TEST(Contains(dry.out, "train int4 continued, seed 4"));
  BOOST_TEST(!std::filesystem::exists(folder / "out"));
}

}  // namespace
}  // namespace trit
