#include "training/data/text_source.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_text.h"
#include "tests/support/marking_tokenizer.h"
#include "tests/support/temporary_folder.h"
#include "training/data/training_data.h"

namespace trit {
namespace {

using Texts = std::vector<std::string>;
using Ids = std::vector<int32_t>;

Texts Documents(const std::string& path) {
  Texts documents;
  ForEachDocument(path, [&](std::string_view text) { documents.emplace_back(text); });
  return documents;
}

Ids All(const TokenArray& tokens) {
  Ids ids(static_cast<size_t>(tokens.size()));
  tokens.CopyTo(0, ids);
  return ids;
}

Ids Encoded(const Tokenizer& tokenizer, std::string_view text) {
  TokenArray tokens(tokenizer.vocab_size());
  AppendDocument(tokenizer, text, tokens);
  return All(tokens);
}

BOOST_AUTO_TEST_CASE(ATextFileIsOneDocument) {
  const TemporaryFolder folder;
  const std::string text("line\r\n\n\xff\0end", 12);
  WriteBytes(folder / "a.txt", text);
  BOOST_TEST(Documents(folder / "a.txt") == Texts({text}), boost::test_tools::per_element());
  WriteBytes(folder / "a.txt", "");
  BOOST_TEST(Documents(folder / "a.txt") == Texts({""}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(AJsonLineIsADocument) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a.jsonl",
             "{\"text\": \"one\\ntwo\"}\n"
             "\n"
             "  \r\n"
             "{\"id\": 7, \"text\": \"\\u00e9\"}\r\n"
             "{\"text\": \"\"}");
  BOOST_TEST(Documents(folder / "a.jsonl") == Texts({"one\ntwo", "\xc3\xa9", ""}),
             boost::test_tools::per_element());
}

// Lines longer than what is read at once, and line ends at its border.
BOOST_AUTO_TEST_CASE(LongLines) {
  const TemporaryFolder folder;
  constexpr size_t kRead = size_t{1} << 20;
  const std::string head = "{\"text\":\"", tail = "\"}\n";
  for (const size_t length :
       {kRead - head.size() - tail.size(), kRead - head.size() - 2, kRead, 3 * kRead + 5}) {
    const std::string text(length, 'x');
    WriteBytes(folder / "a.jsonl", head + text + tail + head + "y" + tail);
    const Texts documents = Documents(folder / "a.jsonl");
    BOOST_REQUIRE(documents.size() == 2u);
    BOOST_TEST((documents[0] == text));
    BOOST_TEST(documents[1] == "y");
  }
}

BOOST_AUTO_TEST_CASE(RefusesOtherLinesAndFiles) {
  const TemporaryFolder folder;
  struct Case {
    std::string line;
    std::vector<std::string> message;
  };
  const Case cases[] = {
      {"{\"text\": ", {"not valid JSON"}},
      {"{\"text\": \"\xff\"}", {"not valid JSON"}},
      {"[1]", {"not an object", "array"}},
      {"{\"messages\": []}", {"no text", "keys messages", "data.chat_template"}},
      {"{}", {"no text", "no keys"}},
      {"{\"text\": 5}", {"no string", "number"}},
      {"{\"text\": \"a\", \"text\": \"b\"}", {"twice"}},
      {std::string(100000, '['), {"deep"}},
  };
  for (const Case& c : cases) {
    WriteBytes(folder / "a.jsonl", "{\"text\": \"fine\"}\n" + c.line + "\n");
    const std::string text = ErrorText([&] { Documents(folder / "a.jsonl"); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, folder / "a.jsonl:2"));
    for (const std::string& part : c.message) BOOST_TEST(Contains(text, part));
  }
  WriteBytes(folder / "a.csv", "a,b");
  BOOST_TEST(Contains(ErrorText([&] { Documents(folder / "a.csv"); }), ".txt, .jsonl or .bin"));
  BOOST_TEST(Contains(ErrorText([&] { Documents(folder / "absent.txt"); }), "absent.txt"));
}

BOOST_AUTO_TEST_CASE(MarksDocuments) {
  BOOST_TEST(Encoded(MarkingTokenizer(true, true), "ab") == Ids({0, 'a' + 2, 'b' + 2, 1}));
  BOOST_TEST(Encoded(MarkingTokenizer(false, true), "a") == Ids({'a' + 2, 1}));
  BOOST_TEST(Encoded(MarkingTokenizer(false, false), "a") == Ids({'a' + 2}));
  BOOST_TEST(Encoded(MarkingTokenizer(true, true), "") == Ids({0, 1}));
}

// A long text is encoded in pieces; byte by byte nothing of that may show.
BOOST_AUTO_TEST_CASE(PiecesLoseNothing) {
  constexpr size_t kPiece = size_t{1} << 20;
  const MarkingTokenizer tokenizer(false, false);
  std::string lines;
  for (int i = 0; lines.size() < 3 * kPiece; ++i) lines += std::to_string(i) + "\n";
  std::string umlauts;  // no line end, characters of two bytes across every border
  while (umlauts.size() < 2 * kPiece) umlauts += "\xc3\xa4";
  for (const std::string& text : {lines, "x" + umlauts, std::string(2 * kPiece + 1, '\x80'),
                                  std::string(kPiece, 'a'), std::string(kPiece, 'a') + "b"}) {
    const Ids ids = Encoded(tokenizer, text);
    BOOST_REQUIRE(ids.size() == text.size());
    bool equal = true;
    for (size_t i = 0; i < ids.size(); ++i) {
      equal = equal && ids[i] == static_cast<unsigned char>(text[i]) + 2;
    }
    BOOST_TEST(equal);
  }
  for (const std::string& piece : tokenizer.pieces()) {
    BOOST_TEST(piece.size() <= kPiece);
    // Every piece of the text of lines but its last one ends after a line, and no piece of valid
    // UTF-8 begins within a character.
    if (piece.size() < kPiece && piece[0] != '\x80' && piece[0] >= '0' && piece[0] <= '9') {
      BOOST_TEST(piece.back() == '\n');
    }
    BOOST_TEST((piece[0] != '\xa4'));
  }
}

BOOST_AUTO_TEST_CASE(AppendsFilesOfAllKinds) {
  const TemporaryFolder folder;
  const MarkingTokenizer tokenizer(false, true);
  WriteBytes(folder / "a.txt", "ab");
  WriteBytes(folder / "b.jsonl", "{\"text\": \"c\"}\n{\"text\": \"d\"}\n");
  WriteBytes(folder / "c.bin", std::string("\5\0\6\0", 4));
  TokenArray tokens(tokenizer.vocab_size());
  const Texts files = {folder / "a.txt", folder / "c.bin", folder / "b.jsonl", folder / "a.txt"};
  AppendFiles(files, &tokenizer, tokens);
  BOOST_TEST(All(tokens) ==
             Ids({'a' + 2, 'b' + 2, 1, 5, 6, 'c' + 2, 1, 'd' + 2, 1, 'a' + 2, 'b' + 2, 1}));
  TokenArray alone(10);
  AppendFiles(Texts{folder / "c.bin"}, nullptr, alone);
  BOOST_TEST(All(alone) == Ids({5, 6}));
  BOOST_TEST(Contains(ErrorText([&] { AppendFiles(Texts{folder / "a.txt"}, nullptr, alone); }),
                      "tokenizer"));
}

BOOST_AUTO_TEST_CASE(CountsBytesOfTokens) {
  const std::vector<int32_t> counts = TokenByteCounts(MarkingTokenizer(true, true), 300);
  BOOST_REQUIRE(counts.size() == 300u);
  BOOST_TEST(counts[0] == 0);  // bos
  BOOST_TEST(counts[1] == 0);  // eos
  BOOST_TEST(counts[2] == 1);
  BOOST_TEST(counts[257] == 1);
  BOOST_TEST(counts[258] == 0);  // no token: padding of the vocabulary
  BOOST_TEST(std::accumulate(counts.begin(), counts.end(), 0) == 256);
}

TrainingConfig DataConfigOf(std::vector<std::string> train, int64_t vocab_size) {
  TrainingConfig config = ParseTrainingConfig("", "", {});
  config.model.vocab_size = vocab_size;
  config.data.train = std::move(train);
  config.data.order = DataOrder::kSequential;
  config.data.sequence_length = 2;
  config.data.validation_fraction = 0;
  return config;
}

BOOST_AUTO_TEST_CASE(SettlesTheVocabularySize) {
  const MarkingTokenizer tokenizer(true, true);
  TrainingConfig config = DataConfigOf({}, 0);
  SettleVocabSize(&tokenizer, config);
  BOOST_TEST(config.model.vocab_size == 258);
  config.model.vocab_size = 320;  // padded
  SettleVocabSize(&tokenizer, config);
  SettleVocabSize(nullptr, config);
  BOOST_TEST(config.model.vocab_size == 320);
  config.model.vocab_size = 257;
  const std::string small = ErrorText([&] { SettleVocabSize(&tokenizer, config); });
  BOOST_TEST(Contains(small, "usage: model.vocab_size"));
  BOOST_TEST(Contains(small, "258 or more, found 257"));
  config.model.vocab_size = 0;
  BOOST_TEST(Contains(ErrorText([&] { SettleVocabSize(nullptr, config); }), "model.vocab_size"));
}

BOOST_AUTO_TEST_CASE(SplitsOffTheLastPart) {
  const TemporaryFolder folder;
  const MarkingTokenizer tokenizer(false, false);
  WriteBytes(folder / "a.txt", "abcde");
  WriteBytes(folder / "b.txt", "fghij");
  TrainingConfig config = DataConfigOf({folder / "a.txt", folder / "b.txt"}, 258);
  const TrainingData whole = LoadTrainingData(config, &tokenizer);
  BOOST_TEST(whole.train->num_tokens() == 10);
  BOOST_TEST(whole.validation->num_rows() == 0);

  config.data.validation_fraction = 0.39;  // 3.9 of 10 tokens: the last three
  const TrainingData split = LoadTrainingData(config, &tokenizer);
  BOOST_TEST(split.train->num_tokens() == 7);
  LabeledBatch batch;
  split.train->Fill(2, 1, 1.0f, batch);
  BOOST_TEST(batch.targets == Ids({'f' + 2, 'g' + 2}));
  split.validation->Fill(0, 1, batch);
  BOOST_TEST(batch.batch.tokens == Ids({'h' + 2, 'i' + 2}));
  BOOST_TEST(batch.targets == Ids({'i' + 2, 'j' + 2}));
  BOOST_TEST(split.fingerprint != whole.fingerprint);

  config.data.validation_fraction = 0;
  config.data.validation = {folder / "b.txt"};
  BOOST_TEST(LoadTrainingData(config, &tokenizer).validation->NumTargets(2) == 4);
}

BOOST_AUTO_TEST_CASE(RefusesTooLittleData) {
  const TemporaryFolder folder;
  const MarkingTokenizer tokenizer(false, false);
  WriteBytes(folder / "a.txt", "ab");
  WriteBytes(folder / "empty.txt", "");
  const auto error = [&](const TrainingConfig& config) {
    return ErrorText([&] { LoadTrainingData(config, &tokenizer); });
  };
  TrainingConfig config = DataConfigOf({folder / "a.txt"}, 258);
  BOOST_TEST(Contains(error(config), "data.train"));
  BOOST_TEST(Contains(error(config), "= 3 tokens, found 2"));
  config.data.sequence_length = 1;
  BOOST_TEST(error(config) == "");
  config.data.validation_fraction = 0.4;
  BOOST_TEST(Contains(error(config), "data.validation_fraction"));
  config.data.validation_fraction = 0;
  config.data.validation = {folder / "empty.txt"};
  BOOST_TEST(Contains(error(config), "data.validation"));
  config.data.train = {};
  BOOST_TEST(Contains(error(config), "usage: data.train: no training data"));

  WriteBytes(
      folder / "chats.jsonl",
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})");
  WriteBytes(folder / "questions.jsonl", R"({"messages": [{"role": "user", "content": "a"}]})");
  config.data = DataConfigOf({folder / "chats.jsonl"}, 258).data;
  config.data.chat_template = "chatml";
  BOOST_TEST(error(config) == "");
  // A text of 100 bytes beside it, in parts of 32 tokens and the one after them: 4, which share 3.
  WriteBytes(folder / "text.txt", std::string(100, 'x'));
  config.data.train = {folder / "text.txt", folder / "chats.jsonl"};
  config.data.sequence_length = 32;
  config.data.validation_fraction = 0.2;  // of five documents: the conversation
  const TrainingData mixed = LoadTrainingData(config, &tokenizer);
  BOOST_TEST(mixed.train->num_tokens() == 103);
  BOOST_TEST(mixed.validation->num_rows() == 1);
  config.data.train = {folder / "chats.jsonl"};
  config.data.validation_fraction = 0.5;  // of one conversation: none
  BOOST_TEST(Contains(error(config), "data.validation_fraction: not enough validation data"));
  config.data.validation_fraction = 0;
  config.data.validation = {folder / "questions.jsonl"};
  BOOST_TEST(Contains(error(config), "data.validation: not enough validation data"));
}

}  // namespace
}  // namespace trit
