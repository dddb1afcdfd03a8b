// `trit quantize` as its users meet it.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"

namespace trit {
namespace {

using nlohmann::json;
using Arguments = std::vector<std::string>;

ProgramResult Trit(const Arguments& arguments) { return RunProgram(TRIT_PROGRAM, arguments); }

// A run in full precision, and a text of its kind.
struct Folder : TemporaryFolder {
  Folder() {
    WriteBytes(*this / "text.txt", TinyText(1200));
    WriteBytes(*this / "heard.txt", TinyText(150));
    run = *this / "run";
    Train(TinyRunConfig(*this), {"quantizer.weights=none", "quantizer.activations=none"}, run);
  }
  ProgramResult Quantize(Arguments more) const {
    Arguments arguments = {"quantize", run, *this / "out.gguf"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Trit(arguments);
  }

  std::string run;
};

json Object(const ProgramResult& result) {
  BOOST_TEST_REQUIRE(result.exit_code == 0, result.err);
  return json::parse(result.out);
}

BOOST_AUTO_TEST_CASE(figures_are_those_of_the_files) {
  const Folder folder;
  const json result =
      Object(folder.Quantize({"--weights", "int4", "--granularity", "32", "--activations", "none",
                              "--embeddings", "f16", "--data", folder / "heard.txt", "--json"}));
  BOOST_TEST(result["quantizer"] == "int4, activations none, granularity 32, scale mse");
  BOOST_TEST(result["matrices"].size() == 15u);
  for (const json& matrix : result["matrices"]) {
    const bool linear = matrix["name"] != "embed_tokens";
    BOOST_TEST(matrix["type"] == (linear ? "q4_0" : "f16"));
    BOOST_TEST((matrix["error"] > 0));
  }
  BOOST_TEST(result["matrices_bits_per_weight"] == 4.5);
  const json& text = result["text"];
  const auto perplexity = [&](const std::string& model) {
    return Object(Trit({"perplexity", "-m", model, "-f", folder / "heard.txt", "--json"}));
  };
  const json before = perplexity(folder.run);
  const json after = perplexity(folder / "out.gguf");
  BOOST_TEST(text["tokens"] == before["tokens"]);
  BOOST_TEST(text["context_length"] == before["context_length"]);
  BOOST_TEST(text["nll_per_token_before"] == before["nll_per_token"]);
  BOOST_TEST(text["nll_per_token_after"] == after["nll_per_token"]);
  BOOST_TEST(text["nll_per_token_after"] != before["nll_per_token"]);
  BOOST_TEST(text["layer_output_errors"].size() == 2u);
  for (const json& error : text["layer_output_errors"]) BOOST_TEST((error > 0 && error < 0.5));

  // More bits, smaller errors.
  const json exact =
      Object(folder.Quantize({"--weights", "int8", "--granularity", "row", "--activations", "none",
                              "--data", folder / "heard.txt", "--json"}));
  BOOST_TEST((exact["text"]["layer_output_errors"][1] < text["layer_output_errors"][1]));
  BOOST_TEST((exact["matrices_error"] < 0.1 * result["matrices_error"].get<double>()));
}

BOOST_AUTO_TEST_CASE(static_activations_are_calibrated_on_a_text) {
  const Folder folder;
  const auto loss = [&](Arguments more) {
    more.insert(more.end(), {"--weights", "int8", "--granularity", "row", "--data",
                             folder / "heard.txt", "--json"});
    return Object(folder.Quantize(more))["text"]["nll_per_token_after"].get<double>();
  };
  const double per_token = loss({});
  const double ranges = loss({"--activations", "int8_static", "--calibrate", folder / "text.txt"});
  const double clipped =
      loss({"--activations", "int8_static", "--calibrate", folder / "text.txt",
            "--activation-range", "percentile", "--activation-percentile", "60"});
  BOOST_TEST(std::abs(ranges - per_token) < 0.02);
  BOOST_TEST(ranges != per_token);
  BOOST_TEST(std::abs(clipped - per_token) > 2 * std::abs(ranges - per_token));
}

BOOST_AUTO_TEST_CASE(prints_a_table) {
  const Folder folder;
  const ProgramResult result = folder.Quantize(
      {"--weights", "int4", "--scale", "percentile", "--percentile", "99", "--activations", "none",
       "--rule", "*.down_proj=int8", "--data", folder / "heard.txt", "--ctx", "16"});
  BOOST_TEST_REQUIRE(result.exit_code == 0, result.err);
  BOOST_TEST(result.err == "");
  for (const char* part :
       {"out.gguf: int4, activations none, scale percentile, percentile 99.0 + rules", "part ",
        "layers.0 ", "int4, int8", "q4_0, q8_0", "worst matrix", "all layers", "norms ",
        "perplexity: ", "in windows of 16"}) {
    BOOST_TEST(Contains(result.out, part), part << "\n" << result.out);
  }
}

BOOST_AUTO_TEST_CASE(mistakes) {
  const Folder folder;
  WriteBytes(folder / "quantizer.toml", "[quantizer]\nweights = \"int4\"\nscale = \"absmean\"\n");
  WriteBytes(folder / "none.toml", "[quantizer]\nweights = \"none\"\n");
  struct Case {
    Arguments arguments;
    std::vector<const char*> parts;
  };
  const Case cases[] = {
      {{}, {"--weights: missing"}},
      {{"--weights", "int5"}, {"--weights: unknown weight quantizer", "\"int4\""}},
      {{"--weights", "int4", "--granularity", "col"}, {"--granularity: not one of the choices"}},
      {{"--weights", "int4", "--granularity", "48"}, {"--granularity", "a divisor of 32"}},
      {{"--weights", "int4", "--granularity", "16"}, {"no type of GGUF files has such weights"}},
      {{"--weights", "int4", "--scale", "absmean"}, {"--scale: no such rule"}},
      {{"--weights", "int4", "--scale", "learned"}, {"--scale", "need training"}},
      {{"--weights", "int4", "--percentile", "99"}, {"--percentile: has no meaning"}},
      {{"--weights", "int4", "--scale", "percentile", "--percentile", "5"},
       {"--percentile: value out of range"}},
      {{"--weights", "ternary", "--asymmetric"}, {"--asymmetric: ternary weights have no offset"}},
      {{"--weights", "int4", "--rule", "x"}, {"--rule: not a rule"}},
      {{"--weights", "int4", "--rule", "embed_tokens=int2"}, {"--rule", "embed_tokens", "int8"}},
      {{"--weights", "int4", "--rule", "embed_tokens=int8", "--embeddings", "f16"},
       {"--embeddings: model.embed_tokens.weight: given together with a rule"}},
      {{"--weights", "int4", "--activations", "int7"}, {"--activations: not one of the choices"}},
      {{"--weights", "int8", "--activations", "int8_static"}, {"--calibrate: missing"}},
      {{"--weights", "int8", "--calibrate", folder / "text.txt"}, {"--calibrate: has no meaning"}},
      {{"--weights", "int8", "--activations", "int8_static", "--activation-range", "max"},
       {"--activation-range"}},
      {{"--config", folder / "quantizer.toml"}, {"quantizer.scale: no such rule"}},
      {{"--config", folder / "none.toml"}, {"nothing to round"}},
      {{"--config", folder / "absent.toml"}, {"absent.toml: cannot open"}},
      {{"--weights", "int4", "--data", folder / "absent.txt"}, {"absent.txt: cannot open"}},
      {{"--weights", "int4", "--data", folder / "heard.txt", "--ctx", "17"},
       {"--ctx: out of range", "2 to 16"}},
  };
  for (const Case& c : cases) {
    const ProgramResult result = folder.Quantize(c.arguments);
    BOOST_TEST_INFO_SCOPE(result.err);
    const bool absent = Contains(result.err, "cannot open");
    BOOST_TEST(result.exit_code == (absent ? 1 : 2));
    BOOST_TEST(result.err.starts_with("trit quantize: "));
    BOOST_TEST(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    for (const char* part : c.parts) BOOST_TEST(Contains(result.err, part));
    BOOST_TEST(!std::filesystem::exists(folder / "out.gguf"));
  }
  const auto text = [](const Arguments& arguments) {
    const ProgramResult result = Trit(arguments);
    BOOST_TEST(result.exit_code != 0);
    return result.err;
  };
  BOOST_TEST(Contains(text({"quantize", folder / "absent", folder / "out.gguf", "--weights=int4"}),
                      "absent"));
  BOOST_TEST(Contains(text({"quantize", folder.run, folder / "out", "--weights", "int4"}),
                      "a name that ends in .gguf"));
  BOOST_TEST_REQUIRE(folder.Quantize({"--weights", "int4"}).exit_code == 0);
  BOOST_TEST(
      Contains(text({"quantize", folder / "out.gguf", folder / "other.gguf", "--weights", "int4"}),
               "quantized already"));
  BOOST_TEST(
      Contains(text({"quantize", folder / "out.gguf", folder / "out.gguf", "--weights", "int4"}),
               "the file to write is the one to read"));
}

}  // namespace
}  // namespace trit
