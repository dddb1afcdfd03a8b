// Comparisons: configs, the figures of a tiny one against what they should be, the page against the
// figures, and going on after being stopped.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/support/error_text.h"
#include "tests/support/tiny_comparison.h"
#include "training/checkpoint.h"
#include "training/checkpoint_config.h"
#include "training/compare/comparison.h"
#include "training/compare/comparison_table.h"
#include "training/compare/histogram.h"
#include "training/report/html_page.h"

namespace trit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Folder : TemporaryFolder {
  Folder() {
    SetNumThreads(1);  // more only wait for each other in a model this small
    WriteBytes(*this / "text.txt", TinyText(1200));
    config = ParseComparisonConfig(TinyComparisonConfig(*this), "tiny.toml", {});
  }
  ComparisonConfig config;
};

std::optional<ComparisonResult> Compare(const Folder& folder, const std::string& name,
                                        std::function<bool()> stop = {}) {
  std::ostringstream progress;
  return RunComparison(folder.config, {.directory = folder / name,
                                       .program = "trit test",
                                       .progress = &progress,
                                       .progress_width = [] { return 0; },
                                       .stop_requested = std::move(stop)});
}

const json& RowNamed(const json& comparison, const std::string& name) {
  for (const json& row : comparison["rows"]) {
    if (row["name"] == name) return row;
  }
  throw std::runtime_error("no row " + name);
}

