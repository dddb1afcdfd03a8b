// trit quantize: a model in full precision, rounded to few bits after training.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tensors/tensor_type.h"
#include "tools/command.h"
#include "tools/command_input.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/status_line.h"
#include "training/config/config_values.h"
#include "training/config/quantizer_text.h"
#include "training/evaluation/scored_text.h"
#include "training/layer_outputs.h"
#include "training/quantizers/activation_choice.h"
#include "training/quantizers/calibrate_activations.h"
#include "training/rounding/quantization_report.h"
#include "training/rounding/quantize_model.h"
#include "training/rounding/rounding_config.h"

namespace trit {
namespace {

constexpr const char* kExact = "exact";
constexpr int64_t kComparedTokens = 512;  // of the text, read by both models layer by layer

// The options that are keys of [quantizer].
struct QuantizerFlags {
  std::optional<std::string> config, weights, granularity, scale, percentile;
  std::optional<std::string> activations, activation_range, activation_percentile;
  bool asymmetric = false;
  std::vector<std::string> rules;

  void Declare(Options& options);
  // Throws UsageError, naming options.
  QuantizationConfig Read() const;
};

void QuantizerFlags::Declare(Options& options) {
  options.Group("Quantizers");
  options.Text("weights", "WIDTH", weights, "ternary, binary, int2, int3, int4 or int8");
  options.Text("granularity", "SHARED", granularity,
               "weights that share a scale: tensor (default), row, or a number of columns");
  options.Text("scale", "RULE", scale,
               "what sets scales: absmean (ternary, binary), minmax, percentile or mse; default: "
               "absmean for ternary and binary, mse for int2 to int4, minmax for int8");
  options.Text("percentile", "P", percentile,
               "with --scale percentile: how many percent of the weights are not clipped (99.9)");
  options.Flag("asymmetric", asymmetric, "an offset beside every scale");
  options.Text("activations", "KIND", activations,
               "inputs of the matrices: int8 (default) or int4, per token; int8_static, with one "
               "range a matrix, from --calibrate; or none");
  options.Text("activation-range", "RULE", activation_range,
               "what sets the range of int8_static: minmax, percentile or mse (default)");
  options.Text(
      "activation-percentile", "P", activation_percentile,
      "with --activation-range percentile: how many percent of the inputs are not clipped");
  options.TextList("rule", "PATTERN=WIDTH", rules,
                   "other quantizers for matrices whose names match, such as '*.down_proj=int8' or "
                   "'layers.0.*=int8,granularity=row'; WIDTH may be none (full precision); "
                   "embed_tokens and lm_head are rounded by rules only, to int8 or int4; may be "
                   "repeated, the first that matches wins");
  options.Text("config", "FILE", config,
               "TOML file whose [quantizer] and [[quantizer.rule]] hold where options do not say "
               "otherwise: a training config's");
}

// A key of the config as the option that sets it.
[[noreturn]] void ThrowAsOption(const UsageError& error, bool has_config) {
  ErrorInfo info = error.info();
  const std::string prefix = "quantizer.";
  const bool from_options = info.file == kOverrideSource || !has_config;
  if (!from_options || !info.key.starts_with(prefix)) throw error;
  if (info.file == kOverrideSource) info.file.clear();
  std::string name = info.key.substr(prefix.size());
  if (name.starts_with("rule")) name = "rule";
  if (name == "symmetric") name = "asymmetric";
  std::replace(name.begin(), name.end(), '_', '-');
  info.key = "--" + name;
  throw UsageError(std::move(info));
}

QuantizationConfig QuantizerFlags::Read() const {
  if (!weights && !config) {
    throw UsageError(ErrorInfo{.what = "missing",
                               .key = "--weights",
                               .expected = "a width such as int4, or a file with --config"});
  }
  if (percentile && scale != "percentile" && !config) {
    throw UsageError(
        ErrorInfo{.what = "has no meaning without --scale percentile", .key = "--percentile"});
  }
  std::vector<std::string> overrides;
  const auto add = [&](const char* key, const std::optional<std::string>& value) {
    if (value) overrides.push_back(fmt::format("quantizer.{}={}", key, *value));
  };
  add("weights", weights);
  add("activations", activations);
  add("activation_range", activation_range);
  add("activation_percentile", activation_percentile);
  add("granularity", granularity);
  add("scale", scale);
  add("percentile", percentile);
  if (asymmetric) overrides.push_back("quantizer.symmetric=false");
  return ReadRoundingConfig(config, overrides, rules);
}

void RequireNewFile(const std::string& source, const std::string& out) {
  std::error_code ignored;  // one that is not there is another
  if (!out.ends_with(".gguf")) {
    throw UsageError(ErrorInfo{.what = "quantized models are written as GGUF files",
                               .file = out,
                               .expected = "a name that ends in .gguf"});
  }
  if (std::filesystem::equivalent(source, out, ignored)) {
    throw UsageError(ErrorInfo{.what = "the file to write is the one to read",
                               .file = out,
                               .hint = "the full-precision model would be gone"});
  }
}

// Rounded by a rule, and then by the file's type again, would be worse than either.
void RequireNoTableRule(const QuantizationConfig& quantizers, const Model& model) {
  for (const WeightInfo& info : model.table.weights()) {
    if (info.IsVector() || info.kind == WeightKind::kLinear) continue;
    const QuantizerChoice* const rule = quantizers.RuleFor(info.name);
    if (rule == nullptr || rule->weights == "none") continue;
    throw UsageError(ErrorInfo{.what = "given together with a rule that rounds them",
                               .key = "--embeddings",
                               .tensor = info.name,
                               .expected = "one of the two"});
  }
}

bool HasStaticActivations(const QuantizationConfig& quantizers, const Model& model) {
  const auto weights = model.table.weights();
  return std::any_of(weights.begin(), weights.end(), [&](const WeightInfo& info) {
    return info.kind == WeightKind::kLinear &&
           ActivationQuantizerOf(quantizers.For(info.name)) == ActivationQuantizer::kInt8Static;
  });
}

// Ranges of static activations; none if there are none.
std::vector<float> Calibrate(const Model& model, const QuantizationConfig& quantizers,
                             const std::optional<std::string>& text) {
  const bool is_static = HasStaticActivations(quantizers, model);
  if (is_static != text.has_value()) {
    throw UsageError(ErrorInfo{
        .what = is_static ? "missing" : "has no meaning without --activations int8_static",
        .key = "--calibrate",
        .expected = is_static ? "a text to find the ranges of int8_static on" : ""});
  }
  if (!is_static) return {};
  return CalibrateActivations(model, ReadScoredText(*text, model), quantizers);
}

// Both models on a text.
struct TextComparison {
  std::string path;
  int64_t context = 0;
  TextScore before, after;
  std::vector<double> layer_errors;

