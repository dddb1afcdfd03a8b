// What `trit train`, `trit data`, `trit report` and `trit evaluate` say of files that are not what
// they should be: one line that names the file, and exit code 1 (or 2, if the config is to blame).
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_run.h"

namespace trit {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

struct Folder : TemporaryFolder {
  Folder() {
    WriteBytes(*this / "text.txt", TinyText(2000));
    WriteBytes(*this / "run.toml", TinyRunConfig(*this));
  }
};

// The last line of stderr is the program's own; before it there may be news of the run.
void CheckRefused(const Arguments& arguments, int exit_code,
                  const std::vector<std::string>& parts) {
  std::string command;
  for (const std::string& argument : arguments) command += " " + argument;
  BOOST_TEST_CONTEXT(command) {
    const ProgramResult result = RunProgram(TRIT_PROGRAM, arguments);
    BOOST_TEST(result.exit_code == exit_code);
    BOOST_TEST(result.out == "");
    const size_t begin = result.err.find("trit " + arguments[0] + ": ");
    BOOST_TEST_REQUIRE(begin != std::string::npos, result.err);
    const std::string line = result.err.substr(begin);
    BOOST_TEST(std::count(line.begin(), line.end(), '\n') == 1, line);
    for (const std::string& part : parts) BOOST_TEST(Contains(line, part), line);
  }
}

void CheckTrain(const Folder& folder, const Arguments& set, int exit_code,
                const std::vector<std::string>& parts) {
  Arguments arguments = {"train", folder / "run.toml", "--out", folder / "fails"};
  for (const std::string& assignment : set) {
    arguments.push_back("--set");
    arguments.push_back(assignment);
  }
  CheckRefused(arguments, exit_code, parts);
  fs::remove_all(folder.path() / "fails");
}

BOOST_AUTO_TEST_CASE(configs) {
  const Folder folder;
  CheckTrain(folder, {"train.stepz=5"}, 2, {"--set: train.stepz: unknown key", "train.steps"});
  CheckTrain(folder, {"train.steps=many"}, 2, {"train.steps: wrong type"});
  CheckTrain(folder, {"model.hidden_size=-4"}, 2, {"model.hidden_size: value out of range"});
  CheckTrain(folder, {"quantizer.weights=int5"}, 2, {"quantizer.weights"});
  CheckTrain(folder, {"quantizer.scale=median"}, 2, {"quantizer.scale: no such rule"});
  CheckTrain(folder, {"quantizer.granularity=48"}, 2, {"granularity"});
  CheckTrain(folder, {"train.batch_tokens=33"}, 2, {"train.batch_tokens: no whole number"});
  CheckTrain(folder, {"data.tokenizer=train:3"}, 2, {"vocab_size"});
  CheckTrain(folder, {"data.tokenizer=absent.gguf"}, 1, {"absent.gguf"});
  CheckTrain(folder, {"evaluation.multiple_choice=absent.jsonl"}, 1, {"absent.jsonl"});
  WriteBytes(folder / "bad.toml", "[train\nsteps = 5");
  CheckRefused({"train", folder / "bad.toml", "--out", folder / "x"}, 2,
               {"bad.toml:1: not valid TOML"});
  CheckRefused({"train", folder / "absent.toml", "--out", folder / "x"}, 1, {"absent.toml"});
}

BOOST_AUTO_TEST_CASE(data) {
  const Folder folder;
  const auto check = [&](const std::string& file, const std::string& bytes, int exit_code,
                         const std::vector<std::string>& parts, Arguments set = {}) {
    WriteBytes(folder / file, bytes);
    set.push_back("data.train=" + (folder / file));
    CheckTrain(folder, set, exit_code, parts);
  };
  const Arguments tokens = {"data.tokenizer=\"\"", "model.vocab_size=300"};
  check("a.bin", std::string(99, '\1'), 1, {"a.bin: not a whole number of uint16", "99"}, tokens);
  check("a.bin", std::string(100, '\2'), 1,
        {"a.bin: token id out of range at offset 0", "300", "514"}, tokens);
  check("a.bin", std::string("\x88\xd8\x34\x01\x01\0\0\0\5\0\0\0", 12), 1,
        {"a.bin: token file ends within its header"}, tokens);
  check("a.bin", "", 1, {"not enough"}, tokens);
  check("a.bin", "\1\0", 2, {"model.vocab_size: not known"}, {"data.tokenizer=\"\""});
  check("a.txt", "short", 1, {"not enough"});
  check("a.jsonl", "{\"text\": \"fine\"}\n{\"text\": 5}\n", 1, {"a.jsonl:2", "no string"});
  check("a.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n", 1,
        {"a.jsonl:1", "data.chat_template"});
  check("a.jsonl", "{\"messages\": []}\n", 1, {"a.jsonl:1", "messages"},
        {"data.chat_template=chatml"});
  check("a.bin", std::string(100, '\1'), 2, {"a.bin: token ids cannot stand beside conversations"},
        {"data.chat_template=chatml", "data.tokenizer=bytes"});
  check("a.csv", "a,b", 1, {"a.csv: unknown kind of data file"});
  CheckTrain(folder, {"data.train=" + (folder / "none*.txt")}, 1, {"no file matches"});
  CheckTrain(folder, {"data.train=" + (folder / "absent.txt")}, 1, {"absent.txt"});
  CheckTrain(folder, {"data.document_mask=true"}, 2, {"data.document_mask", "eos"});

  CheckRefused({"data", folder / "absent.txt", "-o", folder / "d"}, 1, {"absent.txt"});
  CheckRefused({"data", folder / "a.bin", "-o", folder / "d"}, 2, {"a.bin: token ids already"});
  CheckRefused({"data", "-o", folder / "d"}, 2, {"INPUT…: missing"});
  CheckRefused({"report", folder.path().string()}, 1, {"no run here"});
  CheckRefused({"evaluate", "-m", folder.path().string()}, 2, {"nothing to ask"});
}

// A finished run, of which `damage` changes a file; going on with it must be refused.
void CheckDamage(const std::string& file, const std::function<std::string(std::string)>& damage,
                 const std::vector<std::string>& parts) {
  const Folder folder;
  const std::string run = folder / "run";
  Train(TinyRunConfig(folder), {"train.steps=3"}, run);
  const std::string path = run + "/" + file;
  WriteBytes(path, damage(ReadBytes(path)));
  CheckRefused({"train", folder / "run.toml", "--out", run, "--resume"}, 1, parts);
}

BOOST_AUTO_TEST_CASE(checkpoints) {
  const std::string checkpoint = "checkpoints/step-000003/";
  const auto put = [](size_t from_end, float value) {
    return [=](std::string bytes) {
      std::memcpy(bytes.data() + bytes.size() - from_end, &value, sizeof(value));
      return bytes;
    };
  };
  const auto cut = [](std::string bytes) { return bytes.substr(0, bytes.size() / 2); };
  const auto replace = [](std::string from, std::string to) {
    return [=](std::string bytes) {
      const size_t at = bytes.find(from);
      BOOST_TEST_REQUIRE(at != std::string::npos);
      return bytes.replace(at, from.size(), to);
    };
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CheckDamage(checkpoint + "model.safetensors", put(40, nan), {"model.safetensors", "finite"});
  CheckDamage(checkpoint + "optimizer.safetensors", put(4, -1.0f),
              {"optimizer.safetensors", "negative mean of squares"});
  CheckDamage(checkpoint + "model.safetensors", cut, {"model.safetensors"});
  CheckDamage(checkpoint + "optimizer.safetensors", cut, {"optimizer.safetensors"});
  // As long as before, but another shape.
  CheckDamage(checkpoint + "model.safetensors", replace("[32,64]", "[64,32]"),
              {"model.safetensors", "wrong shape", "[32, 64]", "[64, 32]"});
  CheckDamage(checkpoint + "trainer_state.json", cut, {"trainer_state.json", "not valid JSON"});
  CheckDamage(checkpoint + "trainer_state.json", replace("\"step\": 3", "\"step\": -3"),
              {"trainer_state.json: step: value out of range"});
  CheckDamage("tokenizer.gguf", cut, {"tokenizer.gguf"});
  CheckDamage("metrics.jsonl", replace("\"step\":1", "\"step\":x"), {"metrics.jsonl:2"});
}

}  // namespace
}  // namespace trit
