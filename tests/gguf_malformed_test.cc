#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/gguf_reader.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/ternary_tensor.h"
#include "tests/support/byte_builder.h"
#include "tests/support/error_text.h"
#include "tests/support/spoiled_file.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

constexpr uint64_t kHuge = uint64_t{1} << 62;
enum : uint32_t {
  kU8 = 0,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10
};

std::string U32(uint32_t value) { return ByteBuilder().U32(value).bytes(); }

std::string Entry(const std::string& key, uint32_t type, const std::string& value) {
  return ByteBuilder().String(key).U32(type).Raw(value).bytes();
}

std::string ArrayEntry(const std::string& key, uint32_t type, uint64_t count,
                       const std::string& elements) {
  return Entry(key, kArray, ByteBuilder().U32(type).U64(count).Raw(elements).bytes());
}

std::string Tensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type,
                   uint64_t offset) {
  ByteBuilder builder;
  builder.String(name).U32(static_cast<uint32_t>(dims.size()));
  for (const uint64_t dim : dims) builder.U64(dim);
  return builder.U32(type).U64(offset).bytes();
}

// The parts of a small file, valid as they are; each case spoils some.
struct Parts {
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::optional<uint64_t> num_tensors;  // default: as many as there are
  std::optional<uint64_t> num_keys;
  std::vector<std::string> entries = {
      Entry("general.architecture", kString, ByteBuilder().String("bitnet").bytes()),
      Entry("bitnet.block_count", kU32, U32(2)),
      Entry("bitnet.causal", kBool, ByteBuilder().U8(1).bytes()),
      ArrayEntry("tokens", kString, 2, ByteBuilder().String("a").String("bc").bytes()),
      ArrayEntry("scores", kF32, 2, ByteBuilder().Number(1.0f).Number(-1.0f).bytes()),
  };
  std::vector<std::string> tensors = {Tensor("norm", {5, 2}, 0, 0), Tensor("w", {256}, 35, 64),
                                      Tensor("e", {3}, 1, 160)};
  size_t alignment = 32;
  std::string data;

  Parts() {
    ByteBuilder builder;
    for (int i = 0; i < 10; ++i) builder.Number(0.5f * static_cast<float>(i));
    builder.Align(32);
    builder.Raw(std::string(64, '\x55')).Number<uint16_t>(0x3c00).Align(32);  // zeros, scale 1
    builder.Number<uint16_t>(0x3c00).Number<uint16_t>(0).Number<uint16_t>(1).Align(32);
    data = builder.bytes();
  }

  std::string Build() const {
    ByteBuilder builder;
    builder.Raw(magic).U32(version);
    builder.U64(num_tensors.value_or(tensors.size())).U64(num_keys.value_or(entries.size()));
    for (const std::string& entry : entries) builder.Raw(entry);
    for (const std::string& tensor : tensors) builder.Raw(tensor);
    return builder.Align(alignment).Raw(data).bytes();
  }
};

// Reads all that a file has, checks the payload and decodes it.
void LoadEverything(const std::string& path) {
  const GgufReader reader(path);
  for (const GgufTensorInfo& tensor : reader.tensors()) {
    const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
    const TensorView view = reader.View(tensor, bytes.span());
    RequireDecodable(tensor.type, view.origin);
    if (InfoOf(tensor.type).ternary_codec != nullptr) {
      const TernaryTensor ternary(view);
      ternary.CheckAndReadScales();
      std::vector<int8_t> trits(static_cast<size_t>(view.cols));
      for (int64_t row = 0; row < view.rows; ++row) ternary.DecodeTrits(row, trits.data());
    } else {
      CheckFinite(view);
      std::vector<float> values(static_cast<size_t>(view.cols));
      for (int64_t row = 0; row < view.rows; ++row) DecodeFloats(view, row, values.data());
    }
  }
}

void Check(const std::vector<SpoiledFile<Parts>>& cases) {
  CheckSpoiled<Parts>(
      cases, [] { return Parts(); },
      [](const Parts& parts, const std::string& path) { WriteBytes(path, parts.Build()); },
      LoadEverything);
}

BOOST_AUTO_TEST_CASE(TheFileItselfIsValid) {
  const TemporaryFolder folder;
  Parts parts;
  for (const uint32_t version : {2u, 3u}) {
    parts.version = version;
    WriteBytes(folder / "a.gguf", parts.Build());
    LoadEverything(folder / "a.gguf");
  }
  parts.data.resize(parts.data.size() - 26);  // without the last padding
  WriteBytes(folder / "a.gguf", parts.Build());
  LoadEverything(folder / "a.gguf");
}

