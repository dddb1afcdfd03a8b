#include "training/trainer_state.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/error.h"
#include "tests/support/error_text.h"

namespace trit {
namespace {

using nlohmann::json;

TrainerState Sample() {
  TrainerState state;
  state.step = 1234567890123;
  state.next_row = 42;
  state.seed = INT64_MAX;
  state.config_fingerprint = "0123456789abcdef";
  state.data_fingerprint = "ff";
  state.elapsed_seconds = 0.1 + 0.2;
  state.best_validation_loss = 1.0 / 3.0;
  state.best_validation_step = 40;
  state.recent_losses = {0.1 + 0.2, 3};
  state.recent_grad_norms = {1e-300};
  state.skipped_in_a_row = 3;
  return state;
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  TrainerState state = Sample();
  BOOST_TEST((ParseTrainerState(TrainerStateToJson(state), "x") == state));
  state.best_validation_loss.reset();
  BOOST_TEST((ParseTrainerState(TrainerStateToJson(state), "x") == state));
  BOOST_TEST(json::parse(TrainerStateToJson(state))["best_validation_loss"].is_null());
}

BOOST_AUTO_TEST_CASE(RefusesUnsoundStates) {
  struct Case {
    const char* patch;
    const char* message;
  };
  const Case cases[] = {
      {R"({"step": -1})", "step: value out of range: expected 0 or more, found -1"},
      {R"({"step": null})", "step: missing"},
      {R"({"step": 1.5})", "step: wrong type"},
      {R"({"step": 18446744073709551615})", "step: wrong type"},
      {R"({"next_row": -5})", "next_row: value out of range"},
      {R"({"seed": "x"})", "seed: wrong type"},
      {R"({"config_fingerprint": 5})", "config_fingerprint: wrong type"},
      {R"({"data_fingerprint": null})", "data_fingerprint: missing"},
      {R"({"elapsed_seconds": -1})", "elapsed_seconds"},
      {R"({"elapsed_seconds": "x"})", "elapsed_seconds: wrong type"},
      {R"({"best_validation_loss": "x"})", "best_validation_loss: wrong type"},
      {R"({"best_validation_step": -1})", "best_validation_step"},
      {R"({"recent_losses": 1})", "recent_losses: wrong type"},
      {R"({"recent_grad_norms": [1, "x"]})", "recent_grad_norms: wrong type"},
      {R"({"skipped_in_a_row": -1})", "skipped_in_a_row: value out of range"},
  };
  for (const Case& c : cases) {
    json state = json::parse(TrainerStateToJson(Sample()));
    state.merge_patch(json::parse(c.patch));
    const std::string text = ErrorText([&] { ParseTrainerState(state.dump(), "state.json"); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, "state.json: "));
    BOOST_TEST(Contains(text, c.message));
  }
  for (const char* text : {"", "[]", "{}", "5", "{\"step\": 1, \"step\": 2}"}) {
    BOOST_CHECK_THROW(ParseTrainerState(text, "state.json"), Error);
  }
}

}  // namespace
}  // namespace trit
