#include "training/compare/comparison_config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "training/compare/comparison_keys.h"
#include "training/config/config_keys.h"
#include "training/config/config_values.h"
#include "training/config/training_config_table.h"
#include "training/rounding/rounding_config.h"

namespace trit {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr const char* kQuantizerSection = "quantizer";

// The names that a training config knows: its sections, and what [quantizer] may have.
struct TrainingNames {
  std::vector<std::string> sections;
  std::vector<std::string> quantizer_keys;  // lists of tables too: "rule"

  template <typename Struct>
  void Section(const std::string& name, const Struct&, const ConfigKeys<Struct>& keys) {
    sections.push_back(name);
    if (name != kQuantizerSection) return;
    for (const ConfigKey<Struct>& key : keys) quantizer_keys.push_back(key.name);
  }
  template <typename Struct>
  void List(const std::string& name, const std::vector<Struct>&, const ConfigKeys<Struct>&,
            const Struct&) {
    const std::string prefix = std::string(kQuantizerSection) + ".";
    if (name.starts_with(prefix)) quantizer_keys.push_back(name.substr(prefix.size()));
  }
};

TrainingNames KnownTrainingNames() {
  TrainingNames names;
  const TrainingConfig config;
  VisitConfig(config, names);
  return names;
}

[[noreturn]] void ThrowMissing(const toml::node& node, const std::string& key,
                               const std::string& expected) {
  throw UsageError(ErrorInfo{
      .what = "missing", .file = SourceLabel(node.source()), .key = key, .expected = expected});
}

std::string TomlText(const toml::node& node) {
  std::ostringstream text;
  text << toml::toml_formatter{node};
  return text.str();
}

ComparisonMethod ReadMethod(const toml::table& table,
                            const std::vector<std::string>& quantizer_keys) {
  const MethodTable own = ReadMethodTable(table, quantizer_keys);
  if (own.name.empty()) ThrowMissing(table, "method.name", "what the method is called");
  if (own.how.empty()) ThrowMissing(table, "method.how", "\"aware\" or \"nearest\"");
  ComparisonMethod method{.name = own.name,
                          .kind = own.how == MethodKindName(MethodKind::kNearest)
                                      ? MethodKind::kNearest
                                      : MethodKind::kAware,
                          .continued_steps = own.from_full_precision ? own.steps : 0,
                          .overrides = {}};
  const bool continues = own.from_full_precision && method.kind == MethodKind::kAware;
  for (const char* key : {"start", "steps"}) {
    const toml::node* node = table.get(key);
    const bool allowed =
        key == std::string("start") ? method.kind == MethodKind::kAware : continues;
    if (node != nullptr && !allowed) {
      ThrowConfigError(*node, std::string("method.") + key, "has no meaning here",
                       "only with how = \"aware\" and start = \"full_precision\"");
    }
  }
  if (continues && own.steps == 0) {
    ThrowMissing(table, "method.steps", "how far to train on from full precision");
  }
  for (const auto& [name, node] : table) {
    if (!IsOneOf(std::string(name.str()), quantizer_keys)) continue;
    method.overrides.push_back(
        fmt::format("{}.{}={}", kQuantizerSection, name.str(), TomlText(node)));
  }
  return method;
}

// What an error in a method's override says, with the place where the user wrote it.
[[noreturn]] void ThrowInMethod(const UsageError& error, const toml::table& method) {
  ErrorInfo info = error.info();
  const std::string prefix = std::string(kQuantizerSection) + ".";
  if (info.file != kOverrideSource && !info.key.starts_with(prefix)) throw error;
  const std::string key =
      info.key.starts_with(prefix) ? info.key.substr(prefix.size()) : std::string();
  const toml::node* node = method.get(key.substr(0, key.find('.')));
  info.file = SourceLabel(node != nullptr ? node->source() : method.source());
  if (!key.empty()) info.key = "method." + key;
  throw UsageError(std::move(info));
}

// The training config: the named file, or what the file has besides our own tables. Tables are
// moved, never copied: a copy does not know the lines it stands in.
toml::table TrainingTable(const CompareSection& section, toml::table rest,
                          std::vector<std::string> sections) {
  sections.insert(sections.end(), {"compare", "method"});
  for (const auto& [name, node] : rest) {
    const std::string text(name.str());
    RequireKnown(node, "", text, sections);
    if (!section.config.empty()) {
      ThrowConfigError(node, text, "given together with compare.config",
                       "the training config in a file of its own, or in this one");
    }
  }
  if (section.config.empty()) return rest;
  return ParseTomlFile(ReadTextFile(section.config, kMaxConfigBytes), section.config);
}

// What would only be found out when the first model has been trained.
void RequireMeasurable(const ComparisonConfig& config, const TrainingConfig& base) {
  if (base.data.validation.empty() && base.data.validation_fraction == 0) {
    throw UsageError(ErrorInfo{.what = "there is no validation data to measure models on",
                               .file = config.file,
                               .key = "data.validation_fraction",
                               .expected = "more than 0, or data.validation"});
  }
  const TensorTypeInfo& type = InfoOf(config.embeddings);
  if (base.model.hidden_size % static_cast<int64_t>(type.block_elements) != 0) {
    throw UsageError(ErrorInfo{.what = fmt::format("rows of embeddings do not fit {}", type.name),
                               .file = config.file,
                               .key = "compare.embeddings",
                               .expected = fmt::format("a model.hidden_size that is a multiple of "
                                                       "{}",
                                                       type.block_elements),
                               .found = std::to_string(base.model.hidden_size)});
  }
}

// Takes the tables of [[method]] out of the file's.
toml::array TakeMethods(toml::table& root, const std::string& file) {
  toml::node* node = root.get("method");
  if (node == nullptr) {
    throw UsageError(ErrorInfo{.what = "nothing to compare",
                               .file = file,
                               .key = "method",
                               .expected = "a table [[method]] a method"});
  }
  toml::array* tables = node->as_array();
  const auto is_table = [](const toml::node& element) { return element.is_table(); };
  if (tables == nullptr || !std::all_of(tables->begin(), tables->end(), is_table)) {
    ThrowConfigError(*node, "method", "wrong type", "a list of tables, [[method]]");
  }
  toml::array methods = std::move(*tables);
  root.erase("method");
  return methods;
}

}  // namespace

