#include "training/evaluation/inference_pass.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/transformer.h"
#include "ternary_kernels/check.h"

namespace trit {

InferencePass::InferencePass(const Model& model, int64_t rows_at_once)
    : model_(model),
      cache_(model.config, rows_at_once),  // a page a segment at least, so as many as rows suffice
      executor_(model, cache_, model.config.max_position_embeddings) {}

void InferencePass::Losses(const LabeledBatch& labeled, std::span<float> losses) {
  Batch batch = labeled.batch;
  for (Segment& segment : batch.segments) {
    TRIT_CHECK(segment.first_position == 0);
    segment.sequence = cache_.Create();
  }
  std::vector<int32_t> rows;
  std::vector<int32_t> targets;
  std::vector<float> weights;
  for (size_t r = 0; r < labeled.targets.size(); ++r) {
    if (labeled.weights[r] == 0) continue;
    rows.push_back(static_cast<int32_t>(r));
    targets.push_back(labeled.targets[r]);
    weights.push_back(labeled.weights[r]);
  }
  std::vector<float> row_losses(rows.size());
  const Value hidden = ForwardTransformer(model_.config, model_.table, batch, executor_);
  executor_.Head(hidden, rows,
                 TokenLoss{.targets = targets, .weights = weights, .losses = row_losses});
  std::fill(losses.begin(), losses.end(), 0.0f);
  for (size_t i = 0; i < rows.size(); ++i) losses[static_cast<size_t>(rows[i])] = row_losses[i];
  for (const Segment& segment : batch.segments) cache_.Release(segment.sequence);
}

}  // namespace trit
