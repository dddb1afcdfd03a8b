#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/formats/gguf_reader.h"
#include "engine/formats/gguf_writer.h"
#include "engine/tensors/encode_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using Bytes = std::vector<uint8_t>;

// A key of every type, scalars and arrays, with the extremes of the type.
template <typename T>
void SetNumbers(GgufMetadata& metadata, const std::string& name) {
  using Limits = std::numeric_limits<T>;
  metadata.Set("scalar." + name, Limits::max());
  metadata.Set("array." + name, std::vector<T>{Limits::lowest(), 0, 1, Limits::max()});
}

GgufMetadata EveryType() {
  GgufMetadata metadata;
  SetNumbers<uint8_t>(metadata, "u8");
  SetNumbers<int8_t>(metadata, "i8");
  SetNumbers<uint16_t>(metadata, "u16");
  SetNumbers<int16_t>(metadata, "i16");
  SetNumbers<uint32_t>(metadata, "u32");
  SetNumbers<int32_t>(metadata, "i32");
  SetNumbers<float>(metadata, "f32");
  metadata.Set("scalar.bool", true);
  metadata.Set("array.bool", std::vector<bool>{true, false, false, true});
  metadata.Set("scalar.string", "text with \n, \u00e9 and " + std::string("\0", 1));
  metadata.Set("array.string", std::vector<std::string>{"", "a", std::string(100000, 'x')});
  SetNumbers<uint64_t>(metadata, "u64");
  SetNumbers<int64_t>(metadata, "i64");
  SetNumbers<double>(metadata, "f64");
  metadata.Set("array.empty", std::vector<float>{});
  metadata.Set("array.large", std::vector<uint16_t>(100000, 0xabcd));  // larger than a buffer
  return metadata;
}

BOOST_AUTO_TEST_CASE(EveryTypeOfMetadataSurvives) {
  const TemporaryFolder folder;
  const GgufMetadata metadata = EveryType();
  CreateGguf(folder / "a.gguf", metadata, {}).Commit();
  const GgufReader reader(folder / "a.gguf");
  BOOST_TEST(reader.version() == 3u);
  BOOST_TEST(reader.tensors().empty());
  BOOST_TEST_REQUIRE(reader.metadata().entries().size() == metadata.entries().size());
  for (size_t i = 0; i < metadata.entries().size(); ++i) {
    const GgufMetadata::Entry& expected = metadata.entries()[i];
    const GgufMetadata::Entry& found = reader.metadata().entries()[i];
    BOOST_TEST(found.key == expected.key);
    BOOST_TEST_CONTEXT(expected.key) { BOOST_TEST((found.value == expected.value)); }
  }
}

// A tensor of each type, of odd shapes, so that all have paddings.
std::vector<GgufTensorInfo> SomeTensors() {
  return {{.name = "f32", .type = TensorType::kF32, .dims = {3, 5}},
          {.name = "f16", .type = TensorType::kF16, .dims = {7}},
          {.name = "bf16", .type = TensorType::kBF16, .dims = {3, 1, 3}},
          {.name = "q8_0", .type = TensorType::kQ8_0, .dims = {32, 3}},
          {.name = "tq1_0", .type = TensorType::kTQ1_0, .dims = {256, 3}},
          {.name = "tq2_0", .type = TensorType::kTQ2_0, .dims = {512, 1, 1, 2}},
          {.name = "i2_s", .type = TensorType::kI2_S, .dims = {128, 3}},
          {.name = "q4_k", .type = TensorType::kQ4_K, .dims = {256, 3}},
          {.name = "iq2_bn", .type = TensorType::kIQ2_BN, .dims = {64, 3}}};
}

Bytes SomeBytes(size_t size, uint8_t seed) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(seed + 7 * i);
  return bytes;
}

