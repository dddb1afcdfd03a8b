// Matrices of integers in q2_0, q4_0, q4_1 and q8_0, and models of them through a file.
#include "engine/tensors/integer_tensor.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/gguf_reader.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "engine/tensors/unpack_weight.h"
#include "support/error_text.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"
#include "ternary_kernels/pack_matrix.h"

namespace trit {
namespace {

using namespace std::string_literals;

const TensorOrigin kOrigin{"some.gguf", "blk.0.attn_q.weight"};

struct Shape {
  int64_t rows, cols;
  ScaleKind kind;
  int64_t group_size;
};

IntegerMatrix RandomMatrix(const Shape& shape, CodeSpan span, bool offsets, uint32_t seed) {
  std::mt19937 random(seed);
  IntegerMatrix matrix{.rows = shape.rows,
                       .cols = shape.cols,
                       .codes = AlignedBuffer<int8_t>(shape.rows * shape.cols),
                       .scales = {.kind = shape.kind, .group_size = shape.group_size}};
  for (int8_t& code : matrix.codes) {
    code = static_cast<int8_t>(span.min + static_cast<int>(random() % (span.max - span.min + 1)));
  }
  matrix.codes[0] = static_cast<int8_t>(span.min);
  matrix.codes[1] = static_cast<int8_t>(span.max);
  size_t count = 1;
  if (shape.kind == ScaleKind::kRow) count = shape.rows;
  if (shape.kind == ScaleKind::kGroup) count = shape.cols / shape.group_size * shape.rows;
  matrix.scales.values = AlignedBuffer<float>(count);
  for (float& s : matrix.scales.values) s = 0.001f + static_cast<float>(random()) * 0x1p-40f;
  if (offsets) {
    matrix.scales.offsets = AlignedBuffer<float>(count);
    for (float& o : matrix.scales.offsets) o = static_cast<float>(random()) * 0x1p-40f - 0.001f;
  }
  return matrix;
}

TensorView ViewOf(TensorType type, const IntegerMatrix& matrix, std::span<const uint8_t> bytes) {
  return {kOrigin, type, matrix.rows, matrix.cols, bytes};
}

IntegerMatrix Read(const TensorView& view) {
  const IntegerTensor tensor(view);
  IntegerMatrix matrix{.rows = view.rows,
                       .cols = view.cols,
                       .codes = AlignedBuffer<int8_t>(view.rows * view.cols),
                       .scales = tensor.ReadScales()};
  for (int64_t row = 0; row < view.rows; ++row) {
    tensor.DecodeCodes(row, matrix.codes.data() + row * view.cols);
  }
  return matrix;
}

std::optional<TensorType> TypeFor(const IntegerMatrix& matrix) {
  return IntegerTypeFor(SpanOf(matrix.codes.span()), matrix.cols, matrix.scales);
}

float Rounded(float value) { return F16ToF32(F32ToF16(value)); }

// To scales that f16 has, and offsets whose minimum, of code -8, it has.
void RoundScales(WeightScales& scales) {
  for (size_t i = 0; i < scales.values.size(); ++i) {
    scales.values[i] = Rounded(scales.values[i]);
    if (scales.offsets.empty()) continue;
    scales.offsets[i] = Rounded(scales.offsets[i] - 8 * scales.values[i]) + 8 * scales.values[i];
  }
}

BOOST_AUTO_TEST_CASE(codes_come_back_and_scales_as_f16) {
  uint32_t seed = 1;
  for (const auto& [type, span, offsets] : {std::tuple{TensorType::kQ4_0, CodeSpan{-8, 7}, false},
                                            {TensorType::kQ4_1, CodeSpan{-8, 7}, true},
                                            {TensorType::kQ8_0, CodeSpan{-128, 127}, false},
                                            {TensorType::kQ2_0, CodeSpan{-2, 1}, false},
                                            {TensorType::kQ2_0, CodeSpan{-1, 2}, false}}) {
    const int64_t block = static_cast<int64_t>(InfoOf(type).block_elements);
    for (const Shape& shape : {Shape{5, 2 * block, ScaleKind::kTensor, 0},
                               {7, 3 * block, ScaleKind::kRow, 0},
                               {3, 6 * block, ScaleKind::kGroup, block},
                               {4, 6 * block, ScaleKind::kGroup, 3 * block},
                               {1, block, ScaleKind::kTensor, 0}}) {
      const IntegerMatrix matrix = RandomMatrix(shape, span, offsets, seed++);
      BOOST_TEST((TypeFor(matrix) == type));
      const AlignedBuffer<uint8_t> bytes = EncodeIntegers(type, matrix, kOrigin);
      const TensorView view = ViewOf(type, matrix, bytes.span());
      const IntegerMatrix read = Read(view);
      BOOST_TEST(std::equal(read.codes.begin(), read.codes.end(), matrix.codes.begin()));
      const std::vector<int64_t> counts = IntegerTensor(view).CountCodes();
      const CodeSpan possible = IntegerTensor(view).span();
      BOOST_TEST(static_cast<int64_t>(counts.size()) == possible.max - possible.min + 1);
      for (size_t i = 0; i < counts.size(); ++i) {
        BOOST_TEST(counts[i] == std::count(matrix.codes.begin(), matrix.codes.end(),
                                           possible.min + static_cast<int32_t>(i)));
      }
      BOOST_REQUIRE((read.scales.kind == shape.kind));
      BOOST_TEST(read.scales.group_size == shape.group_size);
      BOOST_REQUIRE(read.scales.values.size() == matrix.scales.values.size());
      BOOST_REQUIRE(read.scales.offsets.size() == matrix.scales.offsets.size());
      for (size_t i = 0; i < matrix.scales.values.size(); ++i) {
        const float d = Rounded(matrix.scales.values[i]);
        BOOST_TEST(read.scales.values[i] == d);
        if (!offsets) continue;
        // The minimum is what f16 rounds.
        const float minimum = matrix.scales.offsets[i] - 8 * d;
        BOOST_TEST(std::abs(read.scales.offsets[i] - matrix.scales.offsets[i]) <=
                   std::abs(minimum) * 0x1p-11f + 0x1p-25f);
      }
      // Rounded once, they are exact; and other readers see the same weights.
      BOOST_TEST(HasExactScales(type, read.scales));
      BOOST_TEST(!HasExactScales(type, matrix.scales));
      std::vector<float> values(shape.cols);
      for (int64_t row = 0; row < shape.rows; ++row) {
        DecodeFloats(view, row, values.data());
        for (int64_t col = 0; col < shape.cols; ++col) {
          const size_t at = ScaleIndex(matrix.scales, shape.rows, row, col);
          const float code = matrix.codes[row * shape.cols + col];
          const double expected = double{code} * read.scales.values[at] +
                                  (offsets ? double{read.scales.offsets[at]} : 0.0);
          BOOST_TEST(values[col] == static_cast<float>(expected));
        }
      }
    }
  }
}

// Whatever scales a file had, q2_0 gives back the weights, and trits alone as trits.
BOOST_AUTO_TEST_CASE(two_bits_with_scales_of_any_sign) {
  for (const CodeSpan span : {CodeSpan{-2, 1}, {-1, 2}, {-1, 1}}) {
    IntegerMatrix matrix = RandomMatrix({6, 128, ScaleKind::kGroup, 64}, span, false, 5);
    for (size_t i = 0; i < matrix.scales.values.size(); ++i) {
      matrix.scales.values[i] = Rounded(matrix.scales.values[i]) * (i % 3 == 0 ? -1.0f : 1.0f);
    }
    matrix.scales.values[1] = 0;
    matrix.scales.values[2] = -0.0f;
    const AlignedBuffer<uint8_t> bytes = EncodeIntegers(TensorType::kQ2_0, matrix, kOrigin);
    const TensorView view = ViewOf(TensorType::kQ2_0, matrix, bytes.span());
    const IntegerMatrix read = Read(view);
    std::vector<float> values(matrix.cols);
    for (int64_t row = 0; row < matrix.rows; ++row) {
      DecodeFloats(view, row, values.data());
      for (int64_t col = 0; col < matrix.cols; ++col) {
        const size_t at = ScaleIndex(matrix.scales, matrix.rows, row, col);
        const size_t i = row * matrix.cols + col;
        const float expected = static_cast<float>(matrix.codes[i]) * matrix.scales.values[at];
        BOOST_TEST(values[col] == expected);
        BOOST_TEST(read.codes[i] * read.scales.values[at] == expected);
      }
    }
    const TernaryTensor ternary(view, I2sLayout::kAuto);
    BOOST_TEST(ternary.HoldsTritsAlone() == (span.max - span.min == 2));
    if (span.max - span.min == 2) ternary.CheckAndReadScales();
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const auto text = [](TensorType type, const IntegerMatrix& matrix) {
    return ErrorText([&] { EncodeIntegers(type, matrix, kOrigin); });
  };
  const IntegerMatrix bytes = RandomMatrix({2, 64, ScaleKind::kRow, 0}, {-128, 127}, false, 1);
  BOOST_TEST(Contains(text(TensorType::kQ4_0, bytes), "codes do not fit q4_0"));
  BOOST_TEST(Contains(text(TensorType::kQ4_0, bytes), "q8_0 fits"));
  const IntegerMatrix skewed = RandomMatrix({2, 64, ScaleKind::kRow, 0}, {-8, 7}, true, 2);
  BOOST_TEST(Contains(text(TensorType::kQ8_0, skewed), "q8_0 has no offsets"));
  BOOST_TEST(Contains(text(TensorType::kQ8_0, skewed), "q4_1 fits"));
  const IntegerMatrix wide = RandomMatrix({2, 64, ScaleKind::kRow, 0}, {-128, 127}, true, 2);
  BOOST_TEST(!TypeFor(wide).has_value());
  const IntegerMatrix fine = RandomMatrix({2, 64, ScaleKind::kGroup, 16}, {-8, 7}, false, 3);
  BOOST_TEST(!TypeFor(fine).has_value());
  BOOST_TEST(Contains(text(TensorType::kQ4_0, fine), "one for a multiple of 32 columns"));
  const IntegerMatrix five = RandomMatrix({2, 64, ScaleKind::kRow, 0}, {-2, 2}, false, 3);
  BOOST_TEST((TypeFor(five) == TensorType::kQ4_0));
  BOOST_TEST(Contains(text(TensorType::kQ2_0, five), "codes do not fit q2_0"));
  const IntegerMatrix narrow = RandomMatrix({2, 96, ScaleKind::kRow, 0}, {-2, 1}, false, 3);
  BOOST_TEST((TypeFor(narrow) == TensorType::kQ4_0));
  BOOST_TEST(Contains(text(TensorType::kQ2_0, narrow), "one for a multiple of 64 columns"));
  IntegerMatrix tiny = RandomMatrix({2, 64, ScaleKind::kTensor, 0}, {-8, 7}, false, 4);
  for (const float scale : {1e-9f, 1e6f}) {
    tiny.scales.values[0] = scale;
    BOOST_TEST(Contains(text(TensorType::kQ4_0, tiny), "scale cannot be written as q4_0"));
  }
  const IntegerMatrix read = RandomMatrix({1, 32, ScaleKind::kTensor, 0}, {-8, 7}, false, 5);
  AlignedBuffer<uint8_t> damaged = EncodeIntegers(TensorType::kQ4_0, read, kOrigin);
  damaged[1] = 0x7C;  // an infinite scale
  damaged[0] = 0;
  BOOST_TEST(
      Contains(ErrorText([&] { IntegerTensor(ViewOf(TensorType::kQ4_0, read, damaged.span())); }),
               "NaN or infinite"));
}

std::vector<float> Logits(const Model& model) {
  const std::vector<int32_t> tokens = RandomTokens(40, model.config.vocab_size, 7);
  std::vector<float> all;
  ComputeLogits(model, tokens, [&](int64_t, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
  });
  return all;
}

// A model whose scales f16 has runs with the same bits out of the file, on integer kernels.
BOOST_AUTO_TEST_CASE(models_of_integers_through_a_file) {
  const TemporaryFolder folder;
  for (const auto& [choice, type, format] :
       {std::tuple{QuantizerChoice{"int8", "int8", ScaleKind::kRow, 0}, "int8",
                   WeightFormat::kInt8},
        {QuantizerChoice{"int8", "int8", ScaleKind::kTensor, 0}, "int8", WeightFormat::kInt8},
        {QuantizerChoice{"int4", "int8", ScaleKind::kGroup, 64}, "int4", WeightFormat::kInt4},
        {QuantizerChoice{"int4", "int8", ScaleKind::kGroup, 32}, "int4", WeightFormat::kInt4},
        {QuantizerChoice{"int3", "int8", ScaleKind::kRow, 0}, "int4", WeightFormat::kInt4},
        {QuantizerChoice{"int2", "int8", ScaleKind::kTensor, 0}, "int2", WeightFormat::kInt4},
        {QuantizerChoice{"int2", "int8", ScaleKind::kGroup, 64}, "int2", WeightFormat::kInt4},
        {QuantizerChoice{"int2", "int8", ScaleKind::kGroup, 32}, "int4", WeightFormat::kInt4},
        {QuantizerChoice{"int4", "int8", ScaleKind::kRow, 0, "mse", false}, "int4",
         WeightFormat::kInt4},
        {QuantizerChoice{"int4", "int8", ScaleKind::kGroup, 32, "minmax", false}, "int4",
         WeightFormat::kInt4}}) {
    BOOST_TEST_CONTEXT(choice.weights << " " << static_cast<int>(choice.granularity)) {
      QuantizationConfig config;
      config.standard = choice;
      TrainableModel trainable(TinyConfig(), config, Precision::kF32, 64);
      InitializeForTest(trainable, 3);
      Model model = trainable.MakeInferenceModel();
      for (ModelWeight& weight : model.weights) {
        RoundScales(weight.matrix.scales);
      }
      const std::string path = folder / "model.gguf";
      WriteGgufModel(model, path, {.round_scales = true});
      const GgufReader reader(path);
      BOOST_TEST(*reader.metadata().FindString("trit.weight_quantizer") == type);
      BOOST_TEST(*reader.metadata().FindString("trit.activation_quantizer") == "int8");
      const std::unique_ptr<Model> loaded = LoadModel(path, {});
      for (const WeightInfo& info : loaded->table.weights()) {
        if (info.kind != WeightKind::kLinear) continue;
        BOOST_TEST((loaded->weights[info.id].matrix.format == format));
      }
      BOOST_TEST(Logits(*loaded) == Logits(model));

      // What came from such a file is exact in one.
      const std::string again = folder / "again.gguf";
      WriteGgufModel(*loaded, again, {});
      BOOST_TEST(Logits(*LoadModel(again, {})) == Logits(model));
      const auto type_of_q = [](const GgufReader& file) {
        return file.RequireTensor("blk.0.attn_q.weight").type;
      };
      BOOST_TEST((type_of_q(GgufReader(again)) == type_of_q(reader)));
      BOOST_TEST((type_of_q(reader) == (type == "int8"s    ? TensorType::kQ8_0
                                        : type == "int2"s  ? TensorType::kQ2_0
                                        : choice.symmetric ? TensorType::kQ4_0
                                                           : TensorType::kQ4_1)));
    }
  }
}

// Exact means exact: scales that f16 has not are not rounded unless that is asked for.
BOOST_AUTO_TEST_CASE(scales_are_rounded_only_when_asked) {
  const TemporaryFolder folder;
  QuantizationConfig config;
  config.standard = {"int8", "int8", ScaleKind::kRow, 0};
  TrainableModel trainable(TinyConfig(), config, Precision::kF32, 64);
  InitializeForTest(trainable, 3);
  const Model model = trainable.MakeInferenceModel();
  const auto type_of_q = [&](const GgufModelOptions& options) {
    const std::string path = folder / "model.gguf";
    WriteGgufModel(model, path, options);
    return GgufReader(path).RequireTensor("blk.0.attn_q.weight").type;
  };
  BOOST_TEST((type_of_q({}) == TensorType::kF32));
  BOOST_TEST((type_of_q({.round_scales = true}) == TensorType::kQ8_0));
  BOOST_TEST((type_of_q({.linear_type = TensorType::kQ8_0}) == TensorType::kQ8_0));
  BOOST_TEST(Contains(ErrorText([&] { type_of_q({.linear_type = TensorType::kI2_S}); }),
                      "q2_0, q4_0, q4_1 or q8_0"));
}

}  // namespace
}  // namespace trit
