#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/attention.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"
#include "tests/support/float_kernel_test.h"
#include "tests/support/gradient_check.h"

namespace trit {
namespace {

const AttentionShape kShapes[] = {{.num_heads = 2, .num_kv_heads = 2, .head_dim = 2},
                                  {.num_heads = 4, .num_kv_heads = 2, .head_dim = 16},
                                  {.num_heads = 6, .num_kv_heads = 2, .head_dim = 64},
                                  {.num_heads = 4, .num_kv_heads = 1, .head_dim = 96},
                                  {.num_heads = 5, .num_kv_heads = 1, .head_dim = 100},
                                  {.num_heads = 1, .num_kv_heads = 1, .head_dim = 256}};

// Packed documents of 64 times 2, 64 plus a few, less than a block of rows, and one row.
const TrainingSegment kSegments[] = {{0, 128}, {128, 70}, {198, 3}, {201, 1}};
constexpr int64_t kRows = 202;

struct Inputs {
  Inputs(const AttentionShape& shape, int64_t rows, uint32_t seed)
      : shape(shape),
        rows(rows),
        q(RandomFloats(rows * shape.num_heads * shape.head_dim, 3.0f, seed)),
        k(RandomFloats(rows * shape.num_kv_heads * shape.head_dim, 1.0f, seed + 1)),
        v(RandomFloats(rows * shape.num_kv_heads * shape.head_dim, 1.0f, seed + 2)),
        dout(RandomFloats(rows * shape.num_heads * shape.head_dim, 1.0f, seed + 3)) {}

  AttentionShape shape;
  int64_t rows;
  std::vector<float> q, k, v, dout;
};

struct Gradients {
  std::vector<float> dq, dk, dv;

