// The block types against rows made by a program of its own from the types' definitions
// (data/block_types.json: bytes, and the values they stand for), and what is written in them.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/tensors/dense_ternary.h"
#include "engine/tensors/encode_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

const TensorOrigin kOrigin{.file = "m.gguf", .tensor = "w"};

struct Row {
  TensorType type;
  int64_t cols;
  std::vector<uint8_t> bytes;
  std::vector<float> values;

  TensorView View() const { return {kOrigin, type, 1, cols, bytes}; }
};

std::vector<Row> ReadRows() {
  std::ifstream file(TRIT_TEST_DATA "/block_types.json");
  std::vector<Row> rows;
  for (const nlohmann::json& item : nlohmann::json::parse(file)) {
    Row row{FindTensorType(item.at("type").get<std::string>())->type, item.at("cols"), {}, {}};
    const std::string hex = item.at("bytes");
    for (size_t i = 0; i < hex.size(); i += 2) {
      row.bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    for (const double value : item.at("values")) row.values.push_back(static_cast<float>(value));
    rows.push_back(std::move(row));
  }
  return rows;
}

BOOST_AUTO_TEST_CASE(ReadsWhatAnotherProgramWrote) {
  const std::vector<Row> rows = ReadRows();
  BOOST_TEST(rows.size() == 10u);
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(InfoOf(row.type).name) {
      const int64_t dims[] = {row.cols, 1};
      BOOST_TEST(TensorBytes(row.type, dims).value() == row.bytes.size());
      std::vector<float> values(row.values.size());
      if (InfoOf(row.type).float_codec != nullptr) {
        CheckFinite(row.View());
        DecodeFloats(row.View(), 0, values.data());
        BOOST_TEST((values == row.values));
      }
      if (InfoOf(row.type).ternary_codec == nullptr) continue;
      const TernaryTensor tensor(row.View());
      // q2_0 has a code for 2 as well: one of the rows uses it.
      const bool ternary = std::none_of(row.values.begin(), row.values.end(), [&](float v) {
        const float smallest = *std::min_element(row.values.begin(), row.values.end());
        return v > -smallest;
      });
      BOOST_TEST(tensor.HoldsTritsAlone() == ternary);
      if (!ternary) continue;
      tensor.CheckAndReadScales();
      tensor.DecodeFloats(0, values.data());
      BOOST_TEST((values == row.values));
    }
  }
}

// Trits and scale written again give the same bytes.
BOOST_AUTO_TEST_CASE(WritesTheSameTernaryBytes) {
  for (const Row& row : ReadRows()) {
    if (InfoOf(row.type).ternary_codec == nullptr || !TernaryTensor(row.View()).HoldsTritsAlone()) {
      continue;
    }
    BOOST_TEST_CONTEXT(InfoOf(row.type).name) {
      const TernaryTensor tensor(row.View());
      std::vector<int8_t> trits(static_cast<size_t>(row.cols));
      tensor.DecodeTrits(0, trits.data());
      const auto bytes =
          EncodeTernary(row.type, 1, row.cols, trits.data(), tensor.CheckAndReadScales(), kOrigin);
      BOOST_TEST((std::vector<uint8_t>(bytes.begin(), bytes.end()) == row.bytes));
    }
  }
}

BOOST_AUTO_TEST_CASE(SmallerIntegersAreExactInQ8) {
  int seen = 0;
  for (const Row& row : ReadRows()) {
    if (!HasExactQ8_0(row.type)) continue;
    ++seen;
    std::vector<uint8_t> q8(RowBytes(TensorType::kQ8_0, row.cols));
    ConvertToQ8_0(row.type, row.bytes.data(), row.cols, q8.data());
    std::vector<float> values(row.values.size());
    DecodeFloats({kOrigin, TensorType::kQ8_0, 1, row.cols, q8}, 0, values.data());
    BOOST_TEST((values == row.values));
  }
  BOOST_TEST(seen == 3);
}

// Every byte of iq1_bn: which are codes.
BOOST_AUTO_TEST_CASE(CodesOfIQ1BN) {
  std::vector<uint8_t> bytes(2 + 13, 128);  // v = 121 everywhere
  bytes[0] = 0x00;
  bytes[1] = 0x3c;
  bytes[14] = static_cast<uint8_t>(std::ceil(256.0 * 40 / 243.0));
  for (size_t place = 2; place < bytes.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::vector<uint8_t> spoiled = bytes;
      spoiled[place] = static_cast<uint8_t>(byte);
      bool code = false;
      for (int v = 0; v < (place == 14 ? 81 : 243); ++v) {
        code |= byte == static_cast<int>(std::ceil(256.0 * v / 243.0));
      }
      const TernaryTensor tensor({kOrigin, TensorType::kIQ1_BN, 1, 64, spoiled});
      BOOST_TEST(tensor.HoldsTritsAlone() == code);
      BOOST_TEST(ErrorText([&] { tensor.CheckAndReadScales(); }).empty() == code);
    }
  }
}

