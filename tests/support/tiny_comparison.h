// A comparison of models so small that it takes seconds.
#ifndef TRIT_TESTS_SUPPORT_TINY_COMPARISON_H_
#define TRIT_TESTS_SUPPORT_TINY_COMPARISON_H_

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"

namespace trit {

// Its data is text.txt in the folder. Rows of 128 columns, which i2_s files need.
inline std::string TinyComparisonConfig(const TemporaryFolder& folder) {
  return "[compare]\nseeds = [3, 4]\n"
         "[model]\nhidden_size = 128\nintermediate_size = 128\nnum_hidden_layers = 2\n"
         "num_attention_heads = 2\nnum_key_value_heads = 1\n"
         "[data]\ntrain = [\"" +
         (folder / "text.txt") +
         "\"]\nsequence_length = 16\n"
         "[train]\nsteps = 6\nmicro_batch = 2\neval_every = 3\neval_tokens = 100\n"
         "precision = \"f32\"\n"
         "[checkpoint]\nevery = 2\n"
         "[schedule]\nlearning_rate = 0.003\n"
         "[[method]]\nname = \"ternary aware\"\nhow = \"aware\"\nweights = \"ternary\"\n"
         "[[method]]\nname = \"ternary nearest\"\nhow = \"nearest\"\nweights = \"ternary\"\n"
         "[[method]]\nname = \"int4 continued\"\nhow = \"aware\"\nstart = \"full_precision\"\n"
         "steps = 3\nweights = \"int4\"\ngranularity = \"row\"\n"
         "rule = [{match = \"layers.0.*\", weights = \"none\"}]\n";
}

// comparison.json without what another run on the same machine finds otherwise, and without where
// it lies.
inline nlohmann::json TimelessComparison(const std::string& directory) {
  std::string text = ReadBytes(directory + "/comparison.json");
  for (size_t at; (at = text.find(directory)) != std::string::npos;) {
    text.replace(at, directory.size(), "DIR");
  }
  nlohmann::json json = nlohmann::json::parse(text);
  const auto erase_times = [](nlohmann::json& object) {
    for (const char* key : {"decode_tokens_per_second", "training_seconds",
                            "training_tokens_per_second", "seconds", "tokens_per_second"}) {
      object.erase(key);
    }
  };
  for (nlohmann::json& row : json["rows"]) {
    erase_times(row["mean"]);
    erase_times(row["spread"]);
    for (nlohmann::json& seed : row["seeds"]) {
      erase_times(seed["figures"]);
      erase_times(seed["measurement"]);
    }
  }
  for (nlohmann::json& run : json["runs"]) erase_times(run["record"]);
  return json;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_TINY_COMPARISON_H_
