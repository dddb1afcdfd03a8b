// The commands of `trit` as their users meet them: results, streams, exit codes and messages.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"
#include "training/run_tokenizer.h"

namespace trit {
namespace {

using nlohmann::json;
using Arguments = std::vector<std::string>;

const std::string kI2s = TRIT_TEST_DATA "/bitnet-b1.58_i2_s";
const std::string kTq2 = TRIT_TEST_DATA "/bitnet-b1.58_tq2_0";
const std::string kModel = kI2s + ".gguf";
const std::string kTokens = "1,5,300,7,511,263";  // what the expected logits belong to

ProgramResult Trit(const Arguments& arguments, const ProgramStreams& streams = {}) {
  return RunProgram(TRIT_PROGRAM, arguments, streams);
}

// What the command prints, which must succeed and say nothing else.
std::string Output(const Arguments& arguments, const std::string& in = "") {
  const ProgramResult result = Trit(arguments, {.in = in});
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.err == "");
  return result.out;
}

std::vector<std::vector<float>> Rows(const std::string& lines) {
  std::vector<std::vector<float>> rows;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    rows.push_back(json::parse(line).get<std::vector<float>>());
  }
  return rows;
}

size_t ArgMax(const std::vector<float>& row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

double RelativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += double{b[i]} * b[i];
  }
  return std::sqrt(difference / norm);
}

// -log of the probability that softmax gives the target, in nats.
double Loss(const std::vector<float>& logits, int32_t target) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - logits[0]);
  return std::log(sum) + logits[0] - logits[static_cast<size_t>(target)];
}

