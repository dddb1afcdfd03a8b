#include "ternary_kernels/attention.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/parallel_for.h"
#include "ternary_kernels/simd_targets.h"
#include "tests/support/float_kernel_test.h"

namespace trit {
namespace {

// All ratios H / G of 1 to 5, and head dimensions with and without a partial vector.
const AttentionShape kShapes[] = {{.num_heads = 2, .num_kv_heads = 2, .head_dim = 2},
                                  {.num_heads = 4, .num_kv_heads = 2, .head_dim = 16},
                                  {.num_heads = 6, .num_kv_heads = 2, .head_dim = 64},
                                  {.num_heads = 4, .num_kv_heads = 1, .head_dim = 96},
                                  {.num_heads = 5, .num_kv_heads = 1, .head_dim = 100},
                                  {.num_heads = 1, .num_kv_heads = 1, .head_dim = 128},
                                  {.num_heads = 2, .num_kv_heads = 1, .head_dim = 256}};

// Pages of one sequence, full of `garbage` until keys and values are stored.
struct Pages {
  Pages(const AttentionShape& shape, int64_t num_positions, float garbage) {
    const int64_t num_pages = (num_positions + kAttentionPage - 1) / kAttentionPage;
    keys = AlignedBuffer<float>(static_cast<size_t>(num_pages * shape.PageFloats()));
    values = AlignedBuffer<float>(keys.size());
    std::fill(keys.begin(), keys.end(), garbage);
    std::fill(values.begin(), values.end(), garbage);
    for (int64_t page = 0; page < num_pages; ++page) {
      key_pages.push_back(keys.data() + page * shape.PageFloats());
      value_pages.push_back(values.data() + page * shape.PageFloats());
    }
  }

  AlignedBuffer<float> keys, values;
  std::vector<float*> key_pages, value_pages;
};

// Inputs of a sequence of `length` positions, with gaps between rows, and what attention makes of
// it. Scores have a standard deviation of about 1.
struct Sequence {
  Sequence(const AttentionShape& shape, int64_t length, uint32_t seed)
      : shape(shape),
        length(length),
        q_stride(shape.num_heads * shape.head_dim + 3),
        out_stride(q_stride + 2),
        kv_stride(shape.num_kv_heads * shape.head_dim + 5),
        q(RandomFloats(length * q_stride, 3.0f, seed)),
        k(RandomFloats(length * kv_stride, 1.0f, seed + 1)),
        v(RandomFloats(length * kv_stride, 1.0f, seed + 2)) {}

  void Store(Pages& pages, int64_t begin, int64_t end) const {
    StoreKeysValues(shape, begin, end - begin, k.data() + begin * kv_stride,
                    v.data() + begin * kv_stride, kv_stride, pages.key_pages.data(),
                    pages.value_pages.data());
  }
  AttentionSegment Segment(const Pages& pages, int64_t begin, int64_t end) const {
    return {.first_row = begin,
            .num_rows = end - begin,
            .first_position = begin,
            .key_pages = pages.key_pages.data(),
            .value_pages = pages.value_pages.data()};
  }

  const AttentionShape shape;
  const int64_t length;
  const int64_t q_stride, out_stride, kv_stride;
  const std::vector<float> q;
  std::vector<float> k, v;
};

struct Result {
  explicit Result(const Sequence& sequence)
      : out(static_cast<size_t>(sequence.length * sequence.out_stride)),
        log_sum_exp(static_cast<size_t>(sequence.length * sequence.shape.num_heads)) {
    std::fill(out.begin(), out.end(), -77.0f);
  }
  bool operator==(const Result& other) const {
    return SameBits(out, other.out) && SameBits(log_sum_exp, other.log_sum_exp);
  }

  std::vector<float> out, log_sum_exp;
};

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - double{b[i]});
    if (!(difference <= largest)) largest = difference;  // keeps NaN
  }
  return largest;
}

void Forward(const Sequence& sequence, std::span<const AttentionSegment> segments, Result& result) {
  AttentionForward(sequence.shape, segments, sequence.q.data(), sequence.q_stride,
                   result.out.data(), sequence.out_stride, result.log_sum_exp.data());
}

// Rows in pieces that end at `ends`, keys and values stored piece by piece.
Result ForwardInPieces(const Sequence& sequence, const std::vector<int64_t>& ends, float garbage) {
  Pages pages(sequence.shape, sequence.length, garbage);
  Result result(sequence);
  int64_t begin = 0;
  for (const int64_t end : ends) {
    sequence.Store(pages, begin, end);
    const AttentionSegment segment = sequence.Segment(pages, begin, end);
    Forward(sequence, {&segment, 1}, result);
    begin = end;
  }
  return result;
}

