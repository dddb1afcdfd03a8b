// trit bench: prompt and generation speed in llama-bench's table, and how near generation comes to
// the limit that reading the weights sets.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "engine/error.h"
#include "engine/formats/model_summary.h"
#include "engine/speed_test.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/read_bandwidth.h"
#include "ternary_kernels/simd_targets.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"

namespace trit {
namespace {

constexpr int64_t kMaxTokens = 1 << 20;
constexpr int64_t kBandwidthBytes = int64_t{512} << 20;
constexpr int kBandwidthPasses = 8;
constexpr double kMiB = 1024.0 * 1024.0;

// One row of the table, and what came of it.
struct MeasuredTest {
  SpeedTest test;
  std::vector<double> seconds;  // of each repetition
};

struct Spread {
  double mean = 0;
  double deviation = 0;  // of a sample
};

Spread SpreadOf(const std::vector<double>& values) {
  const double count = static_cast<double>(values.size());
  Spread spread{.mean = std::accumulate(values.begin(), values.end(), 0.0) / count};
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

std::vector<double> Speeds(const MeasuredTest& measured) {
  std::vector<double> speeds;
  for (const double s : measured.seconds) {
    speeds.push_back(static_cast<double>(measured.test.num_tokens) / s);
  }
  return speeds;
}

// "pp512", "tg128"
std::string NameOf(const SpeedTest& test) {
  return fmt::format("{}{}", test.generation ? "tg" : "pp", test.num_tokens);
}

// What generation reads, against what the machine can.
struct ReadLimit {
  int64_t bytes_per_token = 0;  // weights, and keys and values of the test's mean length
  double bytes_per_second = 0;
  double tokens_per_second = 0;  // if nothing but reading took time
};

ReadLimit LimitOf(const Model& model, const SpeedTest& test, double bytes_per_second) {
  const int64_t bytes =
      WeightBytesPerToken(model) + CacheBytesPerPosition(model.config) * (test.num_tokens + 1) / 2;
  return {.bytes_per_token = bytes,
          .bytes_per_second = bytes_per_second,
          .tokens_per_second = bytes_per_second / static_cast<double>(bytes)};
}

// "lookup-dense, dense-f16": the kernels that multiply so many tokens at once.
std::string KernelNames(const Model& model, const SpeedTest& test) {
  const int64_t num_tokens = test.generation ? 1 : test.num_tokens;
  std::set<std::string> names;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear && info.id != model.table.lm_head()) continue;
    const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
    names.emplace(ChooseMatmulKernel(matrix, num_tokens).name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string SizeText(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / kMiB;
  return mib < 1024 ? fmt::format("{:.2f} MiB", mib) : fmt::format("{:.2f} GiB", mib / 1024);
}

struct Report {
  std::string path;
  const Model& model;
  int64_t model_bytes = 0;  // of the file; of a checkpoint, in memory
  std::vector<MeasuredTest> tests;
  double bytes_per_second = 0;  // 0: not measured, nothing was generated
};

void PrintTable(const Report& report) {
  const std::string name = ShownText(report.model.name, 60);
  const size_t width = std::max<size_t>(30, name.size());
  Print(fmt::format("| {:<{}} | {:>10} | {:>10} | {:>7} | {:>15} | {:>20} |\n", "model", width,
                    "size", "params", "threads", "test", "t/s"));
  Print(fmt::format("| {:-<{}} | {:->9}: | {:->9}: | {:->6}: | {:->14}: | {:->19}: |\n", "", width,
                    "", "", "", "", ""));
  for (const MeasuredTest& measured : report.tests) {
    const Spread speed = SpreadOf(Speeds(measured));
    Print(fmt::format("| {:<{}} | {:>10} | {:>10} | {:>7} | {:>15} | {:>20} |\n", name, width,
                      SizeText(report.model_bytes), ShortCount(report.model.table.NumParameters()),
                      NumThreads(), NameOf(measured.test),
                      fmt::format("{:.2f} ± {:.2f}", speed.mean, speed.deviation)));
  }
  Print("\n");
  for (const auto& [test, seconds] : report.tests) {
    Print(fmt::format("{}: SIMD {}, kernels {}\n", NameOf(test), SimdTarget(),
                      KernelNames(report.model, test)));
  }
  for (const MeasuredTest& measured : report.tests) {
    const SpeedTest& test = measured.test;
    if (!test.generation) continue;
    const ReadLimit limit = LimitOf(report.model, test, report.bytes_per_second);
    const double share = SpreadOf(Speeds(measured)).mean / limit.tokens_per_second;
    Print(fmt::format(
        "\n{} reads {} a token. {} thread{} here read memory at {:.2f} GB/s, which "
        "would give {:.2f} t/s: {:.1f} % of that{}.\n",
        NameOf(test), SizeText(limit.bytes_per_token), NumThreads(), NumThreads() == 1 ? "" : "s",
        limit.bytes_per_second / 1e9, limit.tokens_per_second, 100 * share,
        share > 1 ? ", the weights being in a cache" : ""));
  }
}

// Where llama-bench has a name for it, that name.
void PrintObjects(const Report& report) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const MeasuredTest& measured : report.tests) {
    const SpeedTest& test = measured.test;
    std::vector<double> nanoseconds;
    for (const double seconds : measured.seconds) nanoseconds.push_back(seconds * 1e9);
    const Spread time = SpreadOf(nanoseconds);
    const Spread speed = SpreadOf(Speeds(measured));
    nlohmann::ordered_json row = {{"build", TRIT_VERSION},
                                  {"simd_target", SimdTarget()},
                                  {"kernels", KernelNames(report.model, test)},
                                  {"model_filename", report.path},
                                  {"model_type", report.model.name},
                                  {"model_size", report.model_bytes},
                                  {"model_n_params", report.model.table.NumParameters()},
                                  {"n_threads", NumThreads()},
                                  {"n_prompt", test.generation ? 0 : test.num_tokens},
                                  {"n_gen", test.generation ? test.num_tokens : 0},
                                  {"avg_ns", time.mean},
                                  {"stddev_ns", time.deviation},
                                  {"avg_ts", speed.mean},
                                  {"stddev_ts", speed.deviation},
                                  {"samples_ns", nanoseconds},
                                  {"samples_ts", Speeds(measured)}};
    if (test.generation) {
      const ReadLimit limit = LimitOf(report.model, test, report.bytes_per_second);
      row["bytes_per_token"] = limit.bytes_per_token;
      row["read_bytes_per_second"] = limit.bytes_per_second;
      row["limit_ts"] = limit.tokens_per_second;
      row["share_of_limit"] = speed.mean / limit.tokens_per_second;
    }
    rows.push_back(std::move(row));
  }
  PrintJson(rows);
}

}  // namespace

void RunBench(const Command& command, std::span<const std::string> arguments) {
  ModelSource model_source;
  int64_t prompt = 512;
  int64_t generation = 128;
  int64_t repetitions = 5;
  std::string format = "md";
  Options options(command, "trit bench -m model.gguf -p 512 -n 128 -t 2 -r 3");
  options.Group("Test");
  model_source.Declare(options);
  options.Integer("p,n-prompt", "N", prompt, 0, kMaxTokens,
                  "tokens read at once (test ppN); 0: leave out");
  options.Integer("n,n-gen", "N", generation, 0, kMaxTokens,
                  "tokens read one by one (test tgN); 0: leave out");
  options.Integer("r,repetitions", "N", repetitions, 1, 10000,
                  "times each is run; mean and standard deviation are printed");
  options.Group("Output");
  options.Choice("o,output", format, {"md", "json"}, "a table or an array of objects");
  if (!options.Parse(arguments)) return;
  if (prompt == 0 && generation == 0) {
    throw UsageError("nothing to measure: both -p and -n are 0");
  }

  const std::unique_ptr<Model> model = LoadModelFor(model_source);
  Report report{
      .path = model_source.path,
      .model = *model,
      .model_bytes = std::filesystem::is_regular_file(model_source.path)
                         ? static_cast<int64_t>(std::filesystem::file_size(model_source.path))
                         : WeightBytes(*model),
      .tests = {}};
  if (prompt > 0) report.tests.push_back({{.num_tokens = prompt}, {}});
  if (generation > 0) {
    report.tests.push_back({{.generation = true, .num_tokens = generation}, {}});
    report.bytes_per_second = MeasureReadBandwidth(kBandwidthBytes, kBandwidthPasses);
  }
  for (MeasuredTest& measured : report.tests) {
    StatusLine status;
    measured.seconds = MeasureSpeed(*model, measured.test, repetitions, [&](int64_t repetition) {
      status.Update(fmt::format("{} {}/{}", NameOf(measured.test), repetition, repetitions));
    });
  }
  format == "json" ? PrintObjects(report) : PrintTable(report);
}

}  // namespace trit