BOOST_AUTO_TEST_CASE(the_example_of_the_help_is_a_config) {
  const ComparisonConfig config = ParseComparisonConfig(ComparisonExample(), "example", {});
  BOOST_TEST(config.seeds == std::vector<int64_t>({1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(config.methods.size() == 3u);
  const TrainingConfig int4 = MethodTrainingConfig(config, config.methods[0], {});
  BOOST_TEST(int4.quantizer.standard.weights == "int4");
  BOOST_TEST(int4.quantizer.standard.scale == "mse");
  BOOST_TEST(int4.quantizer.standard.activations == "none");
  BOOST_TEST((int4.quantizer.standard.granularity == ScaleKind::kRow));
  BOOST_TEST(int4.train.steps == 2000);
  BOOST_TEST(config.methods[2].continued_steps == 500);
  BOOST_TEST(FullPrecisionTrainingConfig(config, {}).quantizer.standard.weights == "none");
}

BOOST_AUTO_TEST_CASE(quantizers_of_the_config_hold_for_methods_but_not_for_the_baseline) {
  const std::string toml =
      "[quantizer]\nactivations = \"none\"\ngranularity = \"row\"\n"
      "[[quantizer.rule]]\nmatch = \"layers.0.*\"\nweights = \"none\"\n"
      "[[method]]\nname = \"a\"\nhow = \"aware\"\ngranularity = \"tensor\"\n";
  const std::vector<std::string> set = {"train.steps=7", "quantizer.weights=int8"};
  const ComparisonConfig config = ParseComparisonConfig(toml, "c.toml", set);
  const TrainingConfig method = MethodTrainingConfig(config, config.methods[0], {});
  BOOST_TEST(method.quantizer.standard.weights == "int8");
  BOOST_TEST(method.quantizer.standard.activations == "none");
  BOOST_TEST((method.quantizer.standard.granularity == ScaleKind::kTensor));
  BOOST_TEST(method.quantizer.rules.size() == 1u);
  const TrainingConfig baseline = FullPrecisionTrainingConfig(config, {});
  BOOST_TEST(baseline.quantizer.standard.weights == "none");
  BOOST_TEST(baseline.quantizer.rules.size() == 0u);
  BOOST_TEST(baseline.train.steps == 7);
}

BOOST_AUTO_TEST_CASE(mistakes_in_configs) {
  const std::string method = "[[method]]\nname = \"a\"\nhow = \"aware\"\n";
  const auto refused = [](const std::string& toml, const std::vector<std::string>& parts) {
    const std::string text = ErrorText([&] { ParseComparisonConfig(toml, "c.toml", {}); });
    BOOST_TEST(text.starts_with("usage: c.toml"), text);
    for (const std::string& part : parts) BOOST_TEST(Contains(text, part), text);
  };
  refused("", {"nothing to compare", "[[method]]"});
  refused("[compare]\nseed = [1]\n" + method, {"c.toml:2", "compare.seed", "compare.seeds?"});
  refused("[compare]\nseeds = [1, 1]\n" + method, {"c.toml:2", "given twice"});
  refused("[compare]\nseeds = []\n" + method, {"c.toml:2", "1 to 100"});
  refused("[compare]\nembeddings = \"int4\"\n" + method, {"c.toml:2", "\"q6_k\""});
  refused("[compare]\nconfig = \"x.toml\"\n[train]\nsteps = 5\n" + method,
          {"c.toml:3", "together with compare.config"});
  refused("[trian]\nsteps = 5\n" + method, {"c.toml:1", "trian", "did you mean train?"});
  refused("[train]\nstepz = 5\n" + method, {"c.toml:2", "train.stepz", "train.steps?"});
  refused(method + "wieghts = \"int4\"\n", {"c.toml:4", "method.wieghts", "method.weights?"});
  refused(method + "weights = \"int5\"\n", {"c.toml:4", "method.weights"});
  refused(method + "rule = [{match = \"a\", weight = \"int4\"}]\n", {"c.toml:4", "rule.weight"});
  refused(method + method, {"c.toml:5", "given twice"});
  refused("[[method]]\nhow = \"aware\"\n", {"c.toml:1", "method.name: missing"});
  refused("[[method]]\nname = \"a\"\n", {"c.toml:1", "method.how: missing"});
  refused("[[method]]\nname = \"full precision\"\n", {"c.toml:2", "method.name"});
  refused("[[method]]\nname = \"a\"\nhow = \"gptq\"\n", {"c.toml:3", "\"aware\" or \"nearest\""});
  refused(method + "steps = 5\n", {"c.toml:4", "method.steps", "full_precision"});
  refused(method + "start = \"full_precision\"\n", {"method.steps: missing"});
  refused("[[method]]\nname = \"a\"\nhow = \"nearest\"\nstart = \"scratch\"\n",
          {"c.toml:4", "method.start"});
  refused("[[method]]\nname = \"a\"\nhow = \"nearest\"\nweights = \"int4\"\nscale = \"learned\"\n",
          {"c.toml:5", "method.scale", "need training"});
  refused("method = 5\n", {"c.toml:1", "wrong type"});
  // What takes a training run to find out is asked first.
  refused(method + "weights = \"int4\"\ngranularity = 7\n",
          {"c.toml:5", "method.granularity: model.layers.0", "a divisor of", "found 7"});
  refused("[data]\nvalidation_fraction = 0\n" + method, {"no validation data"});
  refused(
      "[compare]\nembeddings = \"q6_k\"\n[model]\nhidden_size = 128\nnum_attention_heads = 2\n" +
          method,
      {"compare.embeddings", "a multiple of 256, found 128"});
}

BOOST_AUTO_TEST_CASE(histograms) {
  Histogram histogram(65);  // bins of width 2 around -64, -62 ... 64
  const float values[] = {0, 0.9f, -0.9f, 1.1f, -64, -1000, 64, 1000};
  histogram.Add(values);
  const std::vector<double> shares = histogram.Shares();
  BOOST_TEST(shares.size() == Histogram::kBins);
  BOOST_TEST(shares[32] == 3.0 / 8);
  BOOST_TEST(shares[33] == 1.0 / 8);
  BOOST_TEST(shares.front() == 2.0 / 8);
  BOOST_TEST(shares.back() == 2.0 / 8);
  const float three[] = {3, -3, 3};
  BOOST_TEST(HistogramLimit(three) == 12);
  BOOST_TEST(HistogramLimit({}) == 1);
}

// The relative error of rounding a matrix of a checkpoint to trits, by the formulas of ternarize.h.
double TernaryError(const std::string& checkpoint) {
  const CheckpointModel saved = ReadCheckpointConfig(checkpoint + "/config.json");
  const WeightTable table(saved.model);
  Parameters parameters(table);
  LoadWeights(checkpoint, parameters);
  const std::span<const float> w = parameters.Values(table.Layer(0).q_proj);
  double sum = 0;
  for (const float value : w) sum += std::abs(value);
  const double scale = std::max(sum / static_cast<double>(w.size()), 1e-5);
  double difference = 0;
  double norm = 0;
  for (const float value : w) {
    const double trit = std::clamp(std::nearbyint(value / scale), -1.0, 1.0);
    difference += (trit * scale - value) * (trit * scale - value);
    norm += static_cast<double>(value) * value;
  }
  return std::sqrt(difference / norm);
}

// A comparison that nothing happens to.
const Folder& Whole() {
  static const Folder folder;
  if (!fs::exists(folder.path() / "whole")) BOOST_REQUIRE(Compare(folder, "whole").has_value());
  return folder;
}

BOOST_AUTO_TEST_CASE(a_comparison_measures_the_files_it_writes) {
  const Folder& folder = Whole();
  const std::string out = folder / "whole";
  const json comparison = json::parse(ReadBytes(out + "/comparison.json"));
  BOOST_TEST(comparison["rows"].size() == 5u);

  // The file of a seed, scored as trit perplexity would: validation text is the last tenth.
  const std::string text = ReadBytes(folder / "text.txt");
  const json& aware = RowNamed(comparison, "ternary aware");
  BOOST_TEST(aware["format"] == "i2_s");
  for (const json& seed : aware["seeds"]) {
    const std::string file = out + "/models/" + seed["model"].get<std::string>() + ".gguf";
    const std::unique_ptr<Model> model = LoadModel(file, {});
    const size_t held_back = text.size() / 10;
    std::vector<int32_t> tokens =
        model->tokenizer->Encode(text.substr(text.size() - held_back), false);
    tokens.resize(7 * 16 + 1);  // rows of 16 tokens that predict 100
    const TextScore score = ScoreTokens(*model, tokens, 16, {});
    const double loss = seed["figures"]["validation_loss"];
    BOOST_TEST(loss == score.negative_log_likelihood / 112, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(seed["figures"]["trainer_difference"] == 0);  // an exact export
    BOOST_TEST(seed["figures"]["bytes"] == static_cast<double>(fs::file_size(file)));
    // A byte a token: what the run itself wrote as it ended, to 9 digits.
    const std::string run = out + "/runs/" + seed["run"].get<std::string>();
    BOOST_TEST(JsonLines(run + "/metrics.jsonl").back()["validation_loss"].get<double>() == loss,
               boost::test_tools::tolerance(1e-8));
    BOOST_TEST(seed["figures"]["bits_per_byte"].get<double>() == loss / std::log(2.0),
               boost::test_tools::tolerance(1e-12));
  }
  const auto loss = [&](const std::string& row, size_t seed) {
    return RowNamed(comparison, row)["seeds"][seed]["figures"]["validation_loss"].get<double>();
  };
  const double ratio = aware["seeds"][1]["figures"]["perplexity_ratio"];
  BOOST_TEST(ratio == std::exp(loss("ternary aware", 1) - loss("full precision", 1)),
             boost::test_tools::tolerance(1e-12));
  const json& continued = RowNamed(comparison, "int4 continued");
  BOOST_TEST(continued["reference"] == "full precision, 3 more steps");
  BOOST_TEST(continued["seeds"][0]["figures"]["perplexity_ratio"].get<double>() ==
                 std::exp(loss("int4 continued", 0) - loss("full precision, 3 more steps", 0)),
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(continued["mean"]["training_tokens"] == 9 * 32);  // 6 steps and 3, of 32 tokens
  // Mean and spread of two values.
  const double a = loss("ternary nearest", 0);
  const double b = loss("ternary nearest", 1);
  const json& nearest = RowNamed(comparison, "ternary nearest");
  BOOST_TEST(nearest["mean"]["validation_loss"].get<double>() == (a + b) / 2,
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(nearest["spread"]["validation_loss"].get<double>() == std::abs(a - b) / std::sqrt(2.0),
             boost::test_tools::tolerance(1e-9));

  // What rounding does to the full-precision weights.
  const json& profile = nearest["seeds"][0]["measurement"]["profile"];
  BOOST_TEST(profile["matrices"][0] == "layers.0.self_attn.q_proj");
  BOOST_TEST(profile["weight_errors"][0].get<double>() ==
                 TernaryError(out + "/runs/full-precision-seed-3/checkpoints/step-000006"),
             boost::test_tools::tolerance(1e-6));  // the scale is rounded to a float
  BOOST_TEST(profile["layer_errors"].size() == 2u);
  const json& shown = profile["weights"][0];
  const std::vector<double> after = shown["after"];
  BOOST_TEST(std::count_if(after.begin(), after.end(), [](double share) { return share > 0; }) ==
             3);  // -s, 0 and s
  BOOST_TEST(std::accumulate(after.begin(), after.end(), 0.0) == 1.0,
             boost::test_tools::tolerance(1e-12));
  for (const double error : RowNamed(
           comparison, "full precision")["seeds"][0]["measurement"]["profile"]["layer_errors"]) {
    BOOST_TEST(error == 0);
  }
  BOOST_TEST(!nearest["seeds"][1]["measurement"].contains("profile"));
}

BOOST_AUTO_TEST_CASE(page_and_table_have_the_figures_of_the_json) {
  const std::string out = Whole() / "whole";
  const json comparison = json::parse(ReadBytes(out + "/comparison.json"));
  const std::string page = ReadBytes(out + "/comparison.html");
  const std::string table = ReadBytes(out + "/comparison.md");
  for (const json& row : comparison["rows"]) {
    const std::string name = row["name"];
    std::string cells;  // of both tables of the page, in the order of the figures
    for (size_t at = 0; (at = page.find("<tr><td>" + name + "</td>", at)) != std::string::npos;
         ++at) {
      cells += page.substr(at, page.find("</tr>", at) - at);
    }
    size_t found = 0;
    for (const Figure& figure : ComparisonFigures()) {
      if (!row["mean"].contains(figure.key)) continue;
      std::string text = figure.text(row["mean"][figure.key].get<double>());
      const double spread = row["spread"].value(figure.key, 0.0);
      if (spread > 0) text += " ± " + figure.text(spread);
      const std::string cell = "<td class=\"number\">" + text + "</td>";
      BOOST_TEST(Contains(cells, cell), name << ": " << figure.key << " " << text);
      BOOST_TEST(Contains(table, "| " + text + " |"));
      ++found;
    }
    BOOST_TEST(found == 11u);  // all but the questions' two
  }
  for (const char* part : {"http:", "https:", "<link", "@import"}) {
    BOOST_TEST(!Contains(page, part));  // nothing is loaded from elsewhere
  }
}

BOOST_AUTO_TEST_CASE(stopped_anywhere_it_goes_on_to_the_same_figures) {
  const Folder& folder = Whole();
  int stops = 0;
  // The question is asked before each of the 18 steps, done or not, and in training. Whoever began
  // anew each time would never come further than it may be asked.
  int left = 20;
  while (!Compare(folder, "parts", [&left] { return --left <= 0; })) {
    ++stops;
    BOOST_TEST_REQUIRE(stops < 100);
    left = 20;
  }
  BOOST_TEST(stops > 1);
  BOOST_TEST((TimelessComparison(folder / "parts") == TimelessComparison(folder / "whole")));
}

// What RunComparison says of a directory when the config is another, or what it reads.
std::string ErrorWith(const Folder& folder, const std::vector<std::string>& set,
                      const std::string& directory) {
  const ComparisonConfig other =
      ParseComparisonConfig(TinyComparisonConfig(folder), "tiny.toml", set);
  std::ostringstream progress;
  return ErrorText([&] {
    RunComparison(other, {.directory = directory,
                          .program = "trit test",
                          .progress = &progress,
                          .progress_width = [] { return 0; },
                          .stop_requested = {}});
  });
}

BOOST_AUTO_TEST_CASE(a_directory_of_another_comparison_is_refused) {
  const std::string out = Whole() / "whole";
  BOOST_TEST(Contains(ErrorWith(Whole(), {"train.steps=7"}, out),
                      "train-full-precision-seed-3.json: this step was done with another"));
  BOOST_TEST(Contains(ErrorWith(Whole(), {"data.tokenizer=train:300"}, out),
                      "inputs.json: this step was done with another"));
  BOOST_TEST(Contains(ErrorWith(Whole(), {"data.chat_template=chatml"}, out), "inputs.json"));
}

BOOST_AUTO_TEST_CASE(what_was_begun_is_not_gone_on_with_in_another_way) {
  const Folder folder;
  int left = 3;  // into the first run
  BOOST_TEST(!Compare(folder, "out", [&left] { return --left <= 0; }).has_value());
  BOOST_TEST(Contains(ErrorWith(folder, {"schedule.learning_rate=0.01"}, folder / "out"),
                      "begin-full-precision-seed-3.json: this step was done with another"));
  WriteBytes(folder / "text.txt", TinyText(1201));
  BOOST_TEST(Contains(ErrorWith(folder, {}, folder / "out"), "inputs.json"));
}

// Losses are of what the assistant says, and every file is asked the questions.
BOOST_AUTO_TEST_CASE(conversations_are_compared_too) {
  const TemporaryFolder folder;
  SetNumThreads(1);
  const auto chat = [](const std::string& question, const std::string& answer) {
    return json{{"messages",
                 {{{"role", "user"}, {"content", question}},
                  {{"role", "assistant"}, {"content", answer}}}}}
               .dump() +
           "\n";
  };
  std::string chats;
  for (int i = 0; i < 8; ++i) chats += chat("a", "xy") + chat("b", "zw");
  WriteBytes(folder / "chats.jsonl", chats);
  WriteBytes(folder / "asked.jsonl", chat("a", "xy") + chat("b", "zwz"));
  const ComparisonConfig config = ParseComparisonConfig(
      TinyRunConfig(folder) +
          "[[method]]\nname = \"int8 nearest\"\nhow = \"nearest\"\nweights = \"int8\"\n"
          "[[method]]\nname = \"binary nearest\"\nhow = \"nearest\"\nweights = \"binary\"\n",
      "chats.toml",
      std::vector<std::string>{
          "data.train=" + (folder / "chats.jsonl"), "data.chat_template=chatml",
          "data.sequence_length=64", "data.tokenizer=train:280", "data.validation_fraction=0.25",
          "train.steps=120", "train.eval_every=60", "schedule.learning_rate=0.01",
          "evaluation.exact_match=" + (folder / "asked.jsonl")});
  std::ostringstream progress;
  const std::string out = folder / "out";
  BOOST_REQUIRE(RunComparison(config, {.directory = out,
                                       .program = "trit test",
                                       .progress = &progress,
                                       .progress_width = [] { return 0; },
                                       .stop_requested = {}}));
  const json comparison = json::parse(ReadBytes(out + "/comparison.json"));
  const auto figure = [&](const std::string& row, const char* name) {
    return RowNamed(comparison, row)["seeds"][0]["figures"][name].get<double>();
  };
  BOOST_TEST(figure("full precision", "exact_match") == 0.5);  // what was learned, of two
  BOOST_TEST(figure("int8 nearest", "exact_match") == 0.5);
  BOOST_TEST(figure("int8 nearest", "perplexity_ratio") == 1, boost::test_tools::tolerance(0.02));
  BOOST_TEST(figure("binary nearest", "validation_loss") >
             figure("full precision", "validation_loss"));
  // The template goes with the file.
  const std::string file = RowNamed(comparison, "int8 nearest")["seeds"][0]["model"];
  BOOST_TEST(
      Contains(LoadModel(out + "/models/" + file + ".gguf", {})->chat_template, "<|im_start|>"));
}

BOOST_AUTO_TEST_CASE(an_estimate_names_all_steps_and_writes_nothing) {
  const Folder folder;
  const std::vector<EstimatedStep> steps = EstimateComparison(folder.config, folder / "out");
  BOOST_TEST(steps.size() == 2u * (4 + 5));  // a seed: runs and models
  BOOST_TEST(steps[0].what == "train full precision, seed 3");
  for (const EstimatedStep& step : steps) {
    BOOST_TEST(!step.is_done);
    BOOST_TEST(step.seconds > 0);
  }
  BOOST_TEST(!fs::exists(folder.path() / "out"));
}

}  // namespace
}  // namespace trit