  static double Loss(const TextScore& score) {
    return score.negative_log_likelihood / static_cast<double>(score.num_tokens);
  }
};

TextScore Score(const Model& model, std::span<const int32_t> tokens, int64_t context,
                const char* which) {
  StatusLine status;
  const TextScore score = ScoreTokens(model, tokens, context, [&](const TextScore& so_far) {
    status.Update(fmt::format("{}: {} of {} tokens, perplexity {:.4f}", which, so_far.num_tokens,
                              tokens.size(), std::exp(TextComparison::Loss(so_far))));
  });
  if (!std::isfinite(score.negative_log_likelihood)) {
    throw Error(ErrorInfo{
        .what = fmt::format("the {} model gives no number for the text's likelihood", which)});
  }
  return score;
}

std::vector<double> OutputErrors(const Model& before, const Model& after,
                                 std::span<const int32_t> tokens, int64_t context) {
  const auto count = std::min({kComparedTokens, context, static_cast<int64_t>(tokens.size())});
  LabeledBatch text;
  text.batch.AddSegment(0, 0, tokens.first(static_cast<size_t>(count)));
  text.targets.assign(static_cast<size_t>(count), 0);
  text.weights.assign(static_cast<size_t>(count), 0.0f);  // losses are not asked for
  return LayerErrors(ComputeLayerOutputs(after, text, {}), ComputeLayerOutputs(before, text, {}));
}

std::string Megabytes(int64_t bytes) {
  return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6);
}

std::string Percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::vector<std::string> Row(const ReportedPart& part, const std::string& output_error) {
  const bool rounded = part.error.Value() > 0;
  return {part.name,
          std::to_string(part.num_tensors),
          fmt::format("{}", fmt::join(part.weights, ", ")),
          fmt::format("{}", fmt::join(part.types, ", ")),
          fmt::format("{:.3f}", part.BitsPerWeight()),
          Megabytes(part.bytes_before),
          Megabytes(part.bytes_after),
          rounded ? Percent(part.error.Value()) : "",
          output_error,
          rounded ? fmt::format("{} {}", part.worst, Percent(part.worst_error)) : ""};
}

void PrintReport(const QuantizationReport& report, const TextComparison* text) {
  std::vector<std::vector<std::string>> rows = {{"part", "tensors", "weights", "stored as", "bits",
                                                 "before", "after", "weight error", "output error",
                                                 "worst matrix"}};
  size_t layer = 0;
  for (const ReportedPart& part : report.parts) {
    std::string output_error;
    if (part.name.starts_with("layers.") && text != nullptr) {
      output_error = Percent(text->layer_errors[layer++]);
    }
    rows.push_back(Row(part, output_error));
  }
  ReportedPart layers = report.matrices_total;
  layers.name = "all layers";
  rows.push_back(Row(layers, ""));
  ReportedPart all = report.total;
  all.error = RelativeError();  // says little: most parts are as they were
  rows.push_back(Row(all, ""));
  PrintColumns(rows, {false, true, false, false, true, true, true, true, true, false});
  if (text == nullptr) return;
  const double before = TextComparison::Loss(text->before);
  const double after = TextComparison::Loss(text->after);
  Print(
      fmt::format("\nperplexity: {:.4f} before, {:.4f} after ({:+.2f} %; {:+.4f} nats a token), "
                  "on {} tokens of {} in windows of {}\n",
                  std::exp(before), std::exp(after), 100 * (std::exp(after - before) - 1),
                  after - before, text->before.num_tokens, text->path, text->context));
}

nlohmann::ordered_json TextJson(const TextComparison& text) {
  const double before = TextComparison::Loss(text.before);
  const double after = TextComparison::Loss(text.after);
  return {{"file", text.path},
          {"tokens", text.before.num_tokens},
          {"context_length", text.context},
          {"nll_per_token_before", before},
          {"nll_per_token_after", after},
          {"perplexity_before", std::exp(before)},
          {"perplexity_after", std::exp(after)},
          {"layer_output_errors", text.layer_errors}};
}

void PrintObject(const std::string& source, const std::string& out, const std::string& quantizers,
                 const QuantizationReport& report, const TextComparison* text) {
  nlohmann::ordered_json json = {
      {"model", source},
      {"file", out},
      {"quantizer", quantizers},
      {"bytes_before", report.total.bytes_before},
      {"bytes_after", report.total.bytes_after},
      {"bits_per_weight", report.total.BitsPerWeight()},
      {"matrices_bits_per_weight", report.matrices_total.BitsPerWeight()},
      {"matrices_error", report.matrices_total.error.Value()}};
  json["matrices"] = nlohmann::ordered_json::array();
  for (const ReportedMatrix& matrix : report.matrices) {
    json["matrices"].push_back({{"name", matrix.name},
                                {"weights", matrix.weights},
                                {"type", matrix.type},
                                {"num_weights", matrix.num_weights},
                                {"bytes_before", matrix.bytes_before},
                                {"bytes_after", matrix.bytes_after},
                                {"error", matrix.error.Value()}});
  }
  if (text != nullptr) json["text"] = TextJson(*text);
  PrintJson(json);
}

}  // namespace

