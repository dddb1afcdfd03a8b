// Scores answers to the demo's test: exact match by category, stories by IsStoryFor.
//
//   demo_score_answers test.jsonl < answers.jsonl
//
// answers.jsonl: {"content": …} lines as `trit chat --json` writes them, in the order of the test.
// The last line printed is "exact match 93.4 % (467/500)".
#include <fmt/format.h>

#include <exception>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "tools/demo_world/dialogues.h"
#include "training/data/text_source.h"

namespace trit::demo {
namespace {

struct Tally {
  int64_t right = 0;
  int64_t all = 0;
  double Percent() const {
    return all == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(all);
  }
};

void Score(const std::string& test_path) {
  std::map<std::string, Tally> by_category;
  Tally total;
  ForEachJsonLine(test_path, [&](std::string_view json, const std::string& where) {
    const nlohmann::json test = nlohmann::json::parse(json);
    std::string line;
    if (!std::getline(std::cin, line)) {
      throw Error(ErrorInfo{.what = "fewer answers than tests", .file = where});
    }
    const std::string expected = test.at("messages").back().at("content");
    const std::string answer = nlohmann::json::parse(line).at("content");
    const std::string category = test.at("category");
    const bool right =
        category == kStoryCategory ? IsStoryFor(expected, answer) : answer == expected;
    for (Tally* tally : {&by_category[category], &total}) {
      tally->right += right ? 1 : 0;
      ++tally->all;
    }
  });
  for (const auto& [category, tally] : by_category) {
    fmt::print("{:<12} {:5.1f} % ({}/{})\n", category, tally.Percent(), tally.right, tally.all);
  }
  fmt::print("exact match {:.1f} % ({}/{})\n", total.Percent(), total.right, total.all);
}

}  // namespace
}  // namespace trit::demo

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: demo_score_answers test.jsonl < answers.jsonl\n";
    return 2;
  }
  try {
    trit::demo::Score(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "demo_score_answers: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
