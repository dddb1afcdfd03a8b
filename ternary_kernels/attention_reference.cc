#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ternary_kernels/attention.h"

namespace trit {
namespace {

// One row of one head. keys: (pages, D, 64), values: (pages, 64, D), both from the head on.
void ReferenceRow(const AttentionShape& shape, const AttentionSegment& segment, int64_t kv_head,
                  int64_t num_positions, const float* q, float* out, float* log_sum_exp) {
  const int64_t dim = shape.head_dim;
  const int64_t offset = kv_head * dim * kAttentionPage;
  std::vector<double> p(static_cast<size_t>(num_positions));
  for (int64_t j = 0; j < num_positions; ++j) {
    const float* key = segment.key_pages[j / kAttentionPage] + offset + j % kAttentionPage;
    double score = 0;
    for (int64_t d = 0; d < dim; ++d) score += double{q[d]} * double{key[d * kAttentionPage]};
    p[static_cast<size_t>(j)] = score / std::sqrt(static_cast<double>(dim));
  }
  const double max = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& x : p) sum += x = std::exp(x - max);
  std::vector<double> o(static_cast<size_t>(dim));
  for (int64_t j = 0; j < num_positions; ++j) {
    const float* value =
        segment.value_pages[j / kAttentionPage] + offset + j % kAttentionPage * dim;
    for (size_t d = 0; d < o.size(); ++d) o[d] += p[static_cast<size_t>(j)] * double{value[d]};
  }
  for (size_t d = 0; d < o.size(); ++d) out[d] = static_cast<float>(o[d] / sum);
  if (log_sum_exp != nullptr) *log_sum_exp = static_cast<float>(max + std::log(sum));
}

}  // namespace

void AttentionForwardReference(const AttentionShape& shape,
                               std::span<const AttentionSegment> segments, const float* q,
                               int64_t q_stride, float* out, int64_t out_stride,
                               float* log_sum_exp) {
  const int64_t heads_per_kv_head = shape.num_heads / shape.num_kv_heads;
  for (const AttentionSegment& segment : segments) {
    for (int64_t i = 0; i < segment.num_rows; ++i) {
      const int64_t row = segment.first_row + i;
      for (int64_t h = 0; h < shape.num_heads; ++h) {
        float* const row_log_sum_exp =
            log_sum_exp == nullptr ? nullptr : log_sum_exp + row * shape.num_heads + h;
        ReferenceRow(shape, segment, h / heads_per_kv_head, segment.first_position + i + 1,
                     q + row * q_stride + h * shape.head_dim,
                     out + row * out_stride + h * shape.head_dim, row_log_sum_exp);
      }
    }
  }
}

}  // namespace trit