Result ForwardAtOnce(const Sequence& sequence) {
  return ForwardInPieces(sequence, {sequence.length}, 0.5f);
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

// Bounds of the errors of out (values are below 1) and log_sum_exp, to first order, in units u of
// half an ulp. With S >= sum_d |q_d k_d| / sqrt(D): a score is off by (2 D + 2) S u (two roundings
// a term without FMA, those of the scale and of q), and the exponentials of it and of its page's
// maximum by 2 (2 S + 3) u more; summing 64 terms a page and the pages adds (2 * 64 + 3 * pages) u.
// out is a quotient of two such sums.
struct Tolerance {
  double out, log_sum_exp;
};
Tolerance DeriveTolerance(const Sequence& sequence, int64_t first_row) {
  const AttentionShape& shape = sequence.shape;
  const int64_t dim = shape.head_dim;
  double s = 0;
  for (int64_t i = first_row; i < sequence.length; ++i) {
    for (int64_t h = 0; h < shape.num_heads; ++h) {
      const float* q = sequence.q.data() + i * sequence.q_stride + h * dim;
      const int64_t g = h / (shape.num_heads / shape.num_kv_heads);
      for (int64_t j = 0; j <= i; ++j) {
        const float* k = sequence.k.data() + j * sequence.kv_stride + g * dim;
        double sum = 0;
        for (int64_t d = 0; d < dim; ++d) sum += std::abs(double{q[d]} * double{k[d]});
        s = std::max(s, sum / std::sqrt(static_cast<double>(dim)));
      }
    }
  }
  const double u = kUnitRoundoff;
  const double pages = static_cast<double>((sequence.length + 63) / 64);
  const double score = (2.0 * static_cast<double>(dim) + 2) * s * u;
  const double weight = score + 2 * (2 * s + 3) * u + (128 + 3 * pages) * u;
  return {.out = 2 * weight + 2 * u,
          .log_sum_exp = weight + score + 2 * (s + std::log(sequence.length)) * u};
}

BOOST_AUTO_TEST_CASE(stored_keys_are_transposed_and_values_are_not) {
  const AttentionShape shape = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 6};
  const Sequence sequence(shape, 130, 1);
  Pages pages(shape, sequence.length, -1.0f);
  sequence.Store(pages, 0, 61);
  sequence.Store(pages, 61, 130);
  bool keys_match = true, values_match = true;
  for (int64_t position = 0; position < sequence.length; ++position) {
    const int64_t page = position / 64, slot = position % 64;
    for (int64_t g = 0; g < 2; ++g) {
      for (int64_t d = 0; d < 6; ++d) {
        const int64_t from = position * sequence.kv_stride + g * 6 + d;
        keys_match &= pages.key_pages[page][(g * 6 + d) * 64 + slot] == sequence.k.data()[from];
        values_match &= pages.value_pages[page][(g * 64 + slot) * 6 + d] == sequence.v.data()[from];
      }
    }
  }
  BOOST_TEST(keys_match);
  BOOST_TEST(values_match);
  BOOST_TEST(pages.key_pages[2][2] == -1.0f);
  BOOST_TEST(pages.value_pages[2][2 * 6] == -1.0f);
}

// Rows from first_row on, against the reference, on every target.
void CompareWithReference(const Sequence& sequence, int64_t first_row) {
  Pages pages(sequence.shape, sequence.length, 0.0f);
  sequence.Store(pages, 0, sequence.length);
  const AttentionSegment segment = sequence.Segment(pages, first_row, sequence.length);
  Result expected(sequence);
  AttentionForwardReference(sequence.shape, {&segment, 1}, sequence.q.data(), sequence.q_stride,
                            expected.out.data(), sequence.out_stride, expected.log_sum_exp.data());
  const Tolerance tolerance = DeriveTolerance(sequence, first_row);
  ForEachSimdTarget([&] {
    Result result(sequence);
    Forward(sequence, {&segment, 1}, result);
    BOOST_TEST(LargestDifference(result.out, expected.out) <= tolerance.out);
    BOOST_TEST(LargestDifference(result.log_sum_exp, expected.log_sum_exp) <=
               tolerance.log_sum_exp);
  });
}

BOOST_AUTO_TEST_CASE(a_prompt_matches_the_reference_on_every_target) {
  ForEachShape([](const AttentionShape& shape) { CompareWithReference({shape, 150, 7}, 0); });
}

BOOST_AUTO_TEST_CASE(one_token_with_a_long_context_matches_the_reference) {
  ForEachShape([](const AttentionShape& shape) { CompareWithReference({shape, 1000, 8}, 999); });
}

BOOST_AUTO_TEST_CASE(targets_with_fused_multiply_add_give_the_same_bits) {
  if (!UseSimdTarget("AVX2")) return;
  ForEachShape([](const AttentionShape& shape) {
    const Sequence sequence(shape, 150, 9);
    UseSimdTarget("AVX2");
    const Result expected = ForwardAtOnce(sequence);
    for (const char* target : {"AVX3", "AVX3_DL"}) {
      if (!UseSimdTarget(target)) continue;
      BOOST_TEST((ForwardAtOnce(sequence) == expected), "target " << target);
    }
  });
  UseSimdTarget("");
}