BOOST_AUTO_TEST_CASE(logits_are_the_expected_ones) {
  for (const std::string& fixture : {kI2s, kTq2}) {
    const auto rows = Rows(Output({"logits", "-m", fixture + ".gguf", "--tokens", kTokens}));
    const auto expected = Rows(ReadBytes(fixture + ".logits.jsonl"));
    BOOST_TEST_REQUIRE(rows.size() == expected.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      BOOST_TEST_REQUIRE(rows[i].size() == expected[i].size());
      // The reference computes in double and no activation of its lies within 1e-4 of a rounding
      // boundary, so that float arithmetic gives the same codes; the logits then agree to the
      // accuracy of the file's six decimals.
      BOOST_TEST(RelativeDifference(rows[i], expected[i]) < 1e-4);
      BOOST_TEST(ArgMax(rows[i]) == ArgMax(expected[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(logits_depend_neither_on_threads_nor_on_what_is_printed) {
  const Arguments arguments = {"logits", "-m", kModel, "--tokens", kTokens};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return Output(more);
  };
  const std::string all = with({"-t", "1"});
  BOOST_TEST(with({"-t", "3"}) == all);
  const std::string last = with({"--last"});
  BOOST_TEST_REQUIRE(all.size() > last.size());
  BOOST_TEST(all.substr(all.size() - last.size()) == last);
  BOOST_TEST(std::count(last.begin(), last.end(), '\n') == 1);
}

BOOST_AUTO_TEST_CASE(generate_without_temperature_takes_the_largest_logit) {
  const auto expected = Rows(ReadBytes(kI2s + ".logits.jsonl"));
  const Arguments arguments = {"generate", "-m",     kModel, "--tokens",       kTokens,    "-n",
                               "1",        "--temp", "0",    "--print-tokens", "--no-echo"};
  BOOST_TEST(Output(arguments) == std::to_string(ArgMax(expected.back())) + "\n");
}

BOOST_AUTO_TEST_CASE(generate_gives_the_same_text_for_the_same_seed) {
  const auto generate = [](const std::string& seed, const std::string& threads) {
    return Output(
        {"generate", "-m",           kModel,    "-p", "Once",    "-n",    "40",
         "--temp",   "1.5",          "--top-k", "0",  "--top-p", "1",     "--min-p",
         "0",        "--ignore-eos", "--seed",  seed, "-t",      threads, "--prompt-threads",
         "2"});
  };
  const std::string text = generate("1", "1");
  BOOST_TEST(generate("1", "1") == text);
  BOOST_TEST(generate("1", "3") == text);
  // 40 tokens of a nearly flat distribution over 512: that two seeds agree is out of the question.
  BOOST_TEST(generate("2", "1") != text);
}

BOOST_AUTO_TEST_CASE(generate_prints_one_text_in_many_ways) {
  const Arguments arguments = {"generate", "-m", kModel, "-n", "6", "--temp", "0"};
  const auto with = [&](Arguments more, const std::string& in = "") {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return Output(more, in);
  };
  const json object = json::parse(with({"-p", "hi there", "--json"}));
  BOOST_TEST(object["prompt"] == "hi there");
  BOOST_TEST(object["generated_tokens"] == object["token_ids"].size());
  BOOST_TEST(object["prompt_tokens"] == object["prompt_token_ids"].size());
  const std::string continuation = object["text"].get<std::string>() + "\n";
  BOOST_TEST(with({"-p", "hi there"}) == "hi there" + continuation);
  BOOST_TEST(with({"-p", "hi there", "--no-echo"}) == continuation);

  const TemporaryFolder folder;
  WriteBytes(folder / "prompt.txt", "hi there\n");
  BOOST_TEST(with({"-f", folder / "prompt.txt"}) == "hi there" + continuation);
  BOOST_TEST(with({}, "hi there\n") == "hi there" + continuation);

  std::string prompt_ids;
  std::string ids;
  for (const int32_t id : object["prompt_token_ids"]) prompt_ids += std::to_string(id) + " ";
  for (const int32_t id : object["token_ids"]) ids += std::to_string(id) + " ";
  ids.back() = '\n';
  BOOST_TEST(with({"--tokens", prompt_ids, "--print-tokens"}) == prompt_ids + ids);
  BOOST_TEST(with({"--tokens", prompt_ids, "--print-tokens", "--no-echo"}) == ids);
  BOOST_TEST(json::parse(with({"--tokens", prompt_ids, "--json"}))["text"] == object["text"]);
}

BOOST_AUTO_TEST_CASE(generate_stops_where_the_context_ends) {
  const ProgramResult result =
      Trit({"generate", "-m", kModel, "--tokens", "1,5,300", "-n", "8", "--ctx", "8", "--temp", "0",
            "--ignore-eos", "--print-tokens", "--no-echo", "--stats"});
  BOOST_TEST(result.exit_code == 0);
  // The sixth token needs no place: nothing comes after it.
  BOOST_TEST(std::count(result.out.begin(), result.out.end(), ' ') == 5);
  BOOST_TEST(Contains(result.err, "stopped after 6 tokens: the context is full\n"));
  BOOST_TEST(Contains(result.err, "prompt:      3 tokens, "));
  BOOST_TEST(Contains(result.err, "tokens/s; stopped: context full\n"));
}

BOOST_AUTO_TEST_CASE(tokenize_goes_there_and_back) {
  const TemporaryFolder folder;
  TrainingConfig config;
  config.data.tokenizer = "bytes";
  SaveRunTokenizer(*MakeRunTokenizer(config), "", folder / kTokenizerFile);
  for (const std::string text : {"", "Hello", " a  b\n\n", "Grüße, 世界 🙂", "\xff\x01"}) {
    std::string expected;
    for (const char c : text) expected += std::to_string(static_cast<unsigned char>(c)) + " ";
    if (!expected.empty()) expected.pop_back();
    // A file, or the directory of a run.
    for (const std::string& path : {folder / kTokenizerFile, folder.path().string()}) {
      BOOST_TEST(Output({"tokenize", "-m", path}, text) == expected + "\n");
      BOOST_TEST(Output({"tokenize", "-m", path, "--decode"}, expected) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(tokenize_knows_special_tokens) {
  BOOST_TEST(Output({"tokenize", "-m", kModel}, "</s>") !=
             Output({"tokenize", "-m", kModel, "--special"}, "</s>"));
  BOOST_TEST(Output({"tokenize", "-m", kModel, "--special"}, "</s>").ends_with("2\n"));
  BOOST_TEST(Output({"tokenize", "-m", kModel, "--decode"}, "2") == "");
  BOOST_TEST(Output({"tokenize", "-m", kModel, "--decode", "--special"}, "1, 2\n") == "<s></s>");
  // As generate sees a prompt.
  const json object =
      json::parse(Output({"generate", "-m", kModel, "-p", "hey", "-n", "0", "--json"}));
  std::string ids = Output({"tokenize", "-m", kModel, "--bos", "--special"}, "hey");
  std::replace(ids.begin(), ids.end(), ' ', ',');
  BOOST_TEST(json::parse("[" + ids + "]") == object["prompt_token_ids"]);
}

BOOST_AUTO_TEST_CASE(perplexity_is_what_the_logits_say) {
  const TemporaryFolder folder;
  const std::vector<uint16_t> tokens = {1, 5, 300, 7, 511, 263, 44};
  WriteBytes(folder / "tokens.bin",
             std::string(reinterpret_cast<const char*>(tokens.data()), 2 * tokens.size()));
  const auto measure = [&](const std::string& context) {
    return json::parse(Output(
        {"perplexity", "-m", kModel, "-f", folder / "tokens.bin", "--ctx", context, "--json"}));
  };
  const auto losses = [](const std::string& ids, std::span<const uint16_t> targets) {
    const auto rows = Rows(Output({"logits", "-m", kModel, "--tokens", ids}));
    double sum = 0;
    for (size_t i = 0; i < targets.size(); ++i) sum += Loss(rows[i], targets[i]);
    return sum;
  };
  const std::span<const uint16_t> all(tokens);
  // A loss is a float, of the size of 6: half a unit in its last place is 2.4e-7.
  constexpr double kTolerance = 1e-6;
  const json whole = measure("100");
  const double expected = losses("1,5,300,7,511,263", all.subspan(1)) / 6;
  BOOST_TEST(whole["tokens"] == 6);
  BOOST_TEST(std::abs(whole["nll_per_token"].get<double>() - expected) < kTolerance);
  const json windows = measure("3");  // the last token of one predicts the first of the next
  const double in_windows =
      (losses("1,5,300", all.subspan(1, 3)) + losses("7,511,263", all.subspan(4, 3))) / 6;
  BOOST_TEST(windows["tokens"] == 6);
  BOOST_TEST(std::abs(windows["nll_per_token"].get<double>() - in_windows) < kTolerance);
  BOOST_TEST(std::abs(whole["perplexity"].get<double>() / std::exp(expected) - 1) < kTolerance);
}

BOOST_AUTO_TEST_CASE(perplexity_counts_the_bytes_of_text) {
  const TemporaryFolder folder;
  const std::string text = "Bright-and-cold.\n";
  WriteBytes(folder / "text.md", text);
  const json score = json::parse(
      Output({"perplexity", "-m", kModel, "-f", folder / "text.md", "--ctx", "4096", "--json"}));
  const double nll = score["nll_per_token"].get<double>() * score["tokens"].get<double>();
  const double bytes = score["bytes"].get<double>();
  // A vocabulary of this kind puts U+2581 before the text, which this one writes as three bytes.
  BOOST_TEST(bytes == static_cast<double>(text.size()) + 3);
  BOOST_TEST(std::abs(score["bits_per_byte"].get<double>() - nll / std::log(2) / bytes) < 1e-9);
  const std::string table =
      Output({"perplexity", "-m", kModel, "-f", folder / "text.md", "--ctx", "4096"});
  BOOST_TEST(Contains(table, "bits per byte:"));
}

BOOST_AUTO_TEST_CASE(inspect_shows_a_gguf_file) {
  const json facts = json::parse(Output({"inspect", kModel, "--json"}));
  BOOST_TEST(facts["format"] == "GGUF version 3");
  BOOST_TEST(facts["bytes"] == std::filesystem::file_size(kModel));
  BOOST_TEST(facts["metadata"]["general.architecture"] == "bitnet-b1.58");
  BOOST_TEST(facts["metadata"]["tokenizer.ggml.tokens"]["length"] == 512);
  BOOST_TEST(facts["tensors"].size() == 24);
  BOOST_TEST(!facts.contains("cannot_run"));
  uint64_t bytes = 0;
  for (const json& tensor : facts["tensors"]) {
    bytes += tensor["bytes"].get<uint64_t>();
    const bool ternary = tensor["type"] == "i2_s";
    BOOST_TEST(tensor.contains("zero_share") == ternary);
    if (!ternary) continue;
    // Random trits, of which 2 in 5 are 0 in this file.
    BOOST_TEST(std::abs(tensor["zero_share"].get<double>() - 0.4) < 0.02);
    BOOST_TEST(tensor["scale_kind"] == "tensor");
    BOOST_TEST(tensor["min_scale"].get<double>() > 0);
    BOOST_TEST(tensor["kernel_one_token"].get<std::string>() != "");
  }
  BOOST_TEST(std::abs(facts["bits_per_weight"].get<double>() -
                      8.0 * static_cast<double>(bytes) / facts["weights"].get<double>()) < 1e-9);

  const json full = json::parse(Output({"inspect", kModel, "--json", "--full", "--header"}));
  BOOST_TEST(full["metadata"]["tokenizer.ggml.tokens"].size() == 512);
  BOOST_TEST(!full["tensors"].back().contains("zero_share"));
  const std::string text = Output({"inspect", kModel});
  BOOST_TEST(Contains(text, "blk.1.ffn_down.weight"));
  BOOST_TEST(Contains(text, "512 values: \"<unk>\" \"<s>\""));
}

BOOST_AUTO_TEST_CASE(bench_measures) {
  const Arguments arguments = {"bench", "-m", kModel, "-p", "8", "-n", "4", "-r", "2", "-t", "1"};
  Arguments with_json = arguments;
  with_json.insert(with_json.end(), {"-o", "json"});
  const json rows = json::parse(Output(with_json));
  BOOST_TEST_REQUIRE(rows.size() == 2);
  BOOST_TEST(rows[0]["n_prompt"] == 8);
  BOOST_TEST(rows[1]["n_gen"] == 4);
  for (const json& row : rows) {
    BOOST_TEST(row["n_threads"] == 1);
    BOOST_TEST(row["samples_ts"].size() == 2);
    const auto speeds = row["samples_ts"].get<std::vector<double>>();
    const double mean = (speeds[0] + speeds[1]) / 2;
    BOOST_TEST(std::abs(row["avg_ts"].get<double>() / mean - 1) < 1e-9);
    BOOST_TEST(std::abs(row["stddev_ts"].get<double>() -
                        std::abs(speeds[0] - speeds[1]) / std::sqrt(2)) < 1e-6 * mean);
  }
  // Two bits a trit, and the f16 embeddings, which are the head.
  const double trits = 2.0 * (256 * (2 * 256 + 2 * 128) + 3 * 256 * 768);
  BOOST_TEST(rows[1]["bytes_per_token"].get<double>() > trits / 4 + 2 * 256 * 512);
  BOOST_TEST(rows[1]["bytes_per_token"].get<double>() < 1.1 * (trits / 4 + 2 * 256 * 512));
  BOOST_TEST(rows[1]["read_bytes_per_second"].get<double>() > 1e6);

  const std::string table = Output(arguments);
  BOOST_TEST(table.starts_with("| model "));
  BOOST_TEST(Contains(table, "|             pp8 |"));
  BOOST_TEST(Contains(table, "|             tg4 |"));
  BOOST_TEST(Contains(table, " ± "));
  BOOST_TEST(Contains(table, "tg4 reads 0."));
}

}  // namespace
}  // namespace trit
