#include "training/data/token_file.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/byte_builder.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

constexpr int32_t kMagic = 20240520;
constexpr int32_t kWideMagic = 20240801;

std::string Header(int32_t magic, int32_t version, int32_t count) {
  ByteBuilder bytes;
  bytes.Number(magic).Number(version).Number(count);
  return bytes.Raw(std::string(1024 - 12, '\0')).bytes();
}

std::string Narrow(const std::vector<uint16_t>& ids) {
  ByteBuilder bytes;
  for (const uint16_t id : ids) bytes.Number(id);
  return bytes.bytes();
}

std::vector<int32_t> Ids(const TokenArray& tokens) {
  std::vector<int32_t> ids(static_cast<size_t>(tokens.size()));
  tokens.CopyTo(0, ids);
  return ids;
}

std::vector<int32_t> Read(const std::string& path, int64_t vocab_size) {
  TokenArray tokens(vocab_size);
  ReadTokenFile(path, tokens);
  return Ids(tokens);
}

BOOST_AUTO_TEST_CASE(TokenArrays) {
  for (const int64_t vocab_size : {int64_t{65536}, int64_t{65537}}) {
    TokenArray tokens(vocab_size);
    BOOST_TEST(tokens.narrow() == (vocab_size == 65536));
    const std::vector<int32_t> ids = {5, 0, 65535, 7};
    tokens.Append(ids);
    BOOST_TEST(Ids(tokens) == ids);
    BOOST_TEST(tokens[2] == 65535);
    TokenArray rest = tokens.SplitOff(1);
    BOOST_TEST(Ids(tokens) == std::vector<int32_t>({5}));
    BOOST_TEST(Ids(rest) == std::vector<int32_t>({0, 65535, 7}));
    rest.Append(tokens);
    BOOST_TEST(Ids(rest) == std::vector<int32_t>({0, 65535, 7, 5}));
  }
}

BOOST_AUTO_TEST_CASE(FingerprintsTellTokensApart) {
  TokenArray narrow(65536), wide(100000), other(65536), longer(65536);
  std::vector<int32_t> ids(10000);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 7 % 1000);
  narrow.Append(ids);
  wide.Append(ids);
  BOOST_TEST(narrow.Fingerprint() == wide.Fingerprint());
  std::vector<int32_t> changed = ids;
  changed.back() ^= 1;
  other.Append(changed);
  BOOST_TEST(narrow.Fingerprint() != other.Fingerprint());
  longer.Append(ids);
  longer.Append(std::vector<int32_t>{0});
  BOOST_TEST(narrow.Fingerprint() != longer.Fingerprint());
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  const TemporaryFolder folder;
  for (const int64_t vocab_size : {256, 65536, 128256}) {
    TokenArray tokens(vocab_size);
    tokens.Append(std::vector<int32_t>{0, static_cast<int32_t>(vocab_size) - 1, 17});
    WriteTokenFile(folder / "a.bin", tokens);
    BOOST_TEST(Read(folder / "a.bin", vocab_size) == Ids(tokens));
  }
}

BOOST_AUTO_TEST_CASE(WritesTheLayoutOfLlmC) {
  const TemporaryFolder folder;
  TokenArray narrow(300);
  narrow.Append(std::vector<int32_t>{1, 258});
  WriteTokenFile(folder / "a.bin", narrow);
  BOOST_TEST(ReadBytes(folder / "a.bin") == Header(kMagic, 1, 2) + Narrow({1, 258}));
  TokenArray wide(70000);
  wide.Append(std::vector<int32_t>{65536});
  WriteTokenFile(folder / "a.bin", wide);
  BOOST_TEST(ReadBytes(folder / "a.bin") == Header(kWideMagic, 7, 1) + std::string("\0\0\1\0", 4));
}

