#include "ternary_kernels/matmul_kernel.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "tests/matmul_problem.h"

namespace trit {
namespace {

constexpr int64_t kRows = 200;
constexpr int64_t kCols = 768;

struct TwoThreads {
  TwoThreads() { SetNumThreads(2); }
  ~TwoThreads() { SetNumThreads(before); }
  int before = NumThreads();
};

BOOST_AUTO_TEST_CASE(every_format_ends_with_its_reference) {
  std::set<std::string> names;
  std::map<WeightFormat, const MatmulKernel*> last;
  for (const MatmulKernel& kernel : MatmulKernels()) {
    BOOST_TEST(names.insert(std::string(kernel.name)).second);
    last[kernel.format] = &kernel;
  }
  BOOST_TEST(last.size() == 11u);
  for (const auto& [format, kernel] : last) {
    BOOST_TEST(kernel->name.starts_with("reference-"));
    BOOST_TEST(kernel->min_tokens == 1);
    BOOST_TEST(kernel->max_tokens == INT64_MAX);
  }
}

BOOST_AUTO_TEST_CASE(choice_by_tokens_and_scales) {
  const auto chosen = [](WeightFormat format, int64_t tokens, int64_t group_size) {
    const MatmulProblem problem(format, 8, 768, 1,
                                group_size == 0 ? ScaleKind::kTensor : ScaleKind::kGroup,
                                group_size, false, 1);
    return std::string(ChooseMatmulKernel(problem.weights, tokens).name);
  };
  BOOST_TEST(chosen(WeightFormat::kTernary2Bit, 1, 0) == "dot-2bit-one");
  BOOST_TEST(chosen(WeightFormat::kTernary2Bit, 2, 0) == "dot-2bit-few");
  BOOST_TEST(chosen(WeightFormat::kTernary2Bit, 16, 0) == "dot-2bit-few");
  BOOST_TEST(chosen(WeightFormat::kTernary2Bit, 17, 32) == "dot-2bit-many");
  BOOST_TEST(chosen(WeightFormat::kTernary2Bit, 1, 24) == "reference-2bit");
  BOOST_TEST(chosen(WeightFormat::kTernaryLookup, 3, 24) == "lookup-add");
  BOOST_TEST(chosen(WeightFormat::kInt4, 1, 0) == "dot-int4-few");
  BOOST_TEST(chosen(WeightFormat::kInt4, 17, 8) == "dot-int4-many");
  BOOST_TEST(chosen(WeightFormat::kInt4, 17, 12) == "reference-int4");
  BOOST_TEST(chosen(WeightFormat::kInt8, 16, 12) == "dot-int8-few");
  BOOST_TEST(chosen(WeightFormat::kInt8, 17, 0) == "dot-int8-many");
  BOOST_TEST(chosen(WeightFormat::kInt8, 1, 6) == "reference-int8");
  BOOST_TEST(chosen(WeightFormat::kQ8_0, 1, 0) == "dense-q8_0");
  BOOST_TEST(chosen(WeightFormat::kQ6_K, 1, 0) == "dense-q6_k");
}

BOOST_AUTO_TEST_CASE(forced_kernel) {
  const MatmulProblem ternary(WeightFormat::kTernary2Bit, 8, 96, 1, ScaleKind::kTensor, 0, false,
                              1);
  const MatmulProblem dense(WeightFormat::kF32, 8, 96, 1, ScaleKind::kTensor, 0, false, 1);
  BOOST_TEST(!ForceMatmulKernel("no-such-kernel"));
  const WeightScales& scales = ternary.weights.scales;
  const WeightFormat best = PreferredTernaryFormat(2048, scales);
  BOOST_TEST(ForceMatmulKernel("reference-2bit"));
  BOOST_TEST((PreferredTernaryFormat(2048, scales) == WeightFormat::kTernary2Bit));
  BOOST_TEST(ChooseMatmulKernel(ternary.weights, 1).name == "reference-2bit");
  BOOST_TEST(ChooseMatmulKernel(dense.weights, 1).name == "dense-f32");
  BOOST_TEST(ForceMatmulKernel("lookup-add"));
  BOOST_TEST((PreferredTernaryFormat(2048, scales) == WeightFormat::kTernaryLookup));
  BOOST_TEST(ChooseMatmulKernel(ternary.weights, 1).name == "dot-2bit-one");
  BOOST_TEST(ForceMatmulKernel(""));
  BOOST_TEST((PreferredTernaryFormat(2048, scales) == best));
}

// Whatever is preferred on a target has a kernel there that is not the reference.
BOOST_AUTO_TEST_CASE(preferred_format_has_a_fast_kernel) {
  ForEachSimdTarget([](const std::string& target) {
    for (const auto& [rows, group_size] :
         {std::pair<int64_t, int64_t>{8, 0}, {2048, 0}, {2048, 32}, {2048, 40}}) {
      const ScaleKind kind = group_size == 0 ? ScaleKind::kRow : ScaleKind::kGroup;
      std::mt19937 random(1);
      const WeightFormat format =
          PreferredTernaryFormat(rows, RandomScales(kind, 8, 160, group_size, random));
      const MatmulProblem problem(format, 8, 160, 1, kind, group_size, false, 1);
      for (const int64_t tokens : {1, 4, 100}) {
        const std::string_view name = ChooseMatmulKernel(problem.weights, tokens).name;
        const bool group_fits = group_size % 16 == 0 || format != WeightFormat::kTernary2Bit;
        BOOST_CHECK_MESSAGE(!group_fits || !name.starts_with("reference"),
                            target << ", groups of " << group_size << ": " << name);
      }
    }
  });
}

// A row's bits depend neither on the threads, nor on the range it is computed in, nor on the tokens
// beside it.
BOOST_AUTO_TEST_CASE(threads_ranges_and_other_tokens_leave_the_bits) {
  const TwoThreads threads;
  for (const MatmulKernel& kernel : MatmulKernels()) {
    for (const ScaleKind kind : {ScaleKind::kRow, ScaleKind::kGroup}) {
      const MatmulProblem problem(kernel.format, kRows, kCols, 19, kind, 96, true, 5);
      if (!kernel.supports(problem.weights)) {
        // Groups of 96 are no whole bytes of five trits, and no whole blocks of 256.
        BOOST_TEST((kind == ScaleKind::kGroup && (kernel.format == WeightFormat::kTernaryDense ||
                                                  kernel.format == WeightFormat::kQ6_K)));
        continue;
      }
      SetNumThreads(1);
      const std::vector<float> expected = problem.Run(kernel);
      SetNumThreads(2);
      BOOST_CHECK_MESSAGE(SameBits(problem.Run(kernel), expected), kernel.name << ", 2 threads");

      std::vector<float> pieces;
      const MatmulCall call = problem.Call(pieces);
      const int64_t step = std::max<int64_t>(kernel.row_multiple, 37);
      for (int64_t row = 0; row < kRows; row += step) {
        kernel.run(call, {row, std::min(kRows, row + step), 0, call.num_tokens});
      }
      BOOST_CHECK_MESSAGE(SameBits(pieces, expected), kernel.name << ", pieces");

      std::vector<float> alone;
      MatmulCall one = problem.Call(alone);
      one.num_tokens = 1;
      Matmul(one, kernel);
      BOOST_CHECK_MESSAGE(std::equal(alone.begin(), alone.begin() + kRows, expected.begin()),
                          kernel.name << ", one token");
    }
  }
}

BOOST_AUTO_TEST_CASE(residual_may_be_the_output) {
  for (const MatmulKernel& kernel : MatmulKernels()) {
    const MatmulProblem problem(kernel.format, kRows, kCols, 18, ScaleKind::kTensor, 0, true, 6);
    const std::vector<float> expected = problem.Run(kernel);
    std::vector<float> out;
    MatmulCall call = problem.Call(out);
    out = problem.residual;
    call.out = out.data();
    call.residual = out.data();
    Matmul(call, kernel);
    for (int64_t t = 0; t < problem.num_tokens; ++t) {
      const int64_t first = t * call.out_stride;
      BOOST_CHECK_MESSAGE(
          std::equal(out.begin() + first, out.begin() + first + kRows, expected.begin() + first),
          kernel.name);
    }
  }
}

}  // namespace
}  // namespace trit
