#include "engine/formats/safetensors.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensors/float_codec.h"
#include "tests/support/byte_builder.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using Bytes = std::vector<uint8_t>;
using Shape = std::vector<int64_t>;

Bytes SomeBytes(size_t size, uint8_t seed) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(seed + 3 * i);
  return bytes;
}

std::vector<SafetensorsInfo> SomeTensors() {
  return {{.name = "model.norm.weight", .type = SafetensorsType::kF32, .shape = {5}},
          {.name = "b", .type = SafetensorsType::kBF16, .shape = {3, 7}},
          {.name = "a", .type = SafetensorsType::kU8, .shape = {3, 1, 5}},
          {.name = "scalar", .type = SafetensorsType::kF16, .shape = {}},
          {.name = "steps", .type = SafetensorsType::kI64, .shape = {2}},
          {.name = "ids", .type = SafetensorsType::kI32, .shape = {2, 2}},
          {.name = "codes \u00e9\"\\", .type = SafetensorsType::kI8, .shape = {9}}};
}

uint64_t SizeOf(const SafetensorsInfo& tensor) {
  return static_cast<uint64_t>(tensor.NumElements()) * SafetensorsTypeBytes(tensor.type);
}

void Write(const std::string& path, const std::vector<SafetensorsInfo>& tensors,
           const SafetensorsMetadata& metadata = {}) {
  TensorFileWriter writer = CreateSafetensors(path, tensors, metadata);
  for (const SafetensorsInfo& tensor : tensors) {
    writer.WriteTensor(tensor.name, SomeBytes(SizeOf(tensor), 1));
  }
  writer.Commit();
}

BOOST_AUTO_TEST_CASE(TensorsSurvive) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  Write(path, SomeTensors(), {{"format", "pt"}, {"step", "7"}});
  // A file, or the directory it is in.
  for (const std::string& place : {path, folder.path().string()}) {
    const SafetensorsReader reader(place);
    BOOST_TEST((reader.metadata() == SafetensorsMetadata{{"format", "pt"}, {"step", "7"}}));
    BOOST_TEST_REQUIRE(reader.tensors().size() == SomeTensors().size());
    BOOST_TEST(reader.tensors()[0].offset % 8 == 0u);
    for (size_t i = 0; i < SomeTensors().size(); ++i) {
      const SafetensorsInfo& tensor = reader.tensors()[i];
      BOOST_TEST(tensor.name == SomeTensors()[i].name);
      BOOST_TEST((tensor.type == SomeTensors()[i].type));
      BOOST_TEST(tensor.shape == SomeTensors()[i].shape);
      BOOST_TEST(reader.PathOf(tensor) == path);
      const Bytes expected = SomeBytes(tensor.size, 1);
      const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
      BOOST_TEST(Bytes(bytes.begin(), bytes.end()) == expected);
      BOOST_TEST(reader.FindTensor(tensor.name) == &tensor);
    }
    const SafetensorsInfo& b = reader.RequireTensor("b");
    Bytes part(4);
    reader.ReadTensorRange(b, 38, part);
    const Bytes whole = SomeBytes(b.size, 1);
    BOOST_TEST(part == Bytes(whole.begin() + 38, whole.end()));
    BOOST_TEST(reader.FindTensor("absent") == nullptr);
    BOOST_TEST(ErrorText([&] { reader.RequireTensor("absent"); }) ==
               path + ": absent: tensor is missing");
    const Shape shape = {3, 7};
    BOOST_TEST(&reader.RequireTensor("b", SafetensorsType::kBF16, shape) == &b);
    BOOST_TEST(ErrorText([&] {
                 reader.RequireTensor("b", SafetensorsType::kF32, Shape{7, 3});
               }) == path + ": b: wrong tensor: expected F32 [7, 3], found BF16 [3, 7]");
  }
}

BOOST_AUTO_TEST_CASE(FloatsAsMatrices) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  TensorFileWriter writer =
      CreateSafetensors(path, std::vector<SafetensorsInfo>{
                                  {.name = "w", .type = SafetensorsType::kBF16, .shape = {2, 1, 2}},
                                  {.name = "scalar", .type = SafetensorsType::kF32, .shape = {}},
                                  {.name = "codes", .type = SafetensorsType::kU8, .shape = {4}}});
  writer.WriteTensor("w", Bytes{0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3f, 0x00, 0x00});
  writer.WriteTensor("scalar", Bytes{0, 0, 0x40, 0x40});
  writer.WriteTensor("codes", Bytes(4));
  writer.Commit();
  const SafetensorsReader reader(path);
  const auto first_row = [&](const char* name, int64_t row) {
    const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(reader.RequireTensor(name));
    const TensorView view = reader.FloatView(reader.RequireTensor(name), bytes.span());
    std::vector<float> values(static_cast<size_t>(view.cols));
    DecodeFloats(view, row, values.data());
    return values;
  };
  BOOST_TEST(first_row("w", 0) == (std::vector<float>{1.0f, -2.0f}));
  BOOST_TEST(first_row("w", 1) == (std::vector<float>{0.5f, 0.0f}));
  BOOST_TEST(first_row("scalar", 0) == (std::vector<float>{3.0f}));
  BOOST_TEST(Contains(ErrorText([&] { first_row("codes", 0); }), "codes: wrong dtype"));
}

