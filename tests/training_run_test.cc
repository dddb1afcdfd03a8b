// Whole runs: what they leave behind, how they go on, and how they end when something is wrong.
#include "training/training_run.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/formats/model_file.h"
#include "engine/formats/safetensors.h"
#include "engine/score.h"
#include "tests/support/error_text.h"
#include "tests/support/tiny_run.h"
#include "training/checkpoint.h"
#include "training/checkpoint_config.h"
#include "training/export_run.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

struct Folder : TemporaryFolder {
  Folder() { WriteBytes(*this / "text.txt", TinyText(2000)); }
  std::string Config() const { return TinyRunConfig(*this); }
};

std::vector<std::string> CheckpointNames(const std::string& run) {
  std::vector<std::string> names;
  for (const std::string& path : ListCheckpoints(run)) names.push_back(fs::path(path).filename());
  return names;
}

// Stops after so many of 8 steps.
void CheckInterrupted(const std::vector<std::string>& overrides, int stop_after) {
  const Folder folder;
  Train(folder.Config(), overrides, folder / "whole");
  int asked = 0;
  const TinyRun first = Train(folder.Config(), overrides, folder / "parts", false,
                              [&] { return ++asked == stop_after; });
  BOOST_TEST(first.outcome.interrupted);
  BOOST_TEST(first.outcome.steps_done == stop_after);
  BOOST_TEST(Losses(folder / "parts").size() == static_cast<size_t>(stop_after));
  // The resolved config of the run is enough to go on.
  const TinyRun rest = Train(ReadBytes(folder / "parts/config.toml"), {}, folder / "parts", true);
  BOOST_TEST(Contains(rest.progress, "resumed from"));
  BOOST_TEST(Losses(folder / "whole").size() == 8);
  BOOST_TEST(Losses(folder / "parts") == Losses(folder / "whole"),
             boost::test_tools::per_element());
  for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
    const std::string path = std::string("checkpoints/step-000008/") + file;
    BOOST_TEST((ReadBytes(folder / ("parts/" + path)) == ReadBytes(folder / ("whole/" + path))));
  }
  BOOST_TEST(ReadBytes(folder / "parts/layers.jsonl") == ReadBytes(folder / "whole/layers.jsonl"));
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_goes_on_as_if_it_had_not_been) {
  CheckInterrupted({}, 4);
  // While quantization is phased in, and at the step it begins with: from steps 2 to 6.
  for (const int stop_after : {1, 2, 4}) {
    CheckInterrupted(
        {"quantizer.weights=int4", "quantizer.activations=int8_static", "quantizer.start_step=2",
         "quantizer.ramp_steps=4", "quantizer.calibration_tokens=64"},
        stop_after);
  }
}

