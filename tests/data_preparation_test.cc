#include "training/data/data_preparation.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "ternary_kernels/parallel_for.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"
#include "training/data/token_array.h"
#include "training/data/token_file.h"
#include "training/run_tokenizer.h"

namespace trit {
namespace {

std::string Decoded(const Tokenizer& tokenizer, const std::vector<std::string>& files) {
  TokenArray tokens(tokenizer.vocab_size());
  for (const std::string& file : files) ReadTokenFile(file, tokens);
  std::string text;
  for (int64_t i = 0; i < tokens.size(); ++i) {
    text += tokens[i] == tokenizer.special().eos ? "|" : tokenizer.Decode(tokens[i], false);
  }
  return text;
}

PreparedData Prepare(const DataPreparation& preparation) {
  return PrepareData(preparation, [](const PreparationProgress&) {});
}

BOOST_AUTO_TEST_CASE(shards_hold_the_text_and_nothing_else) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "in");
  WriteBytes(folder / "in/1.txt", "first");
  WriteBytes(folder / "in/2.jsonl", "{\"text\": \"second\"}\n\n{\"text\": \"thi\\u00f6rd\"}\n");
  WriteBytes(folder / "in/3.txt", TinyText(300));
  const std::string text = "first|second|thi\u00f6rd|" + TinyText(300) + "|";
  std::string first_bytes;
  for (const int threads : {1, 3}) {
    SetNumThreads(threads);
    const std::string out = folder / ("out" + std::to_string(threads));
    const PreparedData data = Prepare({.inputs = {folder / "in"},
                                       .out = out,
                                       .tokenizer = "train:300",
                                       .shard_tokens = 100,
                                       .validation_fraction = 0});
    BOOST_TEST(Decoded(*data.tokenizer, data.train_files) == text);
    BOOST_TEST(data.validation_files.empty());
    BOOST_TEST(data.documents == 4);
    BOOST_TEST(data.text_bytes == text.size() - 4);
    BOOST_TEST(data.train_files.size() == static_cast<size_t>((data.train_tokens + 99) / 100));
    std::string bytes;
    for (const std::string& file : data.train_files) bytes += ReadBytes(file);
    if (threads == 1) first_bytes = bytes;
    BOOST_TEST((bytes == first_bytes));
    BOOST_TEST(LoadRunTokenizer(data.tokenizer_file)->vocab_size() == data.tokenizer->vocab_size());
  }
}

BOOST_AUTO_TEST_CASE(validation_is_the_last_part_in_whole_lines_and_documents) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a.txt", TinyText(1000));
  const PreparedData one =
      Prepare({.inputs = {folder / "a.txt"}, .out = folder / "one", .validation_fraction = 0.25});
  const std::string train = Decoded(*one.tokenizer, one.train_files);
  const std::string validation = Decoded(*one.tokenizer, one.validation_files);
  BOOST_TEST(train + validation == TinyText(1000));  // bytes have no eos
  BOOST_TEST(train.back() == '\n');
  const double share =
      static_cast<double>(validation.size()) / static_cast<double>(TinyText(1000).size());
  BOOST_TEST(share > 0.23);
  BOOST_TEST(share < 0.25);

  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "{\"text\": \"" + std::to_string(100 + i) + "\"}\n";
  WriteBytes(folder / "b.jsonl", lines);
  const PreparedData many = Prepare(
      {.inputs = {folder / "b.jsonl"}, .out = folder / "many", .validation_fraction = 0.05});
  BOOST_TEST(Decoded(*many.tokenizer, many.validation_files) == "195196197198199");
}

BOOST_AUTO_TEST_CASE(conversations_are_written_in_their_format) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a.jsonl",
             "{\"instruction\": \"hi\", \"output\": \"ho\"}\n"
             "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]}\n"
             "{\"text\": \"<|im_start|>\"}\n");
  const auto decoded = [&](const std::string& tokenizer) {
    const PreparedData data = Prepare({.inputs = {folder / "a.jsonl"},
                                       .out = folder / tokenizer,
                                       .tokenizer = tokenizer,
                                       .chat_template = "chatml",
                                       .validation_fraction = 0});
    return Decoded(*data.tokenizer, data.train_files);
  };
  BOOST_TEST(decoded("bytes") ==
             "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"
             "<|im_start|>user\na<|im_end|>\n<|im_start|>");
  // A vocabulary with the format's tokens, which are not shown here; in a text they are none.
  BOOST_TEST(decoded("train:300") == "user\nhi\nassistant\nho\nuser\na\n<|im_start|>|");
}

BOOST_AUTO_TEST_CASE(what_fails_leaves_no_files) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a.jsonl", "{\"text\": \"fine\"}\n{\"text\": 5}\n");
  const auto prepare = [&] {
    Prepare({.inputs = {folder / "a.jsonl"}, .out = folder / "out", .shard_tokens = 1});
  };
  BOOST_TEST(Contains(ErrorText(prepare), "a.jsonl:2"));
  BOOST_TEST(std::filesystem::is_empty(folder.path() / "out"));
  // What a killed process leaves is in nobody's way.
  std::filesystem::create_directory(folder.path() / "out/.tmp-data");
  WriteBytes(folder / "out/.tmp-data/train_000007.bin", "xx");
  WriteBytes(folder / "a.jsonl", "{\"text\": \"fine\"}\n");
  prepare();
  BOOST_TEST(!std::filesystem::exists(folder.path() / "out/.tmp-data"));
}

BOOST_AUTO_TEST_CASE(a_run_trains_on_what_was_prepared) {
  const TemporaryFolder folder;
  WriteBytes(folder / "text.txt", TinyText(3000));
  Prepare({.inputs = {folder / "text.txt"},
           .out = folder / "tokens",
           .tokenizer = "train:300",
           .shard_tokens = 1000,
           .validation_fraction = 0.1});
  const std::vector<std::string> overrides = {
      "data.train=" + (folder / "tokens/train_*.bin"),
      "data.validation=" + (folder / "tokens/validation_*.bin"),
      "data.tokenizer=" + (folder / "tokens/tokenizer.gguf"), "data.document_mask=true",
      "train.steps=3"};
  Train(TinyRunConfig(folder), overrides, folder / "run");
  BOOST_TEST(JsonLines(folder / "run/metrics.jsonl").back().contains("bits_per_byte"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_prepared) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a.txt", "text");
  WriteBytes(folder / "a.bin", "\1\0\2\0");
  const auto error = [&](const std::string& input, const std::string& out) {
    return ErrorText([&] { Prepare({.inputs = {folder / input}, .out = folder / out}); });
  };
  BOOST_TEST(Contains(error("a.bin", "out"), "token ids already"));
  BOOST_TEST(Contains(error("absent.txt", "out"), "cannot open"));
  BOOST_TEST(Contains(error("a.txt", ""), "has token files already"));
  BOOST_TEST(Contains(error("a.txt", "a.txt"), "cannot make the directory"));
}

}  // namespace
}  // namespace trit