const char* MethodKindName(MethodKind kind) {
  return kind == MethodKind::kAware ? "aware" : "nearest";
}

ComparisonConfig ReadComparisonConfig(const std::string& path,
                                      std::span<const std::string> overrides) {
  return ParseComparisonConfig(ReadTextFile(path, kMaxConfigBytes), path, overrides);
}

ComparisonConfig ParseComparisonConfig(std::string_view toml, const std::string& file,
                                       std::span<const std::string> overrides) {
  toml::table root = ParseTomlFile(toml, file);
  const TrainingNames names = KnownTrainingNames();
  CompareSection section;
  if (const toml::node* node = root.get("compare")) {
    if (!node->is_table()) ThrowConfigError(*node, "compare", "wrong type", "a table, [compare]");
    section = ReadCompareSection(*node->as_table());
  }
  root.erase("compare");
  const toml::array methods = TakeMethods(root, file);
  toml::table training = TrainingTable(section, std::move(root), names.sections);

  ComparisonConfig config{.file = section.config.empty() ? file : section.config,
                          .training = TomlText(training),
                          .seeds = std::move(section.seeds),
                          .embeddings = section.embeddings};
  config.overrides.assign(overrides.begin(), overrides.end());
  const TrainingConfig base = TrainingConfigFromTable(std::move(training), config.file, overrides);
  if (config.seeds.empty()) config.seeds = {base.train.seed};
  RequireMeasurable(config, base);

  std::set<std::string> used;
  for (const toml::node& node : methods) {
    const toml::table& table = *node.as_table();
    ComparisonMethod method = ReadMethod(table, names.quantizer_keys);
    if (!used.insert(method.name).second) {
      ThrowConfigError(*table.get("name"), "method.name", "given twice", "different names");
    }
    try {
      MethodTrainingConfig(config, method, {});
    } catch (const UsageError& error) {
      ThrowInMethod(error, table);
    }
    config.methods.push_back(std::move(method));
  }
  return config;
}

TrainingConfig MethodTrainingConfig(const ComparisonConfig& config, const ComparisonMethod& method,
                                    std::span<const std::string> overrides) {
  std::vector<std::string> all = config.overrides;
  all.insert(all.end(), method.overrides.begin(), method.overrides.end());
  if (method.kind == MethodKind::kNearest) RequireNoLearnedScales(method.overrides);
  all.insert(all.end(), overrides.begin(), overrides.end());
  TrainingConfig result = ParseTrainingConfig(config.training, config.file, all);
  if (method.kind == MethodKind::kNearest) ResolveWithoutTraining(result.quantizer);
  return result;
}

TrainingConfig FullPrecisionTrainingConfig(const ComparisonConfig& config,
                                           std::span<const std::string> overrides) {
  std::vector<std::string> all;
  for (const std::string& text : config.overrides) {
    if (!text.starts_with(std::string(kQuantizerSection) + ".")) all.push_back(text);
  }
  all.insert(all.end(), overrides.begin(), overrides.end());
  toml::table table = ParseTomlFile(config.training, config.file);
  table.insert_or_assign(kQuantizerSection,
                         toml::table{{"weights", "none"}, {"activations", "none"}});
  return TrainingConfigFromTable(std::move(table), config.file, all);
}

std::string ComparisonExample() {
  return R"([compare]
seeds = [1, 2, 3]          # of every training run; default: train.seed alone
embeddings = "f16"         # of exported files: "f32" (default, exact), "f16", "bf16", "q8_0", "q6_k"
# config = "train.toml"    # the training config; or its sections stand here:

[model]
preset = "3m"
[data]
train = ["my.txt"]
tokenizer = "train:4096"
[train]
steps = 2000               # of every model; validation loss is of the first train.eval_tokens
# [evaluation]             # questions that the files are asked: exact_match, multiple_choice

[[method]]
name = "int4 nearest"      # the full-precision weights, rounded after training; scales by mse
how = "nearest"
weights = "int4"           # this and below: any key of the training config's [quantizer]
granularity = "row"
activations = "none"

[[method]]
name = "ternary aware"     # trained from scratch with its quantizers, at equal data and steps
how = "aware"
weights = "ternary"

[[method]]
name = "ternary continued"
how = "aware"
start = "full_precision"   # from the full-precision weights; the baseline is trained on as far
steps = 500
weights = "ternary"
)";
}

}  // namespace trit