BOOST_AUTO_TEST_CASE(static_activations_are_calibrated_where_quantization_begins_and_is_complete) {
  const Folder folder;
  const std::vector<std::string> overrides = {
      "quantizer.activations=int8_static", "quantizer.start_step=2", "quantizer.ramp_steps=3",
      "quantizer.calibration_tokens=64",   "checkpoint.every=1",     "checkpoint.keep=0"};
  Train(folder.Config(), overrides, folder / "run");
  std::vector<std::string> ranges;  // by step
  for (const std::string& checkpoint : ListCheckpoints(folder / "run")) {
    const SafetensorsReader reader(checkpoint + "/model.safetensors");
    const AlignedBuffer<uint8_t> bytes =
        reader.ReadTensor(reader.RequireTensor("model.layers.1.mlp.down_proj.input_range"));
    ranges.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  BOOST_REQUIRE(ranges.size() == 8u);  // steps 1 to 8
  for (size_t i = 1; i < ranges.size(); ++i) {
    const size_t step = i + 1;
    BOOST_TEST((ranges[i] != ranges[i - 1]) == (step == 2 || step == 5), "step " << step);
  }
  // The trained model is the exported one.
  const std::unique_ptr<Model> model = LoadTrainedModel(folder / "run");
  WriteGgufModel(*model, folder / "model.gguf", {});
  BOOST_TEST(CompareWithFile(*model, folder / "model.gguf").logit_difference == 0);
  // A model without ranges cannot be one of static activations by rounding alone.
  Train(folder.Config(), {}, folder / "other");
  QuantizationConfig quantization;
  quantization.standard.activations = "int8_static";
  BOOST_TEST(Contains(ErrorText([&] { LoadTrainedModel(folder / "other", quantization); }),
                      "input_range: static activations without a range"));
  // But a run that begins with its weights calibrates them.
  Train(folder.Config(),
        {"quantizer.activations=int8_static", "quantizer.calibration_tokens=64",
         "checkpoint.init=" + (folder / "other")},
        folder / "next");
  LoadTrainedModel(folder / "next");
}

BOOST_AUTO_TEST_CASE(a_run_that_ends_before_it_is_fully_quantized_says_so) {
  const Folder folder;
  const TinyRun partly = Train(
      folder.Config(), {"quantizer.start_step=6", "quantizer.ramp_steps=4"}, folder / "partly");
  BOOST_TEST(Contains(partly.progress, "start_step + ramp_steps = 10, train.steps = 8"));
  BOOST_TEST(TrainedShare(folder / "partly") == 0.25);  // the last step is step 7
  const TinyRun whole = Train(folder.Config(), {"quantizer.start_step=3", "quantizer.ramp_steps=4"},
                              folder / "whole");
  BOOST_TEST(!Contains(whole.progress, "fully quantized"));
  BOOST_TEST(TrainedShare(folder / "whole") == 1.0);
}

BOOST_AUTO_TEST_CASE(a_run_begins_with_the_weights_of_anothers_latest_checkpoint) {
  const Folder folder;
  Train(folder.Config(), {}, folder / "first");
  const auto first_loss = [&](const std::string& init, const std::string& run) {
    Train(folder.Config(), {"checkpoint.init=" + init, "train.steps=1"}, folder / run);
    return JsonLines(folder / (run + "/metrics.jsonl"))[0]["loss"].get<double>();
  };
  const double loss = first_loss(folder / "first", "second");
  BOOST_TEST(loss == first_loss(CheckpointPath(folder / "first", 8), "third"));
  BOOST_TEST(loss < JsonLines(folder / "first/metrics.jsonl")[0]["loss"].get<double>());
}

BOOST_AUTO_TEST_CASE(the_run_keeps_config_version_and_seed) {
  const Folder folder;
  Train(folder.Config(), {"train.steps=1", "train.seed=7"}, folder / "run");
  const std::string config = ReadBytes(folder / "run/config.toml");
  BOOST_TEST(config.starts_with("# trit test\n"));
  BOOST_TEST(Contains(config, "seed = 7\n"));
  BOOST_TEST(Contains(config, "vocab_size = 256\n"));
  const auto twice = [&] { Train(folder.Config(), {}, folder / "run"); };
  BOOST_TEST(Contains(ErrorText(twice), "has a run already"));
}

BOOST_AUTO_TEST_CASE(what_makes_a_run_cannot_change_on_the_way) {
  const Folder folder;
  Train(folder.Config(), {"train.steps=2"}, folder / "run");
  const auto resume = [&](const std::string& change) {
    return ErrorText([&] { Train(folder.Config(), {change}, folder / "run", true); });
  };
  BOOST_TEST(Contains(resume("train.seed=1"),
                      "train.seed: cannot change when a run is continued: expected 0, found 1"));
  BOOST_TEST(Contains(resume("model.intermediate_size=96"), "model.intermediate_size: cannot"));
  BOOST_TEST(Contains(resume("quantizer.weights=int8"), "quantizer.weights: cannot"));
  WriteBytes(folder / "text.txt", TinyText(2001));
  BOOST_TEST(Contains(resume("train.steps=4"), "trained on other data"));
  WriteBytes(folder / "text.txt", TinyText(2000));
  BOOST_TEST(Train(folder.Config(), {"train.steps=4"}, folder / "run", true).outcome.steps_done ==
             4);
}

BOOST_AUTO_TEST_CASE(the_latest_and_the_best_checkpoint_stay) {
  const Folder folder;
  // Whoever learns one batch by heart first gets better at the rest, then worse.
  const std::vector<std::string> overrides = {
      "train.overfit_batch=true",   "train.steps=60",    "train.eval_every=5",
      "checkpoint.every=20",        "checkpoint.keep=1", "schedule.kind=constant",
      "schedule.learning_rate=0.01"};
  Train(folder.Config(), overrides, folder / "run");
  std::vector<double> losses;
  for (const nlohmann::json& line : JsonLines(folder / "run/metrics.jsonl")) {
    if (line.contains("validation_loss")) losses.push_back(line["validation_loss"]);
  }
  const auto best = std::min_element(losses.begin(), losses.end()) - losses.begin();
  BOOST_TEST_REQUIRE(best < 11);  // else this shows nothing
  const std::vector<std::string> expected = {
      fs::path(CheckpointPath(folder / "run", 5 * (best + 1))).filename(), "step-000060"};
  BOOST_TEST(CheckpointNames(folder / "run") == expected, boost::test_tools::per_element());
  std::vector<std::string> without = overrides;
  without.push_back("checkpoint.keep_best=false");
  Train(folder.Config(), without, folder / "without");
  BOOST_TEST(CheckpointNames(folder / "without") == std::vector<std::string>{"step-000060"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_run_that_diverges_stops_and_names_the_last_good_checkpoint) {
  const Folder folder;
  Train(folder.Config(), {"train.steps=3"}, folder / "run");
  const std::string good = ReadBytes(folder / "run/checkpoints/step-000003/model.safetensors");
  const std::vector<std::string> wild = {"schedule.learning_rate=1e38", "schedule.warmup_steps=0",
                                         "train.steps=40"};
  const std::string text = ErrorText([&] { Train(folder.Config(), wild, folder / "run", true); });
  BOOST_TEST(Contains(text, "not finite"), text);
  BOOST_TEST(Contains(text, "step-000003"), text);
  BOOST_TEST((ReadBytes(folder / "run/checkpoints/step-000003/model.safetensors") == good));
  // Weights that are lost give no good batch any more.
  std::vector<std::string> skipping = wild;
  skipping.push_back("train.on_bad_batch=skip");
  const std::string in_vain = ErrorText([&] { Train(folder.Config(), skipping, folder / "vain"); });
  BOOST_TEST(Contains(in_vain, "as in 20 batches before"), in_vain);
}

BOOST_AUTO_TEST_CASE(a_spike_stops_the_run_or_is_skipped) {
  const Folder folder;
  // A row a step; from row 140 on something else.
  std::string text;
  for (int i = 0; i < 140 * 4; ++i) text += "abcd";
  for (int i = 0; i < 16; ++i) text += static_cast<char>(33 + i);
  for (int i = 0; i < 40; ++i) text += "abcd";
  WriteBytes(folder / "text.txt", text);
  const std::vector<std::string> overrides = {"train.steps=145",
                                              "train.micro_batch=1",
                                              "data.order=sequential",
                                              "data.validation_fraction=0",
                                              "schedule.learning_rate=0.01",
                                              "train.spike_zscore=6"};
  const std::string stopped = ErrorText([&] { Train(folder.Config(), overrides, folder / "run"); });
  BOOST_TEST(Contains(stopped, "step 140: the loss "), stopped);
  BOOST_TEST(Contains(stopped, "standard deviations above the last 128"), stopped);
  const TinyRun skipped = Train(folder.Config(),
                                {"train.on_bad_batch=skip", overrides[0], overrides[1],
                                 overrides[2], overrides[3], overrides[4], overrides[5]},
                                folder / "run", true);
  BOOST_TEST(Contains(skipped.progress, "the batch is skipped"));
  const std::vector<nlohmann::json> lines = JsonLines(folder / "run/metrics.jsonl");
  BOOST_TEST_REQUIRE(lines.size() == 145);
  for (size_t i = 0; i < lines.size(); ++i) {
    BOOST_TEST_CONTEXT(i) { BOOST_TEST(lines[i].contains("skipped") == (i == 140)); }
  }
}

BOOST_AUTO_TEST_CASE(one_batch_can_be_learned_by_heart) {
  const Folder folder;
  Train(folder.Config(),
        {"train.overfit_batch=true", "train.steps=150", "schedule.kind=constant",
         "schedule.learning_rate=0.01", "optimizer.weight_decay=0"},
        folder / "run");
  const std::vector<nlohmann::json> lines = JsonLines(folder / "run/metrics.jsonl");
  BOOST_TEST(lines.front()["loss"].get<double>() > 5);
  BOOST_TEST(lines.back()["loss"].get<double>() < 0.5);  // of other batches: above 1.5
}

BOOST_AUTO_TEST_CASE(telemetry_is_what_the_weights_say) {
  const Folder folder;
  Train(folder.Config(), {"train.steps=1", "schedule.kind=constant"}, folder / "run");
  const std::vector<nlohmann::json> lines = JsonLines(folder / "run/layers.jsonl");
  BOOST_TEST_REQUIRE(lines.size() == 1);
  const nlohmann::json& line = lines[0];
  const CheckpointModel saved =
      ReadCheckpointConfig(folder / "run/checkpoints/step-000001/config.json");
  TrainableModel before(saved.model, saved.quantizer, Precision::kF32, 16);
  before.parameters().InitializeRandom(0);
  before.ParametersChanged();
  TrainableModel after(saved.model, saved.quantizer, Precision::kF32, 16);
  LoadWeights(folder / "run/checkpoints/step-000001", after.parameters());
  after.ParametersChanged();
  size_t next = 0;
  double all_flips = 0;
  double all_codes = 0;
  for (const WeightInfo& info : before.table().weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    BOOST_TEST_CONTEXT(info.name) {
      BOOST_TEST(line["matrices"][next] == ShortWeightName(info.name));
      double zeros = 0;
      double flips = 0;
      double sum = 0;
      for (size_t i = 0; i < static_cast<size_t>(info.NumElements()); ++i) {
        zeros += before.weights()[info.id].codes[i] == 0 ? 1 : 0;
        flips += before.weights()[info.id].codes[i] != after.weights()[info.id].codes[i] ? 1 : 0;
        sum += std::abs(before.parameters().Values(info.id)[i]);
      }
      const double size = static_cast<double>(info.NumElements());
      // Six digits are written.
      BOOST_TEST(std::abs(line["zero_share"][next].get<double>() - zeros / size) < 1e-6);
      BOOST_TEST(std::abs(line["flip_rate"][next].get<double>() - flips / size) < 1e-6);
      BOOST_TEST(std::abs(line["scale"][next].get<double>() / (sum / size) - 1) < 1e-5);
      all_flips += flips;
      all_codes += size;
    }
    ++next;
  }
  BOOST_TEST(line["matrices"].size() == next);
  BOOST_TEST(all_flips > 0);
  const nlohmann::json metrics = JsonLines(folder / "run/metrics.jsonl")[0];
  BOOST_TEST(std::abs(metrics["flip_rate"].get<double>() - all_flips / all_codes) < 1e-8);
  BOOST_TEST(line["residual_max"].size() == 2);
  for (const char* key : {"residual_max", "attention_max", "gated_max"}) {
    for (const nlohmann::json& value : line[key]) BOOST_TEST(value.get<double>() > 0);
  }
}

BOOST_AUTO_TEST_CASE(perplexity_is_the_validation_loss) {
  const Folder folder;
  const std::string text = TinyText(100);
  WriteBytes(folder / "other.txt", text);
  Train(folder.Config(), {"data.validation=" + (folder / "other.txt")}, folder / "run");
  const double validation_loss = JsonLines(folder / "run/metrics.jsonl").back()["validation_loss"];
  const std::unique_ptr<Model> model = LoadTrainedModel(folder / "run");
  const std::vector<int32_t> tokens(text.begin(), text.end());  // bytes
  const TextScore score = ScoreTokens(*model, tokens, 16, {});
  BOOST_TEST(score.num_tokens == static_cast<int64_t>(tokens.size()) - 1);
  // Nine digits are written.
  const double loss = score.negative_log_likelihood / static_cast<double>(score.num_tokens);
  BOOST_TEST(std::abs(loss / validation_loss - 1) < 1e-8);
}

BOOST_AUTO_TEST_CASE(a_hugging_face_directory_says_what_the_trainer_says) {
  const Folder folder;
  Train(folder.Config(), {}, folder / "run");
  const std::string directory = folder / "hf";
  const std::unique_ptr<Model> trained = LoadTrainedModel(folder / "run");
  WriteHfModel(*trained, directory);
  const ExportDifference difference = CompareWithFile(*trained, directory);
  BOOST_TEST(difference.num_tokens > 0);
  BOOST_TEST(difference.logit_difference == 0);
  BOOST_TEST(difference.loss_file == difference.loss_trainer);
  const std::unique_ptr<Model> written = LoadModel(directory, {});
  BOOST_REQUIRE(written->tokenizer != nullptr);
  BOOST_TEST((written->tokenizer->data().tokens == trained->tokenizer->data().tokens));
  // Packed trits have one scale a matrix.
  Train(folder.Config(), {"quantizer.granularity=row"}, folder / "rows");
  BOOST_TEST(Contains(
      ErrorText([&] { WriteHfModel(*LoadTrainedModel(folder / "rows"), folder / "hf_rows"); }),
      "expected trits with one scale"));
  BOOST_TEST(!std::filesystem::exists(folder / "hf_rows"));
}

BOOST_AUTO_TEST_CASE(samples_are_kept) {
  const Folder folder;
  const std::vector<std::string> overrides = {"train.sample_every=2", "train.sample_prompt=the ",
                                              "train.steps=4"};
  Train(folder.Config(), overrides, folder / "run");
  const std::vector<nlohmann::json> lines = JsonLines(folder / "run/samples.jsonl");
  BOOST_TEST_REQUIRE(lines.size() == 2);
  BOOST_TEST(lines[0]["step"] == 2);
  BOOST_TEST(lines[1]["step"] == 4);
  BOOST_TEST(lines[1]["prompt"] == "the ");
  BOOST_TEST(lines[1]["text"].get<std::string>() != "");
  const auto too_long = [&] {
    Train(folder.Config(), {"train.sample_every=1", "train.sample_prompt=the fox and the red hen"},
          folder / "long");
  };
  BOOST_TEST(Contains(ErrorText(too_long), "train.sample_prompt: longer than a row"));
}

}  // namespace
}  // namespace trit