BOOST_AUTO_TEST_CASE(WriterRefusesBadTensors) {
  const TemporaryFolder folder;
  const auto create = [&](std::vector<SafetensorsInfo> tensors, SafetensorsMetadata metadata = {}) {
    return ErrorText([&] { CreateSafetensors(folder / "a", tensors, metadata); });
  };
  const SafetensorsInfo tensor{.name = "w", .shape = {2}};
  BOOST_TEST(Contains(create({tensor, tensor}), "there twice"));
  BOOST_TEST(Contains(create({{.name = "", .shape = {2}}}), "name is empty"));
  BOOST_TEST(Contains(create({{.name = "__metadata__", .shape = {2}}}), "reserved"));
  BOOST_TEST(Contains(create({{.name = "\xff", .shape = {2}}}), "not UTF-8"));
  BOOST_TEST(Contains(create({{.name = "w", .shape = {2, 0}}}), "bad shape: found [2, 0]"));
  BOOST_TEST(Contains(create({tensor}, {{"k", "\xff"}}), "not UTF-8"));
  BOOST_TEST(folder.Names().empty());
}

std::string File(const std::string& header, size_t data_size) {
  return ByteBuilder().U64(header.size()).Raw(header).Raw(std::string(data_size, '\0')).bytes();
}

void LoadEverything(const std::string& path) {
  const SafetensorsReader reader(path);
  for (const SafetensorsInfo& tensor : reader.tensors()) reader.ReadTensor(tensor);
}

BOOST_AUTO_TEST_CASE(MalformedFiles) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  const auto check = [&](const std::string& bytes, const std::string& expected) {
    WriteBytes(path, bytes);
    const std::string text = ErrorText([&] { LoadEverything(path); });
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(Contains(text, expected));
      BOOST_TEST(text.starts_with(path + ": "));
    }
  };
  const std::string w = R"({"dtype":"F32","shape":[2,2],"data_offsets":[0,16]})";
  WriteBytes(path, File("{\"w\":" + w + "}  ", 16));
  LoadEverything(path);

  // The length of the header.
  check("", "too short");
  check("1234567", "too short");
  check(ByteBuilder().U64(3).Raw("{}").bytes(), "bad length of the header");
  check(ByteBuilder().U64(~uint64_t{0}).Raw("{}").bytes(), "bad length of the header");
  check(ByteBuilder().U64(~uint64_t{0} - 7).Raw("{}").bytes(), "bad length of the header");
  check(File(std::string((16 << 20) + 1, ' '), 0), "at most 16777216");

  // JSON.
  check(File("", 0), "not valid JSON");
  check(File("{", 0), "not valid JSON");
  check(File("{} x", 0), "not valid JSON");
  check(File("{\"\xff\":1}", 0), "not valid JSON");
  check(File("[]", 0), "bad header: expected an object, found array");
  check(File(std::string(100000, '['), 0), "nested too deeply");
  check(File(std::string(100000, '{'), 0), "not valid JSON");
  check(File("{\"w\":" + w + ",\"w\":" + w + "}", 16), "w: JSON key occurs twice");
  check(File(R"({"w":{"dtype":"F32","dtype":"F16","shape":[4],"data_offsets":[0,16]}})", 16),
        "dtype: JSON key occurs twice");
  check(File(R"({"__metadata__":[]})", 0), "__metadata__ is no object");
  check(File(R"({"__metadata__":{"k":1}})", 0), "k: bad value in __metadata__");
  check(File("{\"\":" + w + "}", 16), "tensor without a name");

  // Entries.
  const auto entry = [&](const std::string& text, size_t data_size, const std::string& expected) {
    check(File("{\"w\":" + text + "}", data_size), "w: " + expected);
  };
  entry("7", 0, "bad entry");
  entry(R"({"dtype":"F32","shape":[4]})", 16, "bad entry");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1})", 16, "bad entry");
  entry(R"({"dtype":"F32","form":[4],"data_offsets":[0,16]})", 16, "shape is missing");
  entry(R"({"dtype":7,"shape":[4],"data_offsets":[0,16]})", 16, "bad dtype");
  entry(R"({"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]})", 4,
        "cannot read tensors of this");
  entry(R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":["4"],"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})", 0, "bad shape");
  entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})", 4, "too many dim");
  // 2^32 * 2^32 floats: 0 bytes modulo 2^64.
  entry(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0, "bad shape");
  entry(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,16]})", 16, "bad shape");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0]})", 16, "bad data_offsets");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16,32]})", 16, "bad data_offsets");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,"16"]})", 16, "bad data_offsets");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[-16,0]})", 16, "bad data_offsets");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})", 16, "data_offsets out of range");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,17]})", 16, "data_offsets out of range");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,12]})", 16,
        "data_offsets do not fit dtype");
  entry(R"({"dtype":"F32","shape":[4],"data_offsets":[4,20]})", 20, "gap before the tensor data");
  const std::string v = R"(,"v":{"dtype":"F32","shape":[2],"data_offsets":[)";
  check(File("{\"w\":" + w + v + "8,16]}}", 16), "v: tensor data overlaps");
  check(File("{\"w\":" + w + v + "0,8]}}", 16), "overlaps");
  check(File("{\"w\":" + w + v + "20,28]}}", 28), "v: gap before");
  check(File("{\"w\":" + w + "}", 17), "bytes after the end of the data");
  check(File("{}", 1), "bytes after the end of the data");
}

