// Writes train.jsonl and test.jsonl for the demo.
//
//   demo_write_dialogues OUT_DIR SEED TRAINING_DIALOGUES TEST_DIALOGUES
//
// A line is {"category": …, "messages": [{"role", "content"} …]}; the last message of a test line
// is the expected answer. No test question with the same turns before it is in the training file,
// and no line is there twice.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "engine/error.h"
#include "engine/files/output_file.h"
#include "tools/demo_world/dialogues.h"

namespace trit::demo {
namespace {

std::string ToJson(const Dialogue& dialogue) {
  nlohmann::ordered_json line;
  line["category"] = dialogue.category;
  line["messages"] = nlohmann::ordered_json::array();
  for (const Exchange& exchange : dialogue.exchanges) {
    line["messages"].push_back({{"role", "user"}, {"content", exchange.question}});
    line["messages"].push_back({{"role", "assistant"}, {"content", exchange.answer}});
  }
  return line.dump() + "\n";
}

int64_t Count(const char* text) {
  const int64_t count = std::atoll(text);
  if (count < 1) throw UsageError(ErrorInfo{.what = "not a count", .found = text});
  return count;
}

void Write(const std::string& directory, uint64_t seed, int64_t num_training, int64_t num_test) {
  std::set<std::string> seen;
  std::string training;
  DialogueWriter training_writer(seed);
  while (static_cast<int64_t>(seen.size()) < num_training) {
    const std::string line = ToJson(training_writer.TrainingDialogue());
    if (seen.insert(line).second) training += line;
  }
  std::string test;
  std::set<std::string> test_seen;
  DialogueWriter test_writer(seed + 1);
  while (static_cast<int64_t>(test_seen.size()) < num_test) {
    const std::string& category = Categories()[test_seen.size() % Categories().size()];
    const std::string line = ToJson(test_writer.TestDialogue(category));
    if (!seen.contains(line) && test_seen.insert(line).second) test += line;
  }
  WriteTextFile(directory + "/train.jsonl", training);
  WriteTextFile(directory + "/test.jsonl", test);
}

}  // namespace
}  // namespace trit::demo

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: demo_write_dialogues OUT_DIR SEED TRAINING_DIALOGUES TEST_DIALOGUES\n";
    return 2;
  }
  try {
    trit::demo::Write(argv[1], static_cast<uint64_t>(std::atoll(argv[2])),
                      trit::demo::Count(argv[3]), trit::demo::Count(argv[4]));
  } catch (const std::exception& error) {
    std::cerr << "demo_write_dialogues: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
