// Training runs of a model so small that a step takes milliseconds.
#ifndef TRIT_TESTS_SUPPORT_TINY_RUN_H_
#define TRIT_TESTS_SUPPORT_TINY_RUN_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "training/training_run.h"

namespace trit {

// Its data is text.txt in the folder.
inline std::string TinyRunConfig(const TemporaryFolder& folder) {
  return "[model]\nhidden_size = 32\nintermediate_size = 64\nnum_hidden_layers = 2\n"
         "num_attention_heads = 2\nnum_key_value_heads = 1\n"
         "[data]\ntrain = [\"" +
         (folder / "text.txt") +
         "\"]\nsequence_length = 16\n"
         "[train]\nsteps = 8\nmicro_batch = 2\neval_every = 3\nprecision = \"f32\"\n"
         "telemetry_every = 4\n"
         "[checkpoint]\nevery = 3\n";
}

// Lines of words from a small vocabulary, without end in sight.
inline std::string TinyText(size_t num_words) {
  const char* words[] = {"the", "fox", "hen", "sees", "runs", "to", "a", "red", "barn", "and"};
  std::string text;
  uint64_t state = 1;
  for (size_t i = 0; i < num_words; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += words[(state >> 33) % 10];
    text += i % 9 == 8 ? ".\n" : " ";
  }
  return text;
}

struct TinyRun {
  RunOutcome outcome;
  std::string progress;
};

inline TinyRun Train(const std::string& toml, const std::vector<std::string>& overrides,
                     const std::string& run, bool resume = false, std::function<bool()> stop = {}) {
  std::ostringstream progress;
  TinyRun result;
  result.outcome = RunTraining(ParseTrainingConfig(toml, "tiny.toml", overrides),
                               {.directory = run,
                                .resume = resume,
                                .program = "trit test",
                                .progress = &progress,
                                .progress_width = [] { return 0; },
                                .stop_requested = std::move(stop)});
  result.progress = progress.str();
  return result;
}

inline std::vector<nlohmann::json> JsonLines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(ReadBytes(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// What a step computes, without the times.
inline std::vector<std::string> Losses(const std::string& run) {
  std::vector<std::string> losses;
  for (nlohmann::json line : JsonLines(run + "/metrics.jsonl")) {
    for (const char* key : {"tokens_per_second", "elapsed_seconds", "model_flops_utilization"}) {
      line.erase(key);
    }
    losses.push_back(line.dump());
  }
  return losses;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_TINY_RUN_H_