BOOST_AUTO_TEST_CASE(TensorsSurvive) {
  for (const uint32_t alignment : {32u, 1u, 256u}) {
    const TemporaryFolder folder;
    const std::string path = folder / "a.gguf";
    GgufMetadata metadata;
    if (alignment != 32) metadata.Set("general.alignment", alignment);
    TensorFileWriter writer = CreateGguf(path, metadata, SomeTensors());
    for (const GgufTensorInfo& tensor : SomeTensors()) {
      const Bytes bytes = SomeBytes(TensorBytes(tensor.type, tensor.dims).value(), 1);
      writer.BeginTensor(tensor.name);
      writer.Append(std::span(bytes).first(5));  // in pieces
      writer.Append(std::span(bytes).subspan(5));
    }
    writer.Commit();

    const GgufReader reader(path);
    BOOST_TEST_REQUIRE(reader.tensors().size() == SomeTensors().size());
    uint64_t end = reader.tensors()[0].offset;
    for (size_t i = 0; i < SomeTensors().size(); ++i) {
      const GgufTensorInfo& tensor = reader.tensors()[i];
      BOOST_TEST(tensor.name == SomeTensors()[i].name);
      BOOST_TEST((tensor.type == SomeTensors()[i].type));
      BOOST_TEST(tensor.dims == SomeTensors()[i].dims);
      BOOST_TEST(tensor.offset == end);
      BOOST_TEST(tensor.offset % alignment == 0u);
      end = (tensor.offset + tensor.size + alignment - 1) / alignment * alignment;
      const Bytes expected = SomeBytes(tensor.size, 1);
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
      BOOST_TEST(Bytes(bytes.begin(), bytes.end()) == expected);
      Bytes part(4);
      reader.ReadTensorRange(tensor, 3, part);
      BOOST_TEST(part == Bytes(expected.begin() + 3, expected.begin() + 7));
      BOOST_TEST(reader.FindTensor(tensor.name) == &tensor);
    }
    BOOST_TEST(reader.file_size() == end);  // the last tensor is padded too
    const GgufTensorInfo& tensor = reader.RequireTensor("tq2_0");
    BOOST_TEST(tensor.rows() == 2);
    BOOST_TEST(tensor.cols() == 512);
    BOOST_TEST(reader.FindTensor("absent") == nullptr);
    BOOST_TEST(ErrorText([&] { reader.RequireTensor("absent"); }) ==
               path + ": absent: tensor is missing");
  }
}

BOOST_AUTO_TEST_CASE(NothingIsLeftOfAnAbandonedFile) {
  const TemporaryFolder folder;
  {
    TensorFileWriter writer = CreateGguf(folder / "a.gguf", {}, SomeTensors());
    writer.WriteTensor("f32", SomeBytes(60, 1));
  }
  BOOST_TEST(folder.Names().empty());
}