BOOST_AUTO_TEST_CASE(Headers) {
  Check({
      {"magic", [](Parts& p) { p.magic = "GGUG"; }, "does not begin with GGUF"},
      {"old magic", [](Parts& p) { p.magic = "ggjt"; }, "does not begin with GGUF"},
      {"version 0", [](Parts& p) { p.version = 0; }, "unsupported version of GGUF at offset 4"},
      {"version 1", [](Parts& p) { p.version = 1; }, "expected 2 or 3, found 1"},
      {"version 4", [](Parts& p) { p.version = 4; }, "expected 2 or 3, found 4"},
      {"byte order", [](Parts& p) { p.version = 3 << 24; }, "big-endian"},
      {"key count", [](Parts& p) { p.num_keys = kHuge; }, "too many metadata keys"},
      {"negative key count", [](Parts& p) { p.num_keys = ~uint64_t{0}; }, "too many metadata keys"},
      {"tensor count", [](Parts& p) { p.num_tensors = kHuge; }, "too many tensors"},
      {"negative tensor count", [](Parts& p) { p.num_tensors = ~uint64_t{0}; }, "too many tensors"},
      // Few enough for the size of the file, so the records run into what follows.
      {"one key more", [](Parts& p) { p.num_keys = 6; }, "string is too long"},
      {"one tensor more", [](Parts& p) { p.num_tensors = 4; }, "bad tensor name"},
  });
}

BOOST_AUTO_TEST_CASE(Keys) {
  const auto with_key = [](const std::string& key) {
    return [key](Parts& p) { p.entries[1] = Entry(key, kU32, U32(2)); };
  };
  const auto with_key_size = [](uint64_t size) {
    return [size](Parts& p) {
      p.entries[1] = ByteBuilder().U64(size).Raw("k").U32(kU32).U32(2).bytes();
    };
  };
  Check({
      {"empty", with_key(""), "bad metadata key"},
      {"zero byte", with_key(std::string("a\0b", 3)), "bad metadata key"},
      {"not ASCII", with_key("a\xc3\xa9"), "bad metadata key"},
      {"blank", with_key("a b"), "bad metadata key"},
      {"twice", with_key("general.architecture"),
       "general.architecture: metadata key occurs twice"},
      {"size past the end", with_key_size(100000), "string is too long"},
      {"size over the limit", with_key_size(65536), "string is too long"},
      {"huge size", with_key_size(kHuge), "string is too long"},
      {"size that wraps", with_key_size(~uint64_t{0}), "string is too long"},
  });
}

BOOST_AUTO_TEST_CASE(ValuesOfKeys) {
  const auto with_value = [](uint32_t type, const std::string& value) {
    return [=](Parts& p) { p.entries[1] = Entry("k", type, value); };
  };
  const auto with_array = [](uint32_t type, uint64_t count, const std::string& elements) {
    return [=](Parts& p) { p.entries[1] = ArrayEntry("k", type, count, elements); };
  };
  const std::string one_string = ByteBuilder().String("x").bytes();
  Check({
      {"type 13", with_value(13, U32(0)), "k: unknown type of value"},
      {"negative type", with_value(~0u, U32(0)), "k: unknown type of value"},
      {"bool of 2", with_value(kBool, ByteBuilder().U8(2).bytes()), "k: bad bool"},
      {"bools of 2", with_array(kBool, 2, ByteBuilder().U8(1).U8(2).bytes()), "k: bad bool"},
      {"string size", with_value(kString, ByteBuilder().U64(kHuge).bytes()), "string is too long"},
      {"string size wraps", with_value(kString, ByteBuilder().U64(~uint64_t{0}).bytes()),
       "string is too long"},
      {"array of arrays", with_array(kArray, 1, ByteBuilder().U32(kU8).U64(0).bytes()),
       "k: array of arrays"},
      {"element type", with_array(13, 0, ""), "k: unknown type of array elements"},
      {"negative element type", with_array(~0u, 0, ""), "unknown type of array elements"},
      {"element count", with_array(kU32, kHuge, ""), "k: array is too long"},
      // 2^62 elements of 4 bytes, and 2^61 strings of 8: 0 bytes modulo 2^64.
      {"bytes wrap", with_array(kF32, kHuge, ""), "k: array is too long"},
      {"string bytes wrap", with_array(kString, kHuge / 2, one_string), "k: array is too long"},
      {"negative count", with_array(kU8, ~uint64_t{0}, ""), "k: array is too long"},
      {"count past the end", with_array(kU8, 5000, ""), "k: array is too long"},
      {"string in array", with_array(kString, 1, ByteBuilder().U64(kHuge).bytes()),
       "string is too long"},
  });
}

