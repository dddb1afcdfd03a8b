// trit report: runs as one HTML page.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "engine/error.h"
#include "engine/files/output_file.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"
#include "training/report/run_report.h"
#include "training/run_files.h"

namespace trit {
namespace {

void WriteReport(const std::vector<std::string>& directories, const std::string& path,
                 std::optional<int> refresh_seconds) {
  std::vector<RunHistory> runs;
  for (const std::string& directory : directories) runs.push_back(ReadRunHistory(directory));
  WriteTextFile(path, RunReport(runs).Text(refresh_seconds));
}

// What changes when one of the runs goes on.
std::vector<uintmax_t> Sizes(const std::vector<std::string>& directories) {
  std::vector<uintmax_t> sizes;
  std::error_code ignored;
  for (const std::string& directory : directories) {
    for (const char* file : {kMetricsFile, kLayersFile, kSamplesFile}) {
      sizes.push_back(std::filesystem::file_size(directory + "/" + file, ignored));
    }
  }
  return sizes;
}

}  // namespace

void RunReportCommand(const Command& command, std::span<const std::string> arguments) {
  std::vector<std::string> runs;
  std::optional<std::string> out;
  bool watch = false;
  int64_t interval = 5;
  Options options(command, "trit report runs/ternary runs/float --out report.html");
  options.Group("Input");
  options.RequiredArguments("RUN…", runs,
                            "directories of runs: their curves are laid over each other");
  options.Group("Output");
  options.Text("o,out", "FILE", out,
               "the page, which needs nothing else (default: report.html in the first run)");
  options.Flag("watch", watch,
               "write it anew while the runs go on, until Ctrl-C; it reloads itself");
  options.Integer("interval", "SECONDS", interval, 1, 3600, "how often to look, with --watch");
  if (!options.Parse(arguments)) return;

  const std::string path = out.value_or(runs.front() + "/report.html");
  const std::optional<int> refresh =
      watch ? std::optional(static_cast<int>(interval)) : std::nullopt;
  WriteReport(runs, path, refresh);
  Print(path + "\n");
  if (!watch) return;
  FlushOutput();
  CatchInterrupts();
  std::vector<uintmax_t> seen = Sizes(runs);
  while (!Interrupted()) {
    for (int64_t tenths = 0; tenths < 10 * interval && !Interrupted(); ++tenths) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const std::vector<uintmax_t> now = Sizes(runs);
    if (Interrupted() || now == seen) continue;
    seen = now;
    WriteReport(runs, path, refresh);
  }
  WriteReport(runs, path, std::nullopt);  // nobody writes it any more: it need not reload
}

}  // namespace trit