BOOST_AUTO_TEST_CASE(ReadsEveryKind) {
  const TemporaryFolder folder;
  const std::vector<int32_t> expected = {3, 1, 2};
  WriteBytes(folder / "raw.bin", Narrow({3, 1, 2}));
  WriteBytes(folder / "llmc.bin", Header(kMagic, 1, 3) + Narrow({3, 1, 2}));
  WriteBytes(folder / "empty.bin", "");
  WriteBytes(folder / "none.bin", Header(kMagic, 1, 0));
  for (const int64_t vocab_size : {4, 100000}) {  // both kinds of memory
    BOOST_TEST(Read(folder / "raw.bin", vocab_size) == expected);
    BOOST_TEST(Read(folder / "llmc.bin", vocab_size) == expected);
    BOOST_TEST(Read(folder / "empty.bin", vocab_size).empty());
    BOOST_TEST(Read(folder / "none.bin", vocab_size).empty());
  }
  // Appends to what is there.
  TokenArray tokens(4);
  ReadTokenFile(folder / "raw.bin", tokens);
  ReadTokenFile(folder / "llmc.bin", tokens);
  BOOST_TEST(Ids(tokens) == std::vector<int32_t>({3, 1, 2, 3, 1, 2}));
}

BOOST_AUTO_TEST_CASE(RefusesMalformedFiles) {
  const TemporaryFolder folder;
  const std::string wide_ids("\1\0\0\0\2\0\0\0", 8);
  struct Case {
    std::string bytes;
    int64_t vocab_size;
    std::vector<std::string> message;
  };
  const Case cases[] = {
      {"abc", 70000, {"uint16", "even", "found 3"}},
      {Narrow({1, 2}) + "x", 10, {"uint16", "found 5"}},
      {Narrow({1, 10}), 10, {"offset 2", "below vocab_size 10", "found 10"}},
      {Header(kMagic, 1, 2) + Narrow({1, 10}), 10, {"offset 1026", "found 10"}},
      {Header(kMagic, 1, 2).substr(0, 1023), 10, {"header", "1024 bytes", "found 1023"}},
      {Header(kMagic, 1, 2).substr(0, 4), 10, {"header", "found 4"}},
      {Header(kMagic, 2, 1) + Narrow({1}), 10, {"version", "offset 4", "expected 1", "found 2"}},
      {Header(kMagic, 1, 3) + Narrow({1, 2}), 10, {"offset 8", "4 bytes", "3 ids"}},
      {Header(kMagic, 1, 1) + Narrow({1, 2}), 10, {"offset 8", "1 ids"}},
      {Header(kMagic, 1, -1) + Narrow({1}), 10, {"offset 8", "-1 ids"}},
      {Header(kMagic, 1, INT32_MIN), 10, {"offset 8"}},
      {Header(kMagic, 1, 2) + Narrow({1, 2}) + "x", 10, {"offset 8"}},
      {Header(kWideMagic, 1, 2) + wide_ids, 70000, {"version", "expected 7"}},
      {Header(kWideMagic, 7, 1) + wide_ids, 70000, {"offset 8", "4-byte"}},
      {Header(kWideMagic, 7, 2) + wide_ids, 10, {"four bytes", "vocabulary of 10"}},
      // -1 and 70000 as uint32
      {Header(kWideMagic, 7, 1) + "\xff\xff\xff\xff", 70000, {"offset 1024", "found 4294967295"}},
      {Header(kWideMagic, 7, 1) + std::string("\x70\x11\1\0", 4), 70000, {"found 70000"}},
  };
  for (const Case& c : cases) {
    WriteBytes(folder / "a.bin", c.bytes);
    TokenArray tokens(c.vocab_size);
    const std::string text = ErrorText([&] { ReadTokenFile(folder / "a.bin", tokens); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, folder / "a.bin"));
    for (const std::string& part : c.message) BOOST_TEST(Contains(text, part));
  }
  TokenArray tokens(10);
  BOOST_TEST(Contains(ErrorText([&] { ReadTokenFile(folder / "absent.bin", tokens); }), "absent"));
}

// Whatever length a good file is cut to, it is refused, or was complete as far as it says.
BOOST_AUTO_TEST_CASE(RefusesEveryTruncation) {
  const TemporaryFolder folder;
  const std::string bytes = Header(kMagic, 1, 5) + Narrow({1, 2, 3, 4, 5});
  for (size_t size = 4; size < bytes.size(); ++size) {
    WriteBytes(folder / "a.bin", bytes.substr(0, size));
    TokenArray tokens(10);
    BOOST_CHECK_THROW(ReadTokenFile(folder / "a.bin", tokens), Error);
  }
}

}  // namespace
}  // namespace trit