// However large the file: a header has its own limit, so that no more memory is asked for.
BOOST_AUTO_TEST_CASE(HeadersWithoutEnd) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  for (const uint32_t type : {kU8, kString}) {
    Parts parts;
    parts.entries[0] = ArrayEntry("k", type, uint64_t{257} << 20, "");
    WriteBytes(path, parts.Build());
    std::filesystem::resize_file(path, uint64_t{1} << 33);  // a hole
    BOOST_TEST(Contains(ErrorText([&] { GgufReader reader(path); }), "k: array is too long"));
  }
}

BOOST_AUTO_TEST_CASE(Alignments) {
  const auto with_alignment = [](uint32_t type, const std::string& value) {
    return [=](Parts& p) { p.entries.push_back(Entry("general.alignment", type, value)); };
  };
  Check({
      {"0", with_alignment(kU32, U32(0)), "a power of two up to 65536, found 0"},
      {"not a power of two", with_alignment(kU32, U32(48)), "a power of two"},
      {"too large", with_alignment(kU32, U32(1 << 17)), "a power of two"},
      {"huge", with_alignment(kU32, U32(1u << 31)), "a power of two"},
      {"u64", with_alignment(kU64, ByteBuilder().U64(32).bytes()), "expected u32, found u64"},
      {"i32", with_alignment(kI32, U32(32)), "expected u32, found i32"},
      {"string", with_alignment(kString, ByteBuilder().String("32").bytes()), "found string"},
      {"not the file's",
       [&](Parts& p) {
         with_alignment(kU32, U32(64))(p);
         p.alignment = 64;
       },
       "e: tensor data is not where the tensors before it end: expected offset 192, found 160"},
  });
}

BOOST_AUTO_TEST_CASE(TensorNamesAndShapes) {
  const auto with_name = [](const std::string& name) {
    return [name](Parts& p) { p.tensors[1] = Tensor(name, {256}, 35, 64); };
  };
  const auto with_dims = [](const std::vector<uint64_t>& dims, uint32_t type = 35) {
    return [=](Parts& p) { p.tensors[1] = Tensor("w", dims, type, 64); };
  };
  const uint64_t k31 = uint64_t{1} << 31;
  Check({
      {"empty name", with_name(""), "bad tensor name"},
      {"long name", with_name(std::string(64, 'n')), "string is too long"},
      {"control character", with_name("a\tb"), "bad tensor name"},
      {"name twice", with_name("norm"), "norm: tensor occurs twice"},
      {"no dimensions", with_dims({}), "w: bad number of dimensions"},
      {"5 dimensions", with_dims({256, 1, 1, 1, 1}), "w: too many dimensions"},
      {"many dimensions",
       [](Parts& p) {
         p.tensors[1] = ByteBuilder().String("w").U32(0x40000001).U64(256).U32(35).U64(64).bytes();
       },
       "w: too many dimensions"},
      {"dimension 0", with_dims({0}), "w: bad dimension"},
      {"second dimension 0", with_dims({256, 0}), "w: bad dimension"},
      {"negative dimension", with_dims({~uint64_t{0}}), "w: bad dimension"},
      {"negative second dimension", with_dims({256, uint64_t{1} << 63}), "w: bad dimension"},
      {"dimension over 2^31", with_dims({2 * k31}), "w: bad dimension"},
      {"elements wrap to 0", with_dims({k31, k31, 4}), "w: tensor is too large"},
      {"bytes wrap", with_dims({k31, k31}, 0), "w: tensor is too large"},
      {"elements wrap to 256", with_dims({k31, k31, k31, 256}), "w: tensor is too large"},
      {"sizes wrap together",
       [=](Parts& p) {
         p.tensors = {Tensor("a", {k31, k31 - 1}, 1, 0), Tensor("b", {k31, k31 - 1}, 1, 0),
                      Tensor("c", {k31, 2}, 1, 0)};
       },
       "too large together"},
      {"larger than the file", with_dims({256, 1 << 20}), "w: tensor data ends past the end"},
      {"row of part of a block", with_dims({255}), "w: row length does not fit tq2_0"},
      {"row of 32", with_dims({32, 8}), "expected a multiple of 256, found 32"},
  });
}