BOOST_AUTO_TEST_CASE(WriterKeepsToTheRulesOfReaders) {
  const TemporaryFolder folder;
  const auto create = [&](const GgufMetadata& metadata, std::vector<GgufTensorInfo> tensors) {
    return ErrorText([&] { CreateGguf(folder / "a.gguf", metadata, std::move(tensors)); });
  };
  const auto with_name = [&](const std::string& name) {
    return create({}, {{.name = name, .type = TensorType::kF32, .dims = {1}}});
  };
  BOOST_TEST(with_name(std::string(63, 'x')).empty());
  BOOST_TEST(Contains(with_name(std::string(64, 'x')), "bad tensor name"));
  BOOST_TEST(Contains(with_name(""), "bad tensor name"));
  BOOST_TEST(Contains(with_name("a\nb"), "a\\x0ab: bad tensor name"));
  const GgufTensorInfo tensor{.name = "w", .type = TensorType::kF32, .dims = {1}};
  BOOST_TEST(Contains(create({}, {tensor, tensor}), "w: tensor occurs twice"));
  const auto with_dims = [&](TensorType type, std::vector<int64_t> dims) {
    return create({}, {{.name = "w", .type = type, .dims = std::move(dims)}});
  };
  BOOST_TEST(Contains(with_dims(TensorType::kF32, {}), "bad number of dimensions"));
  BOOST_TEST(Contains(with_dims(TensorType::kF32, {1, 1, 1, 1, 1}), "bad number of dimensions"));
  BOOST_TEST(Contains(with_dims(TensorType::kF32, {3, 0}), "bad dimension"));
  BOOST_TEST(Contains(with_dims(TensorType::kTQ2_0, {128}), "a multiple of 256"));
  BOOST_TEST(Contains(with_dims(TensorType::kTL1, {256, 256}), "tl1 cannot be read"));

  const auto with_key = [&](const std::string& key, GgufValue value) {
    GgufMetadata metadata;
    metadata.Set(key, std::move(value));
    return create(metadata, {});
  };
  BOOST_TEST(Contains(with_key("", 1u), "bad metadata key"));
  BOOST_TEST(Contains(with_key("a b", 1u), "bad metadata key"));
  BOOST_TEST(Contains(with_key(std::string(65536, 'k'), 1u), "bad metadata key"));
  BOOST_TEST(Contains(with_key("general.alignment", 24u), "a power of two"));
  BOOST_TEST(Contains(with_key("general.alignment", uint64_t{32}), "expected u32, found u64"));
  BOOST_TEST(folder.Names().empty());
}

BOOST_AUTO_TEST_CASE(GettersConvertAndCheck) {
  GgufMetadata metadata("m.gguf");
  metadata.Set("u32", 7u);
  metadata.Set("u64", uint64_t{1} << 63);
  metadata.Set("i32", -7);
  metadata.Set("f32", 0.5f);
  metadata.Set("f64", 0.25);
  metadata.Set("nan", std::numeric_limits<float>::quiet_NaN());
  metadata.Set("huge", 1e300);
  metadata.Set("bool", true);
  metadata.Set("string", std::string("text"));
  metadata.Set("strings", std::vector<std::string>{"a", "b"});
  metadata.Set("floats", std::vector<float>{1.0f, std::numeric_limits<float>::infinity()});
  metadata.Set("integers", std::vector<uint16_t>{1, 2, 300});
  BOOST_TEST(!metadata.Insert("u32", 8u));

  BOOST_TEST(metadata.RequireInteger("u32", 0, 7) == 7);
  BOOST_TEST(metadata.RequireInteger("i32", -10, 0) == -7);
  BOOST_TEST(!metadata.FindInteger("absent", 0, 1).has_value());
  BOOST_TEST(metadata.FindInteger("absent", 0, 1).value_or(5) == 5);
  BOOST_TEST(*metadata.FindFloat("f32") == 0.5f);
  BOOST_TEST(*metadata.FindFloat("f64") == 0.25f);
  BOOST_TEST(*metadata.FindBool("bool"));
  BOOST_TEST(metadata.RequireString("string") == "text");
  BOOST_TEST(metadata.RequireStrings("strings").size() == 2u);
  BOOST_TEST(*metadata.FindIntegers("integers", 0, 300) == (std::vector<int64_t>{1, 2, 300}));
  BOOST_TEST(metadata.FindString("absent") == nullptr);
  BOOST_TEST(metadata.FindFloats("absent") == nullptr);
  BOOST_TEST(!metadata.FindIntegers("absent", 0, 1).has_value());

  const auto text = [&](auto call) { return ErrorText([&] { call(); }); };
  BOOST_TEST(text([&] { metadata.RequireString("absent"); }) ==
             "m.gguf: absent: metadata key is missing");
  BOOST_TEST(text([&] { metadata.FindInteger("u32", 8, 9); }) ==
             "m.gguf: u32: wrong metadata value: expected an integer from 8 to 9, found 7");
  BOOST_TEST(
      Contains(text([&] { metadata.FindInteger("u64", 0, INT64_MAX); }), "9223372036854775808"));
  BOOST_TEST(Contains(text([&] { metadata.FindInteger("i32", 0, 1); }), "found -7"));
  BOOST_TEST(Contains(text([&] { metadata.FindInteger("bool", 0, 1); }), "found bool"));
  BOOST_TEST(Contains(text([&] { metadata.FindInteger("f32", 0, 1); }), "found f32"));
  BOOST_TEST(Contains(text([&] { metadata.FindFloat("u32"); }), "expected f32, found u32"));
  BOOST_TEST(Contains(text([&] { metadata.FindFloat("nan"); }), "found nan"));
  BOOST_TEST(Contains(text([&] { metadata.FindFloat("huge"); }), "found 1e+300"));
  BOOST_TEST(
      Contains(text([&] { metadata.FindFloat("f32", 1.0f, 2.0f); }), "from 1 to 2, found 0.5"));
  BOOST_TEST(Contains(text([&] { metadata.FindBool("u32"); }), "expected bool, found u32"));
  BOOST_TEST(Contains(text([&] { metadata.FindString("strings"); }), "found array of string"));
  BOOST_TEST(Contains(text([&] { metadata.FindStrings("floats"); }), "found array of f32"));
  BOOST_TEST(Contains(text([&] { metadata.FindStrings("string"); }), "found string"));
  BOOST_TEST(Contains(text([&] { metadata.FindFloats("floats"); }), "found inf as element 1"));
  BOOST_TEST(Contains(text([&] { metadata.FindFloats("integers"); }), "found array of u16"));
  BOOST_TEST(
      Contains(text([&] { metadata.FindIntegers("integers", 0, 299); }), "300 as element 2"));
  BOOST_TEST(Contains(text([&] { metadata.FindIntegers("floats", 0, 1); }), "found array of f32"));
  BOOST_TEST(Contains(text([&] { metadata.FindIntegers("u32", 0, 1); }), "found u32"));
}