BOOST_AUTO_TEST_CASE(a_prompt_in_pieces_or_row_by_row_gives_the_same_bits) {
  ForEachSimdTarget([] {
    ForEachShape([](const AttentionShape& shape) {
      const Sequence sequence(shape, 150, 9);
      const Result expected = ForwardAtOnce(sequence);
      // Unused slots are so large that scores with them overflow.
      BOOST_TEST((ForwardInPieces(sequence, {1, 4, 33, 64, 65, 131, 150}, 3e38f) == expected));
      std::vector<int64_t> every;
      for (int64_t end = 1; end <= sequence.length; ++end) every.push_back(end);
      BOOST_TEST((ForwardInPieces(sequence, every, -3e38f) == expected));
    });
  });
}

BOOST_AUTO_TEST_CASE(a_row_does_not_see_later_positions) {
  ForEachSimdTarget([] {
    ForEachShape([](const AttentionShape& shape) {
      Sequence sequence(shape, 70, 10);
      const Result expected = ForwardAtOnce(sequence);
      const int64_t last = (sequence.length - 1) * sequence.kv_stride;
      for (int64_t x = 0; x < sequence.kv_stride; ++x) {
        sequence.k.data()[last + x] = std::numeric_limits<float>::infinity();
        sequence.v.data()[last + x] = std::numeric_limits<float>::quiet_NaN();
      }
      const Result result = ForwardAtOnce(sequence);
      BOOST_TEST(std::equal(result.out.begin(), result.out.end() - sequence.out_stride,
                            expected.out.begin()));
      BOOST_TEST(std::isnan(result.out[result.out.size() - sequence.out_stride]));
    });
  });
}

BOOST_AUTO_TEST_CASE(several_segments_give_the_bits_of_each_alone) {
  ForEachSimdTarget([] {
    const AttentionShape shape = {.num_heads = 6, .num_kv_heads = 2, .head_dim = 64};
    const Sequence sequence(shape, 200, 11);
    // Three chats, one of them just begun, whose rows of this call are rows of one batch.
    Pages first(shape, 200, 0.0f), second(shape, 200, 0.0f), third(shape, 200, 0.0f);
    sequence.Store(first, 0, 200);
    StoreKeysValues(shape, 0, 100, sequence.v.data(), sequence.k.data(), sequence.kv_stride,
                    second.key_pages.data(), second.value_pages.data());
    StoreKeysValues(shape, 0, 100, sequence.q.data(), sequence.k.data(), sequence.kv_stride,
                    third.key_pages.data(), third.value_pages.data());
    AttentionSegment segments[] = {sequence.Segment(first, 0, 1), sequence.Segment(second, 1, 60),
                                   sequence.Segment(third, 60, 100)};
    segments[0].first_position = 199;
    segments[1].first_position = 11;
    segments[2].first_position = 0;
    Result together(sequence), separate(sequence);
    Forward(sequence, segments, together);
    for (const AttentionSegment& segment : segments) Forward(sequence, {&segment, 1}, separate);
    BOOST_TEST((together == separate));
    // Rows of no segment are left alone.
    BOOST_TEST(together.out[100 * sequence.out_stride] == -77.0f);
    BOOST_TEST(together.out[99 * sequence.out_stride] != -77.0f);
  });
}

BOOST_AUTO_TEST_CASE(threads_do_not_change_bits) {
  const int num_threads = NumThreads();
  ForEachSimdTarget([] {
    ForEachShape([](const AttentionShape& shape) {
      const Sequence prompt(shape, 150, 12);
      // One token with a long context: pages are shared out when there are several threads.
      const Sequence token(shape, 1000, 13);
      Pages pages(shape, token.length, 1.0f);
      token.Store(pages, 0, token.length);
      const AttentionSegment segment = token.Segment(pages, 999, 1000);

      SetNumThreads(1);
      const Result expected_prompt = ForwardAtOnce(prompt);
      Result expected_token(token);
      Forward(token, {&segment, 1}, expected_token);
      for (const int threads : {2, 5}) {
        SetNumThreads(threads);
        BOOST_TEST((ForwardAtOnce(prompt) == expected_prompt));
        Result result(token);
        Forward(token, {&segment, 1}, result);
        BOOST_TEST((result == expected_token));
      }
    });
  });
  SetNumThreads(num_threads);
}

BOOST_AUTO_TEST_CASE(log_sum_exp_is_optional) {
  const AttentionShape shape = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 8};
  const Sequence sequence(shape, 3, 14);
  Pages pages(shape, sequence.length, 0.0f);
  sequence.Store(pages, 0, 3);
  const AttentionSegment segment = sequence.Segment(pages, 0, 3);
  Result expected(sequence), result(sequence);
  Forward(sequence, {&segment, 1}, expected);
  AttentionForward(shape, {&segment, 1}, sequence.q.data(), sequence.q_stride, result.out.data(),
                   sequence.out_stride, nullptr);
  BOOST_TEST(SameBits(result.out, expected.out));
}

}  // namespace
}  // namespace trit
