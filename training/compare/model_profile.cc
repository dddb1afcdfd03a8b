#include "training/compare/model_profile.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "engine/taps.h"
#include "engine/tensors/unpack_weight.h"
#include "training/compare/histogram.h"
#include "training/layer_outputs.h"
#include "training/quantizers/quantization_config.h"
#include "training/relative_error.h"

namespace trit {
namespace {

constexpr int64_t kProfiledTokens = 512;  // of the text

std::set<WeightId> ShownMatrices(const WeightTable& table, int64_t num_layers) {
  std::set<WeightId> shown;
  for (const int64_t layer : {int64_t{0}, num_layers / 2, num_layers - 1}) {
    shown.insert({table.Layer(layer).q_proj, table.Layer(layer).down_proj});
  }
  return shown;
}

void ProfileWeights(const Parameters& latent, const Model& model, const std::set<WeightId>& shown,
                    ModelProfile& profile) {
  std::vector<float> row;
  for (const WeightInfo& info : model.table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    const PackedMatrix& matrix = model.weights[static_cast<size_t>(info.id)].matrix;
    const std::span<const float> before = latent.Values(info.id);
    row.resize(static_cast<size_t>(info.cols));
    const bool is_shown = shown.contains(info.id);
    Histogram after(HistogramLimit(before));
    RelativeError error;
    for (int64_t r = 0; r < info.rows; ++r) {
      UnpackWeights(matrix, r, row.data());
      error.Add(row, before.subspan(static_cast<size_t>(r * info.cols), row.size()));
      if (is_shown) after.Add(row);
    }
    profile.matrices.push_back(ShortWeightName(info.name));
    profile.weight_errors.push_back(error.Value());
    if (!is_shown) continue;
    Histogram all(after.limit());
    all.Add(before);
    profile.weights.push_back({.matrix = profile.matrices.back(),
                               .limit = all.limit(),
                               .before = all.Shares(),
                               .after = after.Shares()});
  }
}

// Inputs of a matrix as the tap sees them, every row rounded where the matrix takes codes.
BeforeAndAfter InputHistograms(const LinearTap& tap, const std::string& matrix) {
  const size_t cols = static_cast<size_t>(tap.in_features);
  const std::span<const float> in(tap.in, static_cast<size_t>(tap.rows) * cols);
  Histogram before(HistogramLimit(in));
  before.Add(in);
  Histogram after(before.limit());
  if (tap.codes == nullptr) {
    after.Add(in);
  } else {
    std::vector<float> rounded(cols);
    for (int64_t r = 0; r < tap.rows; ++r) {
      const int8_t* codes = tap.codes->codes.data() + r * tap.codes->stride;
      const float scale = tap.codes->scales[static_cast<size_t>(r)];
      std::transform(codes, codes + tap.in_features, rounded.begin(),
                     [scale](int8_t code) { return static_cast<float>(code) / scale; });
      after.Add(rounded);
    }
  }
  return {.matrix = matrix,
          .limit = before.limit(),
          .before = before.Shares(),
          .after = after.Shares()};
}

}  // namespace

LabeledBatch ProfiledText(const EvaluationSource& text) {
  LabeledBatch rows;
  text.Fill(0, text.RowsFor(kProfiledTokens), rows);
  return rows;
}

ModelProfile ProfileModel(const Parameters& latent, const Model& model,
                          const LayerOutputs* reference, const LabeledBatch& text) {
  ModelProfile profile;
  const std::set<WeightId> shown = ShownMatrices(model.table, model.config.num_hidden_layers);
  ProfileWeights(latent, model, shown, profile);

  std::map<WeightId, BeforeAndAfter> inputs;  // in the order of the table
  const auto observe = [&](const LinearTap& tap) {
    if (!shown.contains(tap.weight)) return;
    inputs[tap.weight] = InputHistograms(tap, ShortWeightName(model.table[tap.weight].name));
  };
  const LayerOutputs outputs = ComputeLayerOutputs(model, text, observe);
  for (auto& [id, histograms] : inputs) profile.inputs.push_back(std::move(histograms));
  profile.layer_errors = LayerErrors(outputs, reference != nullptr ? *reference : outputs);
  return profile;
}

}  // namespace trit