// Files of another implementation: everything in them is read and valid, and writing it again gives
// the same file.
BOOST_AUTO_TEST_CASE(RewritesFixturesByteForByte) {
  const TemporaryFolder folder;
  for (const std::string name : {"bitnet-b1.58_i2_s.gguf", "bitnet-b1.58_tq2_0.gguf"}) {
    const GgufReader reader(TRIT_TEST_DATA "/" + name);
    BOOST_TEST(reader.metadata().RequireString("general.architecture") == "bitnet-b1.58");
    BOOST_TEST(reader.metadata().RequireInteger("bitnet-b1.58.embedding_length", 1, 1 << 20) ==
               256);
    BOOST_TEST(reader.metadata().RequireStrings("tokenizer.ggml.tokens").size() == 512u);
    BOOST_TEST(reader.tensors().size() == 24u);
    TensorFileWriter writer = CreateGguf(folder / name, reader.metadata(), reader.tensors());
    int num_ternary = 0;
    for (const GgufTensorInfo& tensor : reader.tensors()) {
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
      const TensorView view = reader.View(tensor, bytes.span());
      if (InfoOf(tensor.type).ternary_codec == nullptr) {
        CheckFinite(view);
        writer.WriteTensor(tensor.name, bytes.span());
        continue;
      }
      ++num_ternary;
      const TernaryTensor ternary(view);
      const WeightScales scales = ternary.CheckAndReadScales();
      BOOST_TEST((scales.kind == ScaleKind::kTensor));
      std::vector<int8_t> trits(static_cast<size_t>(view.rows * view.cols));
      for (int64_t row = 0; row < view.rows; ++row) {
        ternary.DecodeTrits(row, &trits[static_cast<size_t>(row * view.cols)]);
      }
      writer.WriteTensor(
          tensor.name,
          EncodeTernary(view.type, view.rows, view.cols, trits.data(), scales, view.origin).span());
    }
    BOOST_TEST(num_ternary == 14);
    writer.Commit();
    BOOST_TEST((ReadBytes(folder / name) == ReadBytes(reader.path())));
  }
}

}  // namespace
}  // namespace trit
