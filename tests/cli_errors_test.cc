// What `trit` says and returns when it is used wrongly, when files are bad and when nobody listens;
// and its help.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using Arguments = std::vector<std::string>;

const std::string kModel = TRIT_TEST_DATA "/bitnet-b1.58_i2_s.gguf";

ProgramResult Trit(const Arguments& arguments, const ProgramStreams& streams = {}) {
  return RunProgram(TRIT_PROGRAM, arguments, streams);
}

// The program must print nothing but one line on stderr, which begins with `prefix` and has `part`.
void CheckRefused(const Arguments& arguments, int exit_code, const std::string& prefix,
                  const std::string& part, const ProgramStreams& streams = {}) {
  std::string command = "trit";
  for (const std::string& argument : arguments) command += " " + argument;
  BOOST_TEST_CONTEXT(command) {
    const ProgramResult result = Trit(arguments, streams);
    BOOST_TEST(result.exit_code == exit_code);
    BOOST_TEST(result.out == "");
    BOOST_TEST(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    BOOST_TEST(result.err.starts_with(prefix + ": "), result.err);
    BOOST_TEST(Contains(result.err, part), result.err);
  }
}

void CheckUsage(const Arguments& arguments, const std::string& part) {
  CheckRefused(arguments, 2, "trit " + arguments[0], part);
}

BOOST_AUTO_TEST_CASE(wrong_commands_are_usage_errors) {
  CheckRefused({}, 2, "trit", "a command is missing");
  CheckRefused({"genrate"}, 2, "trit", "unknown command: found genrate (the nearest is generate;");
  CheckRefused({"--versoin"}, 2, "trit", "unknown option: found --versoin");
  CheckRefused({"two\nlines"}, 2, "trit", "unknown command: found two\\x0alines");
}

BOOST_AUTO_TEST_CASE(wrong_options_are_usage_errors) {
  const std::string m = kModel;
  CheckUsage({"generate"}, "-m/--model: missing");
  CheckUsage({"generate", "-m"}, "-m: a value is missing");
  CheckUsage({"generate", "-m", m, "--tmep", "1"},
             "unknown option: found --tmep (the nearest is --temp;");
  CheckUsage({"generate", "-m", m, "-p", "x", "--kernel", "dot-2bit-on"},
             "--kernel: no such kernel: expected one of dot-2bit-one, ");
  CheckUsage({"generate", "-m", m, "---x"}, "unknown option: found ---x");
  CheckUsage({"generate", "-m", m, "-p", "two", "words"}, "an argument too many: found words");
  CheckUsage({"generate", "-m", m, "-p", "x", "-f", "y"}, "more than one prompt");
  CheckUsage({"generate", "-m", m, "-p", "x", "--json=yes"}, "a flag takes no value: found yes");
  CheckUsage({"generate", "-m", m, "-p", "x", "-n", "-1"}, "-n/--predict: out of range");
  CheckUsage({"generate", "-m", m, "-p", "x", "-n", "1e3"}, "-n/--predict: not a number");
  CheckUsage({"generate", "-m", m, "-p", "x", "-n", "99999999999999999999"}, "out of range");
  CheckUsage({"generate", "-m", m, "-p", "x", "-n", "4097"},
             "-n/--predict: more than the context: expected at most 4096, found 4097");
  CheckUsage({"generate", "-m", m, "-p", "x", "--ctx", "4097"},
             "--ctx: more than the context: expected at most 4096, found 4097");
  CheckUsage({"generate", "-m", m, "-p", "x", "--top-k", "-3"}, "--top-k: out of range");
  CheckUsage({"generate", "-m", m, "-p", "x", "--top-p", "1.5"},
             "--top-p: out of range: expected a number from 0 to 1, found 1.5");
  CheckUsage({"generate", "-m", m, "-p", "x", "--temp", "nan"}, "--temp: out of range");
  CheckUsage({"generate", "-m", m, "-p", "x", "--temp", ""}, "--temp: not a number");
  CheckUsage({"generate", "-m", m, "-p", "x", "-t", "0"}, "-t/--threads: out of range");
  CheckUsage({"generate", "-m", m, "-p", "x", "--prompt-threads", "0"},
             "--prompt-threads: out of range: expected an integer from 1");
  CheckUsage({"generate", "-m", m, "--tokens", "1,512"},
             "--tokens: no such token: expected 0 to 511, found 512");
  CheckUsage({"generate", "-m", m, "--tokens", "1,-5"}, "--tokens: out of range");
  CheckUsage({"generate", "-m", m, "--tokens", ","}, "--tokens: no token ids");
  CheckUsage({"logits", "-m", m}, "--tokens: missing");
  CheckUsage({"logits", "-m", m, "--tokens", "1,2,x"}, "--tokens: not a number");
  CheckUsage({"perplexity", "-m", m}, "-f/--file: missing");
  CheckUsage({"perplexity", "-m", m, "-f", m, "--ctx", "1"}, "--ctx: out of range");
  CheckUsage({"perplexity", "-m", m, "-f", m, "--ctx", "4097"}, "expected 2 to 4096");
  CheckUsage({"bench", "-m", m, "-p", "0", "-n", "0"}, "nothing to measure");
  CheckUsage({"bench", "-m", m, "-r", "0"}, "-r/--repetitions: out of range");
  CheckUsage({"bench", "-m", m, "-o", "xml"}, "expected md|json, found xml");
  CheckUsage({"inspect"}, "FILE: missing");
  CheckUsage({"inspect", m, m}, "an argument too many");
  CheckUsage({"tokenize", "-m", m, "--decode", "--bos"}, "--bos: does not go with --decode");
}

BOOST_AUTO_TEST_CASE(ids_on_standard_input_must_be_numbers) {
  CheckRefused({"tokenize", "-m", kModel, "--decode"}, 2, "trit tokenize",
               "standard input: not a number: expected an integer from 0 to 2147483647, found b",
               {.in = "1 b"});
  CheckRefused({"tokenize", "-m", kModel, "--decode"}, 1, "trit tokenize", "512", {.in = "512"});
}

BOOST_AUTO_TEST_CASE(bad_files_are_failures) {
  const TemporaryFolder folder;
  const std::string whole = ReadBytes(kModel);
  WriteBytes(folder / "cut.gguf", whole.substr(0, whole.size() - 1000));
  WriteBytes(folder / "text.gguf", "This is no model.");
  WriteBytes(folder / "empty.gguf", "");
  std::string damaged = whole;  // a code that stands for no trit, in the last tensor
  damaged[whole.size() - 1000] = '\xff';
  WriteBytes(folder / "damaged.gguf", damaged);
  for (const std::string name :
       {"cut.gguf", "text.gguf", "empty.gguf", "missing.gguf", "damaged.gguf"}) {
    const std::string path = folder / name;
    CheckRefused({"generate", "-m", path, "-p", "x"}, 1, "trit generate", path);
    CheckRefused({"logits", "-m", path, "--tokens", "1"}, 1, "trit logits", path);
    CheckRefused({"inspect", path}, 1, "trit inspect", path);
    CheckRefused({"perplexity", "-m", path, "-f", path}, 1, "trit perplexity", path);
    if (name != "damaged.gguf") {
      CheckRefused({"tokenize", "-m", path}, 1, "trit tokenize", path);
    }
  }
  CheckRefused({"inspect", folder.path().string()}, 1, "trit inspect", "model.safetensors");
  CheckRefused({"generate", "-m", kModel, "-f", folder / "none"}, 1, "trit generate",
               folder / "none");
  CheckRefused({"generate", "-m", kModel, "--tokens", "1,5,9", "-n", "1", "--ctx", "2"}, 1,
               "trit generate", "the prompt is longer than the context");
  WriteBytes(folder / "short.bin", std::string(2, '\1'));
  CheckRefused({"perplexity", "-m", kModel, "-f", folder / "short.bin"}, 1, "trit perplexity",
               "too little text to score");
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_ends_it_without_a_word) {
  for (const Arguments& arguments : {Arguments{"--help"},
                                     {"inspect", kModel},
                                     {"generate", "-m", kModel, "-p", "x", "-n", "4"},
                                     {"logits", "-m", kModel, "--tokens", "1,5"}}) {
    const ProgramResult result = Trit(arguments, {.nobody_reads = true});
    BOOST_TEST(result.exit_code == 128 + SIGPIPE);
    BOOST_TEST(result.err == "");
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_a_failure, *boost::unit_test::precondition([](auto) {
                       return std::filesystem::exists("/dev/full");
                     })) {
  for (const Arguments& arguments : {Arguments{"inspect", kModel},
                                     {"generate", "-m", kModel, "-p", "x", "-n", "4"},
                                     {"logits", "-m", kModel, "--tokens", "1,5"}}) {
    CheckRefused(arguments, 1, "trit " + arguments[0], "cannot write to standard output",
                 {.out_path = "/dev/full"});
  }
}

// What follows "--" in a text.
std::vector<std::string> OptionsIn(const std::string& text) {
  std::vector<std::string> options;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t begin = line.find("--");
    // A declaration: "  -m, --model FILE" or "      --json", not a mention within a text.
    if (begin != 6 || line.substr(0, 2) != "  ") continue;
    options.push_back(line.substr(begin, line.find_first_of(" \n", begin) - begin));
  }
  return options;
}

BOOST_AUTO_TEST_CASE(help_has_every_option_of_every_command) {
  const std::map<std::string, std::vector<std::string>> commands = {
      {"generate",
       {"--model", "--prompt", "--file", "--tokens", "--predict", "--ctx", "--ignore-eos", "--temp",
        "--top-k", "--top-p", "--min-p", "--repeat-penalty", "--repeat-last-n", "--seed",
        "--no-echo", "--print-tokens", "--json", "--stats"}},
      {"logits", {"--model", "--tokens", "--last"}},
      {"perplexity", {"--model", "--file", "--ctx", "--json"}},
      {"inspect", {"--header", "--full", "--json"}},
      {"bench", {"--model", "--n-prompt", "--n-gen", "--repetitions", "--output"}},
      {"tokenize", {"--model", "--decode", "--special", "--bos"}},
      {"data",
       {"--out", "--tokenizer", "--chat-template", "--shard-tokens", "--validation-fraction"}},
      {"train",
       {"--set", "--init", "--out", "--resume", "--overfit-batch", "--dry-run", "--print-config",
        "--dump-gradients"}},
      {"report", {"--out", "--watch", "--interval"}},
      {"evaluate",
       {"--model", "--multiple-choice", "--exact-match", "--chat-template", "--max-items",
        "--json"}},
      {"export", {"--type", "--embeddings", "--hf", "--ternarize"}},
  };
  const ProgramResult overview = Trit({"--help"});
  BOOST_TEST(overview.exit_code == 0);
  for (const auto& [name, expected] : commands) {
    BOOST_TEST_CONTEXT("trit " << name) {
      BOOST_TEST(Contains(overview.out, "\n  " + name + " "));
      const ProgramResult help = Trit({name, "--help"});
      BOOST_TEST(help.exit_code == 0);
      BOOST_TEST(help.err == "");
      BOOST_TEST(Contains(help.out, "Usage:\n  trit " + name + " "));
      BOOST_TEST(Contains(help.out, "Example:\n  "));
      const std::vector<std::string> options = OptionsIn(help.out);
      const std::set<std::string> shown(options.begin(), options.end());
      BOOST_TEST(shown.contains("--threads"));
      BOOST_TEST(shown.contains("--help"));
      for (const std::string& option : expected) BOOST_TEST(shown.contains(option), option);
      // They are options that parsing knows, too.
      for (const std::string& option : options) {
        const ProgramResult refused = Trit({name, option, "--no-such-option"});
        BOOST_TEST(!Contains(refused.err, "unknown option: found " + option));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(version_is_printed) {
  const ProgramResult version = Trit({"--version"});
  BOOST_TEST(version.exit_code == 0);
  BOOST_TEST(version.out.starts_with("trit " TRIT_VERSION "\n"));
}

}  // namespace
}  // namespace trit