BOOST_AUTO_TEST_CASE(TruncationAtEveryOffset) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  Write(path, SomeTensors());
  const std::string bytes = ReadBytes(path);
  for (size_t size = 0; size < bytes.size(); ++size) {
    WriteBytes(path, bytes.substr(0, size));
    BOOST_TEST(!ErrorText([&] { LoadEverything(path); }).empty());
  }
}

// Whatever stands in a byte, loading ends with success or an Error that names the file.
BOOST_AUTO_TEST_CASE(EveryByteSpoilt) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  Write(path, SomeTensors(), {{"format", "pt"}});
  const std::string original = ReadBytes(path);
  int refused = 0, accepted = 0;
  for (size_t i = 0; i < original.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80, 0xff, 0x10}) {
      std::string bytes = original;
      bytes[i] = static_cast<char>(static_cast<uint8_t>(bytes[i]) ^ flip);
      WriteBytes(path, bytes);
      const std::string text = ErrorText([&] { LoadEverything(path); });
      if (!text.empty() && !text.starts_with(path + ": ")) BOOST_ERROR(text);
      ++(text.empty() ? accepted : refused);
    }
  }
  BOOST_TEST(refused > 1000);
  BOOST_TEST(accepted > 300);
}

BOOST_AUTO_TEST_CASE(ShardedModels) {
  const TemporaryFolder folder;
  const std::string index = folder / "model.safetensors.index.json";
  const SafetensorsInfo a{.name = "a", .type = SafetensorsType::kF32, .shape = {2}};
  const SafetensorsInfo b{.name = "b", .type = SafetensorsType::kF16, .shape = {3}};
  const SafetensorsInfo c{.name = "c", .type = SafetensorsType::kU8, .shape = {4}};
  Write(folder / "s1.safetensors", {a, b});
  Write(folder / "s2.safetensors", {c});
  Write(folder / "again.safetensors", {b});
  WriteBytes(index, R"({"metadata":{"total_size":18},"weight_map":
      {"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors"}})");
  for (const std::string& place : {index, folder.path().string()}) {
    const SafetensorsReader reader(place);
    BOOST_TEST(reader.files().size() == 2u);
    BOOST_TEST(reader.tensors().size() == 3u);
    const SafetensorsInfo& tensor = reader.RequireTensor("c");
    BOOST_TEST(reader.PathOf(tensor) == folder / "s2.safetensors");
    const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
    BOOST_TEST(Bytes(bytes.begin(), bytes.end()) == SomeBytes(4, 1));
  }

  const auto text_with = [&](const std::string& json) {
    WriteBytes(index, json);
    return ErrorText([&] { SafetensorsReader reader(index); });
  };
  BOOST_TEST(Contains(text_with("[]"), "bad index"));
  BOOST_TEST(Contains(text_with("{}"), "weight_map is missing"));
  BOOST_TEST(Contains(text_with(R"({"weight_map":{}})"), "weight_map is empty"));
  BOOST_TEST(Contains(text_with(R"({"weight_map":{"a":7}})"), "a: bad file name"));
  for (const std::string name :
       {"../s1.safetensors", "/etc/passwd", "..", "", "x\\\\y", "a\\u0000b"}) {
    BOOST_TEST(Contains(text_with(R"({"weight_map":{"a":")" + name + "\"}}"), "a: bad file name"));
  }
  BOOST_TEST(Contains(text_with(R"({"weight_map":{"a":"s3.safetensors"}})"), "No such file"));
  BOOST_TEST(Contains(text_with(R"({"weight_map":{"x":"s2.safetensors"}})"),
                      "x: tensor is not in the file weight_map names"));
  BOOST_TEST(Contains(text_with(R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})"),
                      "b: tensor is not in the file weight_map names"));
  BOOST_TEST(Contains(text_with(R"({"weight_map":{"a":"s1.safetensors","b":"again.safetensors"}})"),
                      "b: tensor occurs twice"));
  BOOST_TEST(
      Contains(ErrorText([&] { SafetensorsReader reader(folder / "none"); }), "No such file"));
}

}  // namespace
}  // namespace trit
