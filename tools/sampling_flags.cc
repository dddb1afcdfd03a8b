#include "tools/sampling_flags.h"

#include <limits>

namespace trit {
namespace {

constexpr double kMaxTemperature = 100;
constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

}  // namespace

void DeclareSamplingFlags(Options& options, SamplingOptions& sampling) {
  options.Group("Sampling");
  options.Number("temp", "T", sampling.temperature, 0, kMaxTemperature,
                 "temperature; 0: always the likeliest token");
  options.Integer("top-k", "K", sampling.top_k, 0, kMaxInt, "of the K likeliest; 0: all");
  options.Number("top-p", "P", sampling.top_p, 0, 1,
                 "of the likeliest that together have this probability; 1: all");
  options.Number("min-p", "P", sampling.min_p, 0, 1,
                 "of those at least P times as likely as the likeliest; 0: all");
  options.Number("repeat-penalty", "X", sampling.repetition_penalty, 1e-3, 1e3,
                 "lowers tokens that have come up; 1: off");
  options.Integer("repeat-last-n", "N", sampling.repetition_window, -1, kMaxInt,
                  "among the last N; -1: all, 0: off");
  options.Unsigned("seed", "N", sampling.seed, "seed of the choices; the same gives the same text");
}

}  // namespace trit