BOOST_AUTO_TEST_CASE(TensorTypesAndPlaces) {
  const auto with_type = [](uint32_t type) {
    return [type](Parts& p) { p.tensors[1] = Tensor("w", {256}, type, 64); };
  };
  const auto with_offset = [](uint64_t offset) {
    return [offset](Parts& p) { p.tensors[1] = Tensor("w", {256}, 35, offset); };
  };
  const char* const misplaced = "w: tensor data is not where the tensors before it end";
  Check({
      {"type 4, removed", with_type(4), "w: unknown tensor type at offset"},
      {"type 9999", with_type(9999), "found id 9999"},
      {"negative type", with_type(~0u), "w: unknown tensor type"},
      {"tl1", with_type(38), "w: tensors of type tl1 cannot be read"},
      {"tl2 or mxfp4", with_type(39), "w: tensors of type tl2 cannot be read"},
      {"another size", with_type(34), "e: tensor data is not where"},
      {"offset unaligned", with_offset(65), misplaced},
      {"overlap", with_offset(0), misplaced},
      {"gap", with_offset(96), misplaced},
      {"offset past the end", with_offset(uint64_t{1} << 40), misplaced},
      {"offset that wraps", with_offset(~uint64_t{0} - 31), misplaced},
      {"out of order", [](Parts& p) { std::swap(p.tensors[0], p.tensors[1]); },
       "w: tensor data is not where"},
      {"data cut short", [](Parts& p) { p.data.resize(160 + 5); }, "e: tensor data ends past"},
      {"data missing", [](Parts& p) { p.data.clear(); }, "norm: tensor data ends past"},
      {"bytes after the data", [](Parts& p) { p.data += '\0'; }, "bytes after the end of the data"},
  });
}

BOOST_AUTO_TEST_CASE(Payloads) {
  const auto with_byte = [](size_t offset, char byte) {
    return [=](Parts& p) { p.data[offset] = byte; };
  };
  Check({
      {"code 3", with_byte(64 + 17, '\xd5'), "w: code that stands for no trit"},
      {"infinite scale", with_byte(64 + 65, '\x7c'), "w: bad scale"},
      {"NaN scale", with_byte(64 + 65, '\x7e'), "w: bad scale"},
      {"negative scale", with_byte(64 + 65, '\xbc'), "w: bad scale"},
      {"scale of 0",
       [](Parts& p) {
         p.data[64 + 65] = 0;
         p.data[64] = '\x56';
       },
       "w: bad scale"},
      {"infinite norm",
       [](Parts& p) {
         p.data[38] = '\x80';
         p.data[39] = '\x7f';
       },
       "norm: value is NaN or infinite in row 1, column 4"},
      {"NaN embedding", with_byte(160 + 3, '\x7e'),
       "e: value is NaN or infinite in row 0, column 1"},
  });
}

// Cut anywhere, the file is refused, except within the last padding.
BOOST_AUTO_TEST_CASE(TruncationAtEveryOffset) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  const std::string bytes = Parts().Build();
  for (size_t size = 0; size < bytes.size(); ++size) {
    WriteBytes(path, bytes.substr(0, size));
    const std::string text = ErrorText([&] { LoadEverything(path); });
    BOOST_TEST_CONTEXT(size) { BOOST_TEST(text.empty() == (size >= bytes.size() - 26)); }
  }
}

// Whatever stands in a byte, loading ends with success or an Error that names the file. The counts
// show that both happen, so that the sweep reaches beyond the first checks.
BOOST_AUTO_TEST_CASE(EveryByteSpoilt) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  const std::string original = Parts().Build();
  int refused = 0, accepted = 0;
  for (size_t i = 0; i < original.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80, 0xff, 0x24}) {
      std::string bytes = original;
      bytes[i] = static_cast<char>(static_cast<uint8_t>(bytes[i]) ^ flip);
      WriteBytes(path, bytes);
      const std::string text = ErrorText([&] { LoadEverything(path); });
      if (!text.empty() && !text.starts_with(path + ": ")) BOOST_ERROR(text);
      ++(text.empty() ? accepted : refused);
    }
  }
  BOOST_TEST(refused > 800);
  BOOST_TEST(accepted > 300);
}

}  // namespace
}  // namespace trit
