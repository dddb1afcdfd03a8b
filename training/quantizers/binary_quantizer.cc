#include "training/quantizers/binary_quantizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/ternarize.h"

namespace trit {
namespace {

struct Sums {
  double plain = 0;
  double absolute = 0;
};

}  // namespace

void BinaryQuantizer::Quantize(const float* w, const float*, int8_t* codes,
                               WeightScales& scales) const {
  const int64_t span_size = SpanSize();
  const int64_t spans = SpansPerRow();
  std::vector<Sums> parts(static_cast<size_t>(rows() * spans));
  ParallelFor(rows() * spans, [&](int64_t span) {
    Sums& sums = parts[static_cast<size_t>(span)];
    for (int64_t i = span * span_size; i < (span + 1) * span_size; ++i) {
      sums.plain += w[i];
      sums.absolute += std::fabs(w[i]);
    }
  });
  std::vector<Sums> totals(static_cast<size_t>(NumScales()));
  for (int64_t r = 0; r < rows(); ++r) {
    for (int64_t s = 0; s < spans; ++s) {
      Sums& total = totals[ScaleIndex(r, s)];
      total.plain += parts[static_cast<size_t>(r * spans + s)].plain;
      total.absolute += parts[static_cast<size_t>(r * spans + s)].absolute;
    }
  }
  const auto count = static_cast<double>(WeightsPerScale());
  std::vector<float> means(totals.size());
  for (size_t i = 0; i < totals.size(); ++i) {
    means[i] = static_cast<float>(totals[i].plain / count);
    scales.values[i] = std::max(static_cast<float>(totals[i].absolute / count), kMinWeightScale);
  }
  ParallelFor(rows() * spans, [&](int64_t span) {
    const float mean = means[ScaleIndex(span / spans, span % spans)];
    for (int64_t i = span * span_size; i < (span + 1) * span_size; ++i) {
      codes[i] = w[i] > mean ? 1 : -1;
    }
  });
}

}  // namespace trit
