#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/error.h"
#include "ternary_kernels/check.h"

namespace trit {
namespace {

void CheckRange(const char* key, double value, double min, double max, const char* expected) {
  if (value >= min && value <= max) return;  // false for NaN
  throw UsageError({.what = "a sampling option out of range",
                    .key = key,
                    .expected = expected,
                    .found = std::to_string(value)});
}

// The next 32 bits of PCG-XSH-RR (O'Neill 2014): a 64-bit congruential generator, permuted.
constexpr uint64_t kPcgMultiplier = 6364136223846793005u;
constexpr uint64_t kPcgIncrement = 1442695040888963407u;

uint32_t NextPcg(uint64_t& state) {
  const uint64_t old = state;
  state = old * kPcgMultiplier + kPcgIncrement;
  const uint32_t mixed = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
  const uint32_t rotation = static_cast<uint32_t>(old >> 59);
  return (mixed >> rotation) | (mixed << ((32 - rotation) & 31));
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options) : options_(options) {
  constexpr double kLarge = 1e9;
  CheckRange("temperature", options.temperature, 0, kLarge, "0 (greedy) or more");
  CheckRange("top_k", static_cast<double>(options.top_k), 0, kLarge, "0 (all) or more");
  CheckRange("top_p", options.top_p, 0, 1, "0 to 1");
  CheckRange("min_p", options.min_p, 0, 1, "0 to 1");
  CheckRange("repetition_penalty", options.repetition_penalty, 1e-3, kLarge, "more than 0");
  CheckRange("repetition_window", static_cast<double>(options.repetition_window), -1, kLarge,
             "-1 (all), 0 (off) or more");
  random_state_ = options.seed + kPcgIncrement;
  NextPcg(random_state_);
}

bool Sampler::Penalizes() const {
  return options_.repetition_penalty != 1 && options_.repetition_window != 0;
}

int64_t Sampler::CandidatesNeeded() const {
  const int64_t kept = options_.temperature == 0 ? 1 : options_.top_k;
  if (kept == 0 || !Penalizes()) return kept;
  // Every token of the window may drop out of the top; a penalty below 1 may lift one from
  // anywhere.
  if (options_.repetition_penalty < 1 || options_.repetition_window < 0) return 0;
  return kept + options_.repetition_window;
}

int32_t Sampler::Sample(const Candidates& candidates, std::span<const int32_t> recent) {
  TRIT_CHECK(!candidates.ids.empty() && candidates.ids.size() == candidates.logits.size());
  scored_.clear();
  bool any_possible = false;
  for (size_t i = 0; i < candidates.ids.size(); ++i) {
    const double logit = candidates.logits[i];
    if (std::isnan(logit) || logit == INFINITY) {
      throw Error({.what = "the model gives no number for the likelihood of token " +
                           std::to_string(candidates.ids[i]),
                   .found = std::to_string(logit)});
    }
    any_possible = any_possible || logit != -INFINITY;
    scored_.push_back({candidates.ids[i], logit});
  }
  if (!any_possible) throw Error("every next token is ruled out");

  if (Penalizes()) Penalize(candidates, recent);
  if (options_.temperature == 0) {
    // The first of equal ones, and ids ascend.
    return std::max_element(scored_.begin(), scored_.end(),
                            [](const Scored& a, const Scored& b) { return a.logit < b.logit; })
        ->id;
  }
  SortAndKeepTopK();
  KeepTopP();
  KeepMinP();
  return Draw();
}

void Sampler::Penalize(const Candidates& candidates, std::span<const int32_t> recent) {
  const size_t window = static_cast<size_t>(options_.repetition_window);  // -1: larger than any
  recent = recent.last(std::min(window, recent.size()));
  recent_ids_.assign(recent.begin(), recent.end());
  std::sort(recent_ids_.begin(), recent_ids_.end());
  recent_ids_.erase(std::unique(recent_ids_.begin(), recent_ids_.end()), recent_ids_.end());
  for (const int32_t id : recent_ids_) {
    const auto found = std::lower_bound(candidates.ids.begin(), candidates.ids.end(), id);
    if (found == candidates.ids.end() || *found != id) continue;
    double& logit = scored_[static_cast<size_t>(found - candidates.ids.begin())].logit;
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
  }
}

void Sampler::SortAndKeepTopK() {
  size_t kept = scored_.size();
  if (options_.top_k > 0) kept = std::min(kept, static_cast<size_t>(options_.top_k));
  std::partial_sort(scored_.begin(), scored_.begin() + static_cast<ptrdiff_t>(kept), scored_.end(),
                    [](const Scored& a, const Scored& b) {
                      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                    });
  scored_.resize(kept);
}

void Sampler::KeepTopP() {
  if (options_.top_p >= 1) return;
  double total = 0;
  probabilities_.clear();
  for (const Scored& scored : scored_) {
    probabilities_.push_back(std::exp(scored.logit - scored_[0].logit));
    total += probabilities_.back();
  }
  double reached = 0;
  size_t kept = 0;
  do {
    reached += probabilities_[kept++];
  } while (kept < scored_.size() && reached < options_.top_p * total);
  scored_.resize(kept);
}

void Sampler::KeepMinP() {
  if (options_.min_p <= 0) return;
  const double min_logit = scored_[0].logit + std::log(options_.min_p);
  while (scored_.back().logit < min_logit) scored_.pop_back();
}

int32_t Sampler::Draw() {
  double total = 0;
  probabilities_.clear();
  for (const Scored& scored : scored_) {
    probabilities_.push_back(std::exp((scored.logit - scored_[0].logit) / options_.temperature));
    total += probabilities_.back();
  }
  // Always one draw a token, so that a token that was certain does not shift those after it.
  const double target = Uniform() * total;
  double reached = 0;
  for (size_t i = 0; i < scored_.size(); ++i) {
    reached += probabilities_[i];
    if (target < reached) return scored_[i].id;
  }
  return scored_[0].id;  // target rounded up to the total
}

double Sampler::Uniform() {
  const uint64_t high = NextPcg(random_state_);
  const uint64_t low = NextPcg(random_state_);
  return static_cast<double>(((high << 32) | low) >> 11) * 0x1p-53;
}

}  // namespace trit