void RunQuantize(const Command& command, std::span<const std::string> arguments) {
  ModelSource source;
  std::string out;
  QuantizerFlags flags;
  std::optional<std::string> calibrate, data;
  ScoringWindow window;
  std::string embeddings = kExact;
  bool json = false;
  Options options(command,
                  "trit quantize runs/first model.gguf --weights int4 --granularity 64 "
                  "--data text.txt");
  options.Group("Input");
  options.RequiredArgument("MODEL", source.path,
                           "training run, checkpoint, Hugging Face directory, or GGUF file of "
                           "floats (f32, f16, bf16)");
  options.RequiredArgument("OUT.gguf", out, "file to write");
  options.Text("tokenizer", "FILE", source.tokenizer, "tokenizer to take instead of the model's");
  flags.Declare(options);
  options.Text("calibrate", "FILE", calibrate,
               "text, .jsonl or .bin that the ranges of int8_static are found on");
  options.Group("Output");
  options.Choice("embeddings", embeddings, {kExact, "f32", "f16", "bf16", "q8_0", "q6_k"},
                 "type of embeddings and head; exact: what the model, or a rule, has them in");
  options.Text("data", "FILE", data,
               "text, .jsonl or .bin to read with the model before and after: perplexity, and the "
               "error of each layer's output");
  window.Declare(options);
  options.Flag("json", json, "print an object, with every matrix");
  if (!options.Parse(arguments)) return;

  RequireNewFile(source.path, out);
  QuantizationConfig quantizers;
  std::unique_ptr<Model> before;
  std::vector<int32_t> tokens;
  try {
    quantizers = flags.Read();
    before = LoadModelFor(source);
    RequireFullPrecision(*before, source.path);
    if (data) tokens = ReadScoredText(*data, *before);
    if (data) window.For(*before);  // before any work
    if (embeddings != kExact && embeddings != "f32") RequireNoTableRule(quantizers, *before);
    const std::vector<float> ranges = Calibrate(*before, quantizers, calibrate);
    StatusLine status;
    const Model rounded = QuantizeModel(
        *before, quantizers, ranges, RoundToNearest,
        [&](const WeightInfo& info) { status.Update("rounding " + ShortWeightName(info.name)); });
    WriteGgufModel(
        rounded, out,
        {.linear_type = std::nullopt,
         .embedding_type =
             embeddings == kExact ? std::nullopt : std::optional(FindTensorType(embeddings)->type),
         .round_scales = true,
         .provenance = {{"general.source.url", source.path}}});
  } catch (const UsageError& error) {
    ThrowAsOption(error, flags.config.has_value());
  }
  const std::unique_ptr<Model> after = LoadModel(out, {});
  const QuantizationReport report = ReportQuantization(*before, *after, quantizers, out);
  std::optional<TextComparison> text;
  if (data) {
    const int64_t context = window.For(*before);
    text = TextComparison{.path = *data,
                          .context = context,
                          .before = Score(*before, tokens, context, "full-precision"),
                          .after = Score(*after, tokens, context, "quantized"),
                          .layer_errors = OutputErrors(*before, *after, tokens, context)};
  }
  const TextComparison* const shown_text = text ? &*text : nullptr;
  const std::string shown = QuantizerText(quantizers);
  if (json) {
    PrintObject(source.path, out, shown, report, shown_text);
    return;
  }
  Print(fmt::format("{}: {}\n", out, shown));
  PrintReport(report, shown_text);
}

}  // namespace trit
