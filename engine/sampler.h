// Chooses the next token from the head's candidates, as SamplingOptions (generation_options.h) say.
#ifndef TRIT_ENGINE_SAMPLER_H_
#define TRIT_ENGINE_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/generation_options.h"
#include "engine/head_request.h"

namespace trit {

class Sampler {
 public:
  // Throws UsageError if an option is out of its range.
  explicit Sampler(const SamplingOptions& options);

  // How many of the largest candidates Sample must see for its choice to be that from the whole
  // vocabulary: the k of TopCandidates, 0 for all.
  int64_t CandidatesNeeded() const;

  // recent: the tokens so far, latest last. Of equal logits the smaller id comes first. Throws
  // Error if a logit is not a number or plus infinity, or all are minus infinity: a model that
  // diverged.
  int32_t Sample(const Candidates& candidates, std::span<const int32_t> recent);

 private:
  struct Scored {
    int32_t id;
    double logit;
  };

  bool Penalizes() const;
  void Penalize(const Candidates& candidates, std::span<const int32_t> recent);
  // Each keeps a beginning of scored_, which is sorted by then, of at least one.
  void SortAndKeepTopK();
  void KeepTopP();
  void KeepMinP();
  int32_t Draw();
  double Uniform();

  SamplingOptions options_;
  uint64_t random_state_;
  std::vector<Scored> scored_;
  std::vector<int32_t> recent_ids_;    // scratch
  std::vector<double> probabilities_;  // scratch
};

}  // namespace trit

#endif  // TRIT_ENGINE_SAMPLER_H_
