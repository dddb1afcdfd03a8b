#include "training/trainer_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"
#include "training/bad_batch.h"

namespace trit {
namespace {

int64_t CountOf(const JsonFields& fields, const char* key) {
  const int64_t value = fields.Integer(key);
  if (value < 0) fields.Throw(key, "value out of range", "0 or more", std::to_string(value));
  return value;
}

std::vector<double> NumbersOf(const JsonFields& fields, const char* key) {
  std::vector<double> numbers;
  const nlohmann::json* list = fields.Find(key);
  if (list == nullptr) return numbers;
  const bool sound =
      list->is_array() && list->size() <= kSpikeWindow &&
      std::all_of(list->begin(), list->end(), [](const auto& item) { return item.is_number(); });
  if (!sound) {
    fields.Throw(key, "wrong type", fmt::format("a list of at most {} numbers", kSpikeWindow),
                 ShownJson(*list));
  }
  for (const nlohmann::json& item : *list) numbers.push_back(item.get<double>());
  return numbers;
}

}  // namespace

std::string TrainerStateToJson(const TrainerState& state) {
  nlohmann::ordered_json root = {
      {"step", state.step},
      {"next_row", state.next_row},
      {"seed", state.seed},
      {"config_fingerprint", state.config_fingerprint},
      {"data_fingerprint", state.data_fingerprint},
      {"elapsed_seconds", state.elapsed_seconds},
      {"best_validation_loss", nullptr},
      {"best_validation_step", state.best_validation_step},
      {"recent_losses", state.recent_losses},
      {"recent_grad_norms", state.recent_grad_norms},
      {"skipped_in_a_row", state.skipped_in_a_row},
  };
  if (state.best_validation_loss) root["best_validation_loss"] = *state.best_validation_loss;
  return root.dump(2) + "\n";
}

TrainerState ParseTrainerState(std::string_view json, const std::string& file) {
  const nlohmann::json root = ParseStrictJson(json, file);
  const JsonFields fields(root, file);
  TrainerState state;
  state.step = CountOf(fields, "step");
  state.next_row = CountOf(fields, "next_row");
  state.seed = CountOf(fields, "seed");
  state.config_fingerprint = fields.String("config_fingerprint");
  state.data_fingerprint = fields.String("data_fingerprint");
  state.elapsed_seconds = fields.Number("elapsed_seconds");
  if (fields.Find("best_validation_loss") != nullptr) {
    state.best_validation_loss = fields.Number("best_validation_loss");
  }
  state.best_validation_step = CountOf(fields, "best_validation_step");
  state.recent_losses = NumbersOf(fields, "recent_losses");
  state.recent_grad_norms = NumbersOf(fields, "recent_grad_norms");
  state.skipped_in_a_row = CountOf(fields, "skipped_in_a_row");
  if (state.elapsed_seconds < 0) fields.ThrowUnsupported("elapsed_seconds", "0 or more");
  return state;
}

void RequireResumable(const TrainerState& state, const std::string& config_fingerprint,
                      const std::string& data_fingerprint, const std::string& file) {
  if (state.config_fingerprint != config_fingerprint) {
    throw Error(ErrorInfo{.what = "the checkpoint belongs to a run with another config",
                          .file = file,
                          .key = "config_fingerprint",
                          .expected = config_fingerprint,
                          .found = state.config_fingerprint});
  }
  if (state.data_fingerprint != data_fingerprint) {
    throw Error(ErrorInfo{.what = "the run has been trained on other data than this",
                          .file = file,
                          .key = "data_fingerprint",
                          .expected = data_fingerprint,
                          .found = state.data_fingerprint,
                          .hint = "files or tokenizer have changed"});
  }
}

}  // namespace trit
