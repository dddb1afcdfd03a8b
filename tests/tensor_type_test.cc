#include "engine/tensors/tensor_type.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/error_text.h"

namespace trit {
namespace {

using Dims = std::vector<int64_t>;

BOOST_AUTO_TEST_CASE(IdsAndNamesAreUnique) {
  std::set<uint32_t> ids;
  std::set<std::string_view> names;
  for (const TensorTypeInfo& info : TensorTypes()) {
    BOOST_TEST_CONTEXT(info.name) {
      BOOST_TEST(ids.insert(static_cast<uint32_t>(info.type)).second);
      BOOST_TEST(names.insert(info.name).second);
      BOOST_TEST(FindTensorType(static_cast<uint32_t>(info.type)) == &info);
      BOOST_TEST(FindTensorType(info.name) == &info);
      BOOST_TEST(&InfoOf(info.type) == &info);
      // Either it can be decoded or a user is told what to do instead.
      const bool decodable = info.float_codec != nullptr || info.ternary_codec != nullptr;
      BOOST_TEST(decodable == info.advice.empty());
      if (info.float_codec != nullptr && info.ternary_codec != nullptr) {
        BOOST_TEST(info.name == "q2_0");
      }
    }
  }
  for (const uint32_t id : {4u, 5u, 9u, 15u, 31u, 37u, 40u, 136u, 0xffffffffu}) {
    BOOST_TEST(FindTensorType(id) == nullptr);
  }
  BOOST_TEST(FindTensorType("TQ2_0") == nullptr);
}

// From the definitions of the types.
BOOST_AUTO_TEST_CASE(Sizes) {
  const auto bytes = [](TensorType type, const Dims& dims) {
    return TensorBytes(type, dims).value();
  };
  BOOST_TEST(bytes(TensorType::kF32, {3, 5}) == 60u);
  BOOST_TEST(bytes(TensorType::kF16, {3}) == 6u);
  BOOST_TEST(bytes(TensorType::kBF16, {3, 5, 7, 2}) == 420u);
  BOOST_TEST(bytes(TensorType::kQ8_0, {64, 3}) == 2u * 34 * 3);
  BOOST_TEST(bytes(TensorType::kTQ1_0, {512, 3}) == 2u * 54 * 3);
  BOOST_TEST(bytes(TensorType::kTQ2_0, {512, 3}) == 2u * 66 * 3);
  BOOST_TEST(bytes(TensorType::kI2_S, {2560, 6912}) == 2560u * 6912 / 4 + 32);
  BOOST_TEST(bytes(TensorType::kI2_S, {64, 1}) == 48u);
  BOOST_TEST(bytes(TensorType::kIQ1_BN, {128, 5}) == (2u + 2 * 13) * 5);
  BOOST_TEST(bytes(TensorType::kIQ2_BN, {128, 5}) == (4u + 2 * 16) * 5);
  BOOST_TEST(RowBytes(TensorType::kI2_S, 2560) == 640u);
  BOOST_TEST(RowBytes(TensorType::kIQ2_BN, 128) == 36u);
}

BOOST_AUTO_TEST_CASE(RefusesSizesThatDoNotFit) {
  const auto has_size = [](TensorType type, const Dims& dims) {
    return TensorBytes(type, dims).has_value();
  };
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  BOOST_TEST(!has_size(TensorType::kQ8_0, {33, 2}));
  BOOST_TEST(!has_size(TensorType::kTQ1_0, {128}));
  BOOST_TEST(!has_size(TensorType::kI2_S, {96, 4}));
  BOOST_TEST(!has_size(TensorType::kTL1, {256, 256}));
  BOOST_TEST(!has_size(TensorType::kTL2, {256, 256}));
  BOOST_TEST(!has_size(TensorType::kF32, {kMax}));
  BOOST_TEST(has_size(TensorType::kF32, {int64_t{1} << 60}));
  BOOST_TEST(!has_size(TensorType::kF32, {int64_t{1} << 61}));
  // 2^32 * 2^32 elements: 0 modulo 2^64.
  BOOST_TEST(!has_size(TensorType::kF16, {int64_t{1} << 32, int64_t{1} << 32}));
  // The bytes would fit, the number of elements does not.
  BOOST_TEST(!has_size(TensorType::kI2_S, {int64_t{1} << 32, int64_t{1} << 31}));
  BOOST_TEST(!has_size(TensorType::kI2_S, {kMax / 64 * 64, 4}));
}

BOOST_AUTO_TEST_CASE(RefusalsSayWhatToDo) {
  const TensorOrigin origin{.file = "m.gguf", .tensor = "blk.0.attn_q.weight"};
  BOOST_TEST(ErrorText([&] { RequireDecodable(TensorType::kTQ2_0, origin); }).empty());
  BOOST_TEST(ErrorText([&] { RequireDecodable(TensorType::kQ4_K, origin); }) ==
             "m.gguf: blk.0.attn_q.weight: tensors of type q4_k cannot be read (requantize the "
             "tensor to q8_0, f16 or bf16 with the program that wrote the file)");
  BOOST_TEST(Contains(ErrorText([&] { RequireDecodable(TensorType::kTL1, origin); }),
                      "from the original checkpoint"));
  const std::string text = ErrorText([&] { RequireDecodable(TensorType::kTL2, origin); });
  BOOST_TEST(Contains(text, "tl2"));
  BOOST_TEST(Contains(text, "mxfp4"));
}

}  // namespace
}  // namespace trit