// Scales of a row's header, bad and good.
BOOST_AUTO_TEST_CASE(ScalesOfRows) {
  const std::vector<int8_t> trits(128, 1);
  WeightScales scales{.kind = ScaleKind::kRow, .group_size = 0, .values = AlignedBuffer<float>(2)};
  scales.values[0] = 0.5f;
  scales.values[1] = 0.75f;
  for (const TensorType type : {TensorType::kIQ1_BN, TensorType::kIQ2_BN}) {
    auto bytes = EncodeTernary(type, 2, 64, trits.data(), scales, kOrigin);
    const TensorView view{kOrigin, type, 2, 64, bytes.span()};
    const WeightScales read = TernaryTensor(view).CheckAndReadScales();
    BOOST_TEST((read.kind == ScaleKind::kRow));
    BOOST_TEST(read.values[0] == 0.5f);
    BOOST_TEST(read.values[1] == 0.75f);
    const uint64_t row = RowBytes(type, 64);
    bytes[row + (type == TensorType::kIQ1_BN ? 1 : 3)] |= 0x80;  // the sign of the second scale
    BOOST_TEST(Contains(ErrorText([&] { TernaryTensor(view).CheckAndReadScales(); }),
                        "bad scale in row 1"));
  }
}

// Of a block with one value v, the best scales give v back to within the rounding of d to f16 and
// of the code; of random values the error is that of 6 bits: under 1 / 50 of the largest of 16.
BOOST_AUTO_TEST_CASE(WritesQ6K) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(4 * 512);
  for (size_t i = 0; i < values.size(); ++i) values[i] = normal(random) * (i < 1024 ? 1.0f : 1e-3f);
  std::fill(values.begin() + 16, values.begin() + 32, 0.0f);
  const auto bytes = EncodeFloats(TensorType::kQ6_K, 4, 512, values.data(), kOrigin);
  BOOST_TEST(bytes.size() == 8u * 210);
  std::vector<float> read(values.size());
  for (int64_t row = 0; row < 4; ++row) {
    DecodeFloats({kOrigin, TensorType::kQ6_K, 4, 512, bytes.span()}, row, &read[row * 512]);
  }
  double error = 0, square = 0;
  int too_far = 0;
  for (size_t begin = 0; begin < values.size(); begin += 16) {
    float largest = 0;
    for (size_t i = begin; i < begin + 16; ++i) largest = std::max(largest, std::fabs(values[i]));
    for (size_t i = begin; i < begin + 16; ++i) {
      too_far += std::fabs(read[i] - values[i]) > largest / 50;
      error += std::pow(static_cast<double>(read[i]) - values[i], 2);
      square += std::pow(static_cast<double>(values[i]), 2);
    }
  }
  BOOST_TEST(too_far == 0);
  // A step of max / 32, uniform error: step / sqrt(12), and the largest of 16 normal values is
  // about 1.8 sigma, so 1.8 / 32 / sqrt(12) = 1.6 %.
  BOOST_TEST(std::sqrt(error / square) < 0.017);

  const std::vector<float> zeros(256);
  const auto zero_bytes = EncodeFloats(TensorType::kQ6_K, 1, 256, zeros.data(), kOrigin);
  std::vector<float> zero_read(256, 1.0f);
  DecodeFloats({kOrigin, TensorType::kQ6_K, 1, 256, zero_bytes.span()}, 0, zero_read.data());
  BOOST_TEST((zero_read == zeros));
  BOOST_TEST(Contains(ErrorText([&] {
                        EncodeFloats(TensorType::kQ6_K, 1, 256,
                                     std::vector<float>(256, 1e9f).data(), kOrigin);
                      }),
                      "too large for q6_k"));
  BOOST_TEST(
      Contains(ErrorText([&] { EncodeFloats(TensorType::kQ4_0, 1, 256, zeros.data(), kOrigin); }),
               "floats cannot be written as q4_0"));
}

// Ternary values in a plain type: how many scales they are found to have.
BOOST_AUTO_TEST_CASE(FindsScalesOfPlainValues) {
  std::mt19937 random(2);
  const auto find = [&](int64_t rows, int64_t cols, const auto& scale_at) {
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (int64_t i = 0; i < rows * cols; ++i) {
      const int trit = i % cols % 16 == 0 ? 1 : static_cast<int>(random() % 3) - 1;
      values[static_cast<size_t>(i)] = static_cast<float>(trit) * scale_at(i / cols, i % cols);
    }
    return FindTernaryScales(
        {kOrigin,
         TensorType::kF32,
         rows,
         cols,
         {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}});
  };
  auto scales = find(3, 70, [](int64_t, int64_t) { return 0.5f; });
  BOOST_TEST((scales && scales->kind == ScaleKind::kTensor && scales->values[0] == 0.5f));
  scales = find(3, 70, [](int64_t row, int64_t) { return 0.5f + static_cast<float>(row); });
  BOOST_TEST((scales && scales->kind == ScaleKind::kRow && scales->values[2] == 2.5f));
  // Two slices of a row, as a model trained on two devices has.
  scales = find(3, 2048, [](int64_t, int64_t col) { return col < 1024 ? 0.5f : 0.25f; });
  BOOST_TEST((scales && scales->kind == ScaleKind::kGroup && scales->group_size == 1024));
  BOOST_TEST(scales->values[2] == 0.5f);
  BOOST_TEST(scales->values[3] == 0.25f);
  scales = find(2, 48, [](int64_t, int64_t col) { return col < 16 ? 0.5f : 0.25f; });
  BOOST_TEST((scales && scales->kind == ScaleKind::kGroup && scales->group_size == 16));
  BOOST_TEST(!find(2, 70, [](int64_t, int64_t col) { return col < 16 ? 0.5f : 0.25f; }));
  BOOST_TEST(!find(2, 64, [](int64_t, int64_t col) { return col < 8 ? 0.5f : 0.25f; }));
}

}  // namespace
}  // namespace trit
