// A dry run says what a run takes: its memory within 5 %, its parameters exactly; and writes
// nothing.
#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

struct Finished {
  std::string text;
  double peak_bytes = 0;
};

Finished RunTrain(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  std::vector<std::string> command = {"train", folder / "run.toml"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const pid_t child = StartProgram(TRIT_PROGRAM, command, folder / "log");
  int status = 0;
  rusage usage = {};
  BOOST_REQUIRE(wait4(child, &status, 0, &usage) == child);
  Finished finished{ReadBytes(folder / "log"), 1024.0 * static_cast<double>(usage.ru_maxrss)};
  BOOST_TEST_REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0), finished.text);
  return finished;
}

double NumberAfter(const std::string& text, const std::string& label) {
  std::smatch match;
  BOOST_TEST_REQUIRE(std::regex_search(text, match, std::regex(label + " *([0-9.]+)")), text);
  return std::stod(match[1]);
}

BOOST_AUTO_TEST_CASE(memory_is_within_five_percent) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "line " + std::to_string(i) + "\n";
  WriteBytes(folder / "text.txt", text);
  WriteBytes(folder / "run.toml", "[model]\npreset = \"10m\"\n[data]\ntrain = [\"" +
                                      (folder / "text.txt") +
                                      "\"]\nsequence_length = 128\n[train]\nsteps = 4\n"
                                      "micro_batch = 4\neval_every = 2\neval_tokens = 2048\n");
  for (const char* weights : {"ternary", "none"}) {
    BOOST_TEST_CONTEXT(weights) {
      const std::vector<std::string> set = {"--set", std::string("quantizer.weights=") + weights};
      std::vector<std::string> dry = set;
      dry.push_back("--dry-run");
      const std::string said = RunTrain(folder, dry).text;
      BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
      std::vector<std::string> real = set;
      real.insert(real.end(), {"--out", folder / "run"});
      const Finished run = RunTrain(folder, real);
      const double predicted = 1e6 * NumberAfter(said, "peak memory:");
      BOOST_TEST(std::abs(predicted / run.peak_bytes - 1) < 0.05,
                 predicted << " bytes said, " << run.peak_bytes << " taken");
      const double millions = NumberAfter(said, "parameters:");
      const std::uintmax_t bytes =
          std::filesystem::file_size(folder / "run/checkpoints/step-000004/model.safetensors");
      BOOST_TEST(std::abs(millions - static_cast<double>(bytes) / 4e6) < 0.01);
      BOOST_TEST(Contains(said, "seen 0."), said);
      std::filesystem::remove_all(folder.path() / "run");
    }
  }
}

}  // namespace
}  // namespace trit