  bool operator==(const Gradients& other) const {
    return SameBits(dq, other.dq) && SameBits(dk, other.dk) && SameBits(dv, other.dv);
  }
};

// Forward through pages, then backward of `differentiated`, as training does. Gradients begin as
// NaN: they must be overwritten, and only in the rows of segments.
Gradients ForwardBackward(const Inputs& inputs, std::span<const TrainingSegment> segments,
                          std::span<const TrainingSegment> differentiated, bool in_bf16) {
  const AttentionShape& shape = inputs.shape;
  const int64_t q_stride = shape.num_heads * shape.head_dim;
  const int64_t kv_stride = shape.num_kv_heads * shape.head_dim;
  std::vector<float> out(inputs.q.size());
  std::vector<float> log_sum_exp(static_cast<size_t>(inputs.rows * shape.num_heads));
  for (const TrainingSegment& segment : segments) {
    const int64_t num_pages = (segment.num_rows + kAttentionPage - 1) / kAttentionPage;
    AlignedBuffer<float> keys(static_cast<size_t>(num_pages * shape.PageFloats()));
    AlignedBuffer<float> values(keys.size());
    std::vector<float*> key_pages, value_pages;
    for (int64_t page = 0; page < num_pages; ++page) {
      key_pages.push_back(keys.data() + page * shape.PageFloats());
      value_pages.push_back(values.data() + page * shape.PageFloats());
    }
    StoreKeysValues(shape, 0, segment.num_rows, inputs.k.data() + segment.first_row * kv_stride,
                    inputs.v.data() + segment.first_row * kv_stride, kv_stride, key_pages.data(),
                    value_pages.data());
    const AttentionSegment forward = {.first_row = segment.first_row,
                                      .num_rows = segment.num_rows,
                                      .first_position = 0,
                                      .key_pages = key_pages.data(),
                                      .value_pages = value_pages.data()};
    AttentionForward(shape, {&forward, 1}, inputs.q.data(), q_stride, out.data(), q_stride,
                     log_sum_exp.data());
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Gradients gradients = {std::vector<float>(inputs.q.size(), nan),
                         std::vector<float>(inputs.k.size(), nan),
                         std::vector<float>(inputs.v.size(), nan)};
  AttentionBackward(shape, differentiated, inputs.q.data(), inputs.k.data(), inputs.v.data(),
                    out.data(), log_sum_exp.data(), inputs.dout.data(), in_bf16,
                    gradients.dq.data(), gradients.dk.data(), gradients.dv.data());
  return gradients;
}

Gradients ForwardBackward(const Inputs& inputs, std::span<const TrainingSegment> segments,
                          bool in_bf16 = false) {
  return ForwardBackward(inputs, segments, segments, in_bf16);
}

template <typename Body>
void ForEachShape(const Body& body) {
  for (const AttentionShape& shape : kShapes) {
    BOOST_TEST_CONTEXT("H " << shape.num_heads << " G " << shape.num_kv_heads << " D "
                            << shape.head_dim) {
      body(shape);
    }
  }
}

// The same in double, from the formulas, and beside each gradient the sum of its terms' absolute
// values: what rounding errors are relative to.
struct DoubleGradients {
  explicit DoubleGradients(const Inputs& inputs)
      : dq(inputs.q.size()),
        dk(inputs.k.size()),
        dv(inputs.v.size()),
        dq_terms(dq.size()),
        dk_terms(dk.size()),
        dv_terms(dv.size()) {}

  std::vector<double> dq, dk, dv, dq_terms, dk_terms, dv_terms;
  double largest_score_terms = 0;  // max of sum_d |q_d k_d| / sqrt(D)
};

// sum_d a[d] b[d], and the same of absolute values.
struct DoubleDot {
  DoubleDot(const float* a, const float* b, int64_t n) {
    for (int64_t d = 0; d < n; ++d) {
      sum += double{a[d]} * double{b[d]};
      terms += std::abs(double{a[d]} * double{b[d]});
    }
  }
  double sum = 0, terms = 0;
};

void AddRowGradients(const Inputs& inputs, const TrainingSegment& segment, int64_t i, int64_t head,
                     DoubleGradients& result) {
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  const int64_t kv_stride = shape.num_kv_heads * dim;
  const int64_t at_q = (segment.first_row + i) * shape.num_heads * dim + head * dim;
  const int64_t at_kv =
      segment.first_row * kv_stride + head / (shape.num_heads / shape.num_kv_heads) * dim;
  const float* const q = inputs.q.data() + at_q;
  const float* const dout = inputs.dout.data() + at_q;
  const double scale = 1 / std::sqrt(static_cast<double>(dim));

  std::vector<double> p, dp, dp_terms;
  double sum = 0;
  for (int64_t j = 0; j <= i; ++j) {
    const DoubleDot score(q, inputs.k.data() + at_kv + j * kv_stride, dim);
    const DoubleDot derivative(dout, inputs.v.data() + at_kv + j * kv_stride, dim);
    result.largest_score_terms = std::max(result.largest_score_terms, score.terms * scale);
    p.push_back(std::exp(score.sum * scale));
    dp.push_back(derivative.sum);
    dp_terms.push_back(derivative.terms);
    sum += p.back();
  }
  double delta = 0, delta_terms = 0;
  for (size_t j = 0; j < p.size(); ++j) {
    p[j] /= sum;
    delta += p[j] * dp[j];
    delta_terms += p[j] * dp_terms[j];
  }
  for (size_t j = 0; j < p.size(); ++j) {
    const double ds = p[j] * (dp[j] - delta) * scale;
    const double ds_terms = p[j] * (dp_terms[j] + delta_terms) * scale;
    const size_t kv = static_cast<size_t>(at_kv) + j * static_cast<size_t>(kv_stride);
    for (size_t d = 0; d < static_cast<size_t>(dim); ++d) {
      const double key = inputs.k[kv + d];
      const size_t at = static_cast<size_t>(at_q) + d;
      result.dq[at] += ds * key;
      result.dq_terms[at] += ds_terms * std::abs(key);
      result.dk[kv + d] += ds * double{q[d]};
      result.dk_terms[kv + d] += ds_terms * std::abs(double{q[d]});
      result.dv[kv + d] += p[j] * double{dout[d]};
      result.dv_terms[kv + d] += p[j] * std::abs(double{dout[d]});
    }
  }
}

DoubleGradients ReferenceGradients(const Inputs& inputs,
                                   std::span<const TrainingSegment> segments) {
  DoubleGradients result(inputs);
  for (const TrainingSegment& segment : segments) {
    for (int64_t i = 0; i < segment.num_rows; ++i) {
      for (int64_t head = 0; head < inputs.shape.num_heads; ++head) {
        AddRowGradients(inputs, segment, i, head, result);
      }
    }
  }
  return result;
}

// The largest error in units of the bound; a gradient that was never written is NaN and fails.
double WorstError(const std::vector<float>& gradient, const std::vector<double>& expected,
                  const std::vector<double>& terms, double relative) {
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(double{gradient[i]} - expected[i]) / (relative * terms[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

// With u half an ulp and S the largest sum_d |q_d k_d| / sqrt(D): a score is off by (2 D + 2) S u,
// log_sum_exp by as much again and (2 * 64 + 4 S + 20) u, so P is off by this relative to itself:
double ProbabilityError(const Inputs& inputs, double s) {
  return (2 * (2 * static_cast<double>(inputs.shape.head_dim) + 2) * s + 128 + 6 * s + 30) *
         kUnitRoundoff;
}

BOOST_AUTO_TEST_CASE(gradients_match_the_formulas_on_every_target) {
  ForEachShape([](const AttentionShape& shape) {
    const Inputs inputs(shape, kRows, 5);
    const DoubleGradients expected = ReferenceGradients(inputs, kSegments);
    // dP and delta add 2 (D + 1) roundings each (two a term without FMA), and delta the error of
    // out, twice that of P; a gradient sums at most 128 rows of R heads.
    const double heads = static_cast<double>(shape.num_heads / shape.num_kv_heads);
    const double relative =
        3 * ProbabilityError(inputs, expected.largest_score_terms) +
        (4 * static_cast<double>(shape.head_dim) + 256 * heads + 20) * kUnitRoundoff;
    ForEachSimdTarget([&] {
      const Gradients gradients = ForwardBackward(inputs, kSegments);
      BOOST_TEST(WorstError(gradients.dq, expected.dq, expected.dq_terms, relative) <= 1.0);
      BOOST_TEST(WorstError(gradients.dk, expected.dk, expected.dk_terms, relative) <= 1.0);
      BOOST_TEST(WorstError(gradients.dv, expected.dv, expected.dv_terms, relative) <= 1.0);
    });
  });
}

// dP is off by 2^-7 of its terms, both operands being rounded by 2^-9 or less, and so is every term
// of a gradient again; delta and P are as exact as in floats.
BOOST_AUTO_TEST_CASE(bf16_gradients_match_the_formulas_on_every_target) {
  ForEachShape([](const AttentionShape& shape) {
    const Inputs inputs(shape, kRows, 5);
    const DoubleGradients expected = ReferenceGradients(inputs, kSegments);
    ForEachSimdTarget([&] {
      const Gradients gradients = ForwardBackward(inputs, kSegments, true);
      BOOST_TEST(WorstError(gradients.dq, expected.dq, expected.dq_terms, 0x1p-7) <= 1.0);
      BOOST_TEST(WorstError(gradients.dk, expected.dk, expected.dk_terms, 0x1p-7) <= 1.0);
      BOOST_TEST(WorstError(gradients.dv, expected.dv, expected.dv_terms, 0x1p-7) <= 1.0);
    });
  });
}

// sum of out * dout, plainly.
double Loss(const Inputs& inputs, std::span<const TrainingSegment> segments,
            std::span<const double> q, std::span<const double> k, std::span<const double> v) {
  const size_t dim = static_cast<size_t>(inputs.shape.head_dim);
  const size_t heads = static_cast<size_t>(inputs.shape.num_heads);
  const size_t kv_heads = static_cast<size_t>(inputs.shape.num_kv_heads);
  double loss = 0;
  for (const TrainingSegment& segment : segments) {
    const size_t first = static_cast<size_t>(segment.first_row);
    for (size_t row = first; row < first + static_cast<size_t>(segment.num_rows); ++row) {
      for (size_t head = 0; head < heads; ++head) {
        const size_t at_q = (row * heads + head) * dim;
        double sum = 0, weighted = 0;
        for (size_t j = first; j <= row; ++j) {
          const size_t at_kv = (j * kv_heads + head / (heads / kv_heads)) * dim;
          double score = 0, derivative = 0;
          for (size_t d = 0; d < dim; ++d) {
            score += q[at_q + d] * k[at_kv + d];
            derivative += double{inputs.dout[at_q + d]} * v[at_kv + d];
          }
          const double p = std::exp(score / std::sqrt(static_cast<double>(dim)));
          sum += p;
          weighted += p * derivative;
        }
        loss += weighted / sum;
      }
    }
  }
  return loss;
}

BOOST_AUTO_TEST_CASE(gradients_match_central_differences) {
  const TrainingSegment segments[] = {{0, 66}, {66, 4}};
  for (const AttentionShape& shape :
       {AttentionShape{.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
        AttentionShape{.num_heads = 2, .num_kv_heads = 2, .head_dim = 2}}) {
    const Inputs inputs(shape, 70, 4);
    const std::vector<double> q = ToDoubles(inputs.q);
    const std::vector<double> k = ToDoubles(inputs.k);
    const std::vector<double> v = ToDoubles(inputs.v);
    const Gradients gradients = ForwardBackward(inputs, segments);
    // A gradient sums 66 rows of two heads, of probabilities that sum 66 exponentials: 400
    // operations with those of the head dimension.
    const double tolerance = 400 * kUnitRoundoff + 1e-7;
    using Point = std::span<const double>;
    CheckGradient([&](Point x) { return Loss(inputs, segments, x, k, v); }, inputs.q, gradients.dq,
                  tolerance);
    CheckGradient([&](Point x) { return Loss(inputs, segments, q, x, v); }, inputs.k, gradients.dk,
                  tolerance);
    CheckGradient([&](Point x) { return Loss(inputs, segments, q, k, x); }, inputs.v, gradients.dv,
                  tolerance);
  }
}

BOOST_AUTO_TEST_CASE(threads_do_not_change_bits) {
  const int num_threads = NumThreads();
  ForEachSimdTarget([] {
    ForEachShape([](const AttentionShape& shape) {
      const Inputs inputs(shape, kRows, 6);
      for (const bool in_bf16 : {false, true}) {
        SetNumThreads(1);
        const Gradients expected = ForwardBackward(inputs, kSegments, in_bf16);
        for (const int threads : {2, 5}) {
          SetNumThreads(threads);
          BOOST_TEST((ForwardBackward(inputs, kSegments, in_bf16) == expected));
        }
      }
    });
  });
  SetNumThreads(num_threads);
}

void CheckIsolation(bool in_bf16) {
  ForEachSimdTarget([in_bf16] {
    const AttentionShape shape = {.num_heads = 6, .num_kv_heads = 2, .head_dim = 64};
    Inputs inputs(shape, kRows, 7);
    const Gradients expected = ForwardBackward(inputs, kSegments, in_bf16);
    // Other rows are NaN, and one segment alone is differentiated.
    const TrainingSegment& segment = kSegments[1];
    const auto isolate = [&](std::vector<float>& x) {
      const size_t stride = x.size() / kRows;
      const auto begin = x.begin() + static_cast<size_t>(segment.first_row) * stride;
      std::fill(x.begin(), begin, std::numeric_limits<float>::quiet_NaN());
      std::fill(begin + static_cast<size_t>(segment.num_rows) * stride, x.end(),
                std::numeric_limits<float>::quiet_NaN());
    };
    for (std::vector<float>* x : {&inputs.q, &inputs.k, &inputs.v, &inputs.dout}) isolate(*x);
    const Gradients alone = ForwardBackward(inputs, kSegments, {&segment, 1}, in_bf16);
    const auto check = [&](const std::vector<float>& x, const std::vector<float>& y) {
      const size_t stride = x.size() / kRows;
      const size_t begin = static_cast<size_t>(segment.first_row) * stride;
      const size_t size = static_cast<size_t>(segment.num_rows) * stride;
      BOOST_TEST(std::equal(x.begin() + begin, x.begin() + begin + size, y.begin() + begin));
      BOOST_TEST(std::isnan(x[begin - 1]));
      BOOST_TEST(std::isnan(x[begin + size]));
    };
    check(alone.dq, expected.dq);
    check(alone.dk, expected.dk);
    check(alone.dv, expected.dv);
  });
}

BOOST_AUTO_TEST_CASE(segments_do_not_see_each_other) {
  CheckIsolation(false);
  CheckIsolation(true);
}

}  // namespace
}  // namespace trit
