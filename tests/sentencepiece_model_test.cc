#include "engine/tokenizers/sentencepiece_model.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "engine/tokenizers/make_tokenizer.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

// Protocol buffer fields, written by hand after the encoding's specification.
std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7F));
  return bytes + static_cast<char>(value);
}
std::string Integer(uint32_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Bytes(uint32_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}
std::string Float(uint32_t field, float value) {
  char bytes[4];
  std::memcpy(bytes, &value, 4);
  return Varint(field << 3 | 5) + std::string(bytes, 4);
}

std::string Piece(std::string_view text, float score, int type) {
  return Bytes(1, Bytes(1, text) + Float(2, score) + Integer(3, static_cast<uint64_t>(type)));
}

constexpr uint64_t kBpe = 2;

std::string Trainer(uint64_t model_type, const std::string& more = "") {
  return Bytes(2, Integer(3, model_type) + more);
}
std::string Normalizer(bool add_dummy_prefix, const std::string& more = "") {
  return Bytes(3, Bytes(1, "identity") + Integer(3, add_dummy_prefix) + Integer(4, 0) + more);
}
std::string Pieces() {
  return Piece("<unk>", 0, 2) + Piece("<s>", 0, 3) + Piece("</s>", 0, 3) + Piece("<x>", 0, 4) +
         Piece("ab", -0.5F, 1) + Bytes(1, Bytes(1, "c") + Float(2, -7));  // type left out: normal
}

std::string ErrorOf(const std::string& model) {
  return ErrorText([&] { ParseSentencePieceModel(model, "m.model"); });
}

BOOST_AUTO_TEST_CASE(ReadsWhatEncodingNeeds) {
  const std::string model = Pieces() +
                            Trainer(kBpe, Integer(4, 6) + Bytes(1, "input.txt") + Integer(41, 2) +
                                              Integer(42, 1) + Integer(43, UINT64_MAX)) +
                            Normalizer(false) + Bytes(4, "self test") + Float(200, 1);
  const TokenizerData data = ParseSentencePieceModel(model, "");
  BOOST_TEST(data.model == "llama");
  BOOST_TEST((data.tokens == std::vector<std::string>{"<unk>", "<s>", "</s>", "<x>", "ab", "c"}));
  BOOST_TEST((data.scores == std::vector<float>{0, 0, 0, 0, -0.5F, -7}));
  BOOST_TEST((data.types == std::vector<TokenType>{TokenType::kUnknown, TokenType::kControl,
                                                   TokenType::kControl, TokenType::kUserDefined,
                                                   TokenType::kNormal, TokenType::kNormal}));
  BOOST_TEST(*data.unknown == 0);
  BOOST_TEST(*data.bos == 2);
  BOOST_TEST(*data.eos == 1);
  BOOST_TEST(*data.padding == -1);
  BOOST_TEST(*data.add_space_prefix == false);
  BOOST_TEST(!data.add_bos.has_value());
  BOOST_TEST(MakeTokenizer(data, "")->Encode("ab", false).size() == 1u);
}

BOOST_AUTO_TEST_CASE(LeftOutFieldsHaveTheirDefaults) {
  const TokenizerData data =
      ParseSentencePieceModel(Pieces() + Trainer(kBpe) + Bytes(3, Integer(4, 0)), "");
  BOOST_TEST(*data.bos == 1);
  BOOST_TEST(*data.eos == 2);
  BOOST_TEST(*data.padding == -1);
  BOOST_TEST(*data.add_space_prefix == true);
}

BOOST_AUTO_TEST_CASE(RefusesWhatCannotBeRunExactly) {
  BOOST_TEST(Contains(ErrorOf(Pieces() + Trainer(1) + Normalizer(true)), "unigram"));
  BOOST_TEST(Contains(ErrorOf(Pieces() + Normalizer(true)), "unigram"));  // the default
  BOOST_TEST(Contains(ErrorOf(Pieces() + Trainer(3) + Normalizer(true)), "word"));
  BOOST_TEST(Contains(ErrorOf(Pieces() + Trainer(9) + Normalizer(true)), "9"));
  BOOST_TEST(Contains(ErrorOf(Pieces() + Trainer(kBpe, Integer(24, 1)) + Normalizer(true)),
                      "treat_whitespace_as_suffix"));
  const std::string bpe = Pieces() + Trainer(kBpe);
  BOOST_TEST(ErrorOf(bpe + Normalizer(true)) == "");
  BOOST_TEST(Contains(ErrorOf(bpe), "remove_extra_whitespaces"));  // the default
  BOOST_TEST(
      Contains(ErrorOf(bpe + Bytes(3, Bytes(1, "nmt_nfkc") + Bytes(2, "charsmap") + Integer(4, 0))),
               "nmt_nfkc"));
  BOOST_TEST(Contains(ErrorOf(bpe + Normalizer(true, Integer(5, 0))), "escape_whitespaces"));
  BOOST_TEST(Contains(ErrorOf(Piece("a", 0, 1) + Trainer(kBpe) + Normalizer(true)), "unknown"));
}

BOOST_AUTO_TEST_CASE(RefusesBytesThatAreNoModel) {
  const std::string good = Pieces() + Trainer(kBpe) + Normalizer(true);
  const auto expect = [&](const std::string& bytes, std::string_view part) {
    const std::string error = ErrorOf(good + bytes);
    BOOST_TEST(error.starts_with("m.model: not a SentencePiece model"), error);
    BOOST_TEST(Contains(error, part), error);
  };
  expect(Varint(1 << 3 | 2) + Varint(5) + "1234", "past the end");
  expect(Varint(1 << 3 | 2) + Varint(UINT64_MAX), "past the end");
  expect(Varint(1 << 3 | 5) + "123", "inside a field");
  expect(Varint(1 << 3 | 1) + "1234567", "inside a field");
  expect("\x80", "inside a field");
  expect(Varint(9 << 3) + std::string(10, '\xFF') + "\x01", "64 bits");
  expect(Varint(9 << 3) + std::string(9, '\xFF') + "\x02", "64 bits");
  expect(Varint(1 << 3 | 3), "unknown kind");
  expect(Varint(1 << 3 | 7), "unknown kind");
  expect(Varint(0 << 3) + "\x01", "without a number");
  expect(Varint(uint64_t{1} << 36) + "\x01", "without a number");
  expect(Integer(1, 5), "field 1 is of the wrong kind");
  expect(Bytes(1, Integer(1, 5)), "field 1 is of the wrong kind");
  expect(Bytes(1, Integer(2, 5)), "field 2 is of the wrong kind");
  expect(Bytes(2, Bytes(3, "x")), "field 3 is of the wrong kind");
  // A piece that claims more bytes than its message, but not more than the file, has.
  expect(Bytes(1, Varint(1 << 3 | 2) + Varint(20) + "abc") + std::string(30, '\0'), "past the end");
  BOOST_TEST(Contains(ErrorOf(""), "m.model"));
}

// Nothing but an Error, whatever the bytes: every truncation and many bit flips.
BOOST_AUTO_TEST_CASE(DamagedModelsNeverCrash) {
  const std::string good = Pieces() + Trainer(kBpe) + Normalizer(true);
  const auto load = [](const std::string& model) {
    ErrorText([&] { MakeTokenizer(ParseSentencePieceModel(model, ""), "")->Encode("abc", true); });
  };
  for (size_t size = 0; size < good.size(); ++size) load(good.substr(0, size));
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (size_t flips = 1 + random() % 4; flips > 0; --flips) {
      bad[random() % bad.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    load(bad);
  }
}

}  // namespace
}  // namespace trit
