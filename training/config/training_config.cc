#include "training/config/training_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "ternary_kernels/check.h"
#include "training/config/config_keys.h"
#include "training/config/config_values.h"
#include "training/config/model_presets.h"
#include "training/config/nearest_name.h"
#include "training/config/training_config_table.h"
#include "training/data/data_files.h"
#include "training/data/fingerprint.h"
#include "training/quantizers/weight_quantizer.h"
#include "training/quantizers/weight_width.h"

namespace trit {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr std::string_view kDefaultPreset = "10m";
constexpr int64_t kMaxMicroBatchTokens = int64_t{1} << 30;  // row numbers are int32

std::string FullName(std::string_view section, std::string_view key) {
  return std::string(section) + "." + std::string(key);
}

// Every full name: of sections ("train"), lists of tables ("quantizer.rule") and keys
// ("train.steps", "quantizer.rule.match"); all of them once more in the config's order.
struct NameCollector {
  std::set<std::string> sections, lists, keys;
  std::vector<std::string> all;

  template <typename Struct>
  void Section(const std::string& name, const Struct&, const ConfigKeys<Struct>& table) {
    sections.insert(name);
    AddNames(name, table);
  }
  template <typename Struct>
  void List(const std::string& name, const std::vector<Struct>&, const ConfigKeys<Struct>& table,
            const Struct&) {
    lists.insert(name);
    AddNames(name, table);
  }

 private:
  template <typename Struct>
  void AddNames(const std::string& name, const ConfigKeys<Struct>& table) {
    all.push_back(name);
    for (const ConfigKey<Struct>& key : table) {
      all.push_back(FullName(name, key.name));
      keys.insert(all.back());
    }
  }
};

const NameCollector& KnownNames() {
  static const NameCollector names = [] {
    NameCollector collector;
    const TrainingConfig config;
    VisitConfig(config, collector);
    return collector;
  }();
  return names;
}

[[noreturn]] void ThrowUnknown(const toml::node& node, const std::string& key) {
  ThrowUnknownKey(node, key, KnownNames().all);
}

// Refuses keys that the table does not have: those that it has are read by ConfigReader.
void CheckNames(const toml::table& root) {
  const NameCollector& known = KnownNames();
  for (const auto& [section_key, section] : root) {
    const std::string section_name(section_key.str());
    if (!known.sections.contains(section_name)) {
      // The first key of an unknown section tells more about what was meant.
      const toml::table* table = section.as_table();
      if (table == nullptr || table->empty()) ThrowUnknown(section, section_name);
      ThrowUnknown(section, FullName(section_name, table->begin()->first.str()));
    }
    if (!section.is_table()) {
      ThrowConfigError(section, section_name, "wrong type", "a table, [" + section_name + "]");
    }
    for (const auto& [key, node] : *section.as_table()) {
      const std::string name = FullName(section_name, key.str());
      if (!known.lists.contains(name)) {
        if (!known.keys.contains(name)) ThrowUnknown(node, name);
        continue;
      }
      const std::string expected = "a list of tables, [[" + name + "]]";
      if (!node.is_array()) ThrowConfigError(node, name, "wrong type", expected);
      for (const toml::node& element : *node.as_array()) {
        if (!element.is_table()) ThrowConfigError(element, name, "wrong type", expected);
        for (const auto& [element_key, value] : *element.as_table()) {
          const std::string element_name = FullName(name, element_key.str());
          if (!known.keys.contains(element_name)) ThrowUnknown(value, element_name);
        }
      }
    }
  }
}

// Sets a config from a table whose names are all known.
class ConfigReader {
 public:
  explicit ConfigReader(const toml::table& root) : root_(root) {}

  template <typename Struct>
  void Section(const std::string& name, Struct& section, const ConfigKeys<Struct>& keys) {
    const toml::table* table = root_[name].as_table();
    if (table != nullptr) ReadTable(name, *table, section, keys);
  }
  template <typename Struct>
  void List(const std::string& name, std::vector<Struct>& list, const ConfigKeys<Struct>& keys,
            const Struct& element) {
    const toml::array* tables = root_.at_path(name).as_array();
    if (tables == nullptr) return;
    list.clear();
    for (const toml::node& node : *tables) {
      Struct item = element;
      ReadTable(name, *node.as_table(), item, keys);
      if (item.match.empty()) {
        throw UsageError(ErrorInfo{.what = "missing",
                                   .file = SourceLabel(node.source()),
                                   .key = FullName(name, "match"),
                                   .expected = "the names of weights, such as \"layers.0.*\""});
      }
      list.push_back(std::move(item));
    }
  }

 private:
  // In the table's order, not the file's: a preset comes before the keys that change it.
  template <typename Struct>
  static void ReadTable(const std::string& name, const toml::table& table, Struct& out,
                        const ConfigKeys<Struct>& keys) {
    for (const ConfigKey<Struct>& key : keys) {
      const toml::node* node = table.get(key.name);
      if (node != nullptr) key.read(out, *node, FullName(name, key.name));
    }
  }

  const toml::table& root_;
};

[[noreturn]] void ThrowSyntaxError(const toml::parse_error& error, const std::string& key) {
  throw UsageError(ErrorInfo{.what = "not valid TOML: " + std::string(error.description()),
                             .file = SourceLabel(error.source()),
                             .key = key});
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

void ApplyOverride(const std::string& text, toml::table& root) {
  const size_t equals = text.find('=');
  const size_t dot = text.find('.');
  if (equals == std::string::npos || dot == std::string::npos || dot > equals) {
    throw UsageError(ErrorInfo{.what = "not an assignment",
                               .file = std::string(kOverrideSource),
                               .expected = "section.key=value, such as train.steps=100",
                               .found = text});
  }
  const std::string section = Trimmed(text.substr(0, dot));
  const std::string key = Trimmed(text.substr(dot + 1, equals - dot - 1));
  toml::table value = ParseOverrideValue(FullName(section, key), text.substr(equals + 1));
  if (!root.contains(section)) root.insert(section, toml::table());
  toml::table* table = root[section].as_table();
  if (table == nullptr) {
    ThrowConfigError(*root.get(section), section, "wrong type", "a table, [" + section + "]");
  }
  // By its concrete type, so that it is moved and keeps its source.
  value.begin()->second.visit([&](auto& node) { table->insert_or_assign(key, std::move(node)); });
}

[[noreturn]] void ThrowRelation(const std::string& file, const std::string& key,
                                const std::string& what, const std::string& expected,
                                const std::string& found, const std::string& hint = "") {
  throw UsageError(ErrorInfo{
      .what = what, .file = file, .key = key, .expected = expected, .found = found, .hint = hint});
}

void ResolveModel(const toml::table& root, const std::string& file, TrainingConfig& config) {
  const auto given = [&](const char* key) { return root["model"][key].node() != nullptr; };
  ModelConfig& model = config.model;
  if (given("num_attention_heads") && !given("num_key_value_heads")) {
    model.num_key_value_heads = model.num_attention_heads;
  }
  if (!given("head_dim")) {
    if (model.hidden_size % model.num_attention_heads != 0) {
      ThrowRelation(file, "model.num_attention_heads", "does not divide model.hidden_size",
                    "a divisor of " + std::to_string(model.hidden_size),
                    std::to_string(model.num_attention_heads), "or give model.head_dim");
    }
    model.head_dim = model.hidden_size / model.num_attention_heads;
  }
  if (!given("max_position_embeddings")) {
    model.max_position_embeddings = config.data.sequence_length;
  }
  if (model.max_position_embeddings < config.data.sequence_length) {
    ThrowRelation(file, "model.max_position_embeddings", "below data.sequence_length",
                  std::to_string(config.data.sequence_length) + " or more",
                  std::to_string(model.max_position_embeddings));
  }
  ModelConfig checked = model;
  if (checked.vocab_size == 0) checked.vocab_size = 1;  // not known yet
  try {
    ValidateModelConfig(checked, file);
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    info.key = "model." + info.key;
    throw UsageError(std::move(info));
  }
}

void ResolveQuantizer(const std::string& file, QuantizationConfig& quantizer) {
  const auto resolve = [&](QuantizerChoice& choice, const std::string& rule) {
    try {
      choice = Resolved(choice);
    } catch (const UsageError& error) {
      ErrorInfo info = error.info();
      info.file = file;
      if (!rule.empty()) {
        info.hint =
            "in the rule for " + TomlString(rule) + "; what it leaves out is as in [quantizer]";
      }
      throw UsageError(std::move(info));
    }
  };
  resolve(quantizer.standard, "");
  for (QuantizerRule& rule : quantizer.rules) resolve(rule.choice, rule.match);
}

// Before anything takes time: what the model's matrices cannot be quantized with.
void RequireQuantizersFit(const std::string& file, const TrainingConfig& config) {
  const WeightTable table(config.model);
  for (const WeightInfo& info : table.weights()) {
    if (info.kind != WeightKind::kLinear) continue;
    try {
      MakeWeightQuantizer(config.quantizer.For(info.name), info);
    } catch (const UsageError& error) {
      ErrorInfo with_file = error.info();
      with_file.file = file;
      throw UsageError(std::move(with_file));
    }
  }
}

void ResolveData(const toml::table& root, const std::string& file, DataConfig& data) {
  const auto given = [&](const char* key) { return root["data"][key].node() != nullptr; };
  if (!data.validation.empty()) {
    if (given("validation_fraction") && data.validation_fraction > 0) {
      ThrowRelation(file, "data.validation_fraction", "given together with data.validation", "0",
                    TomlNumber(data.validation_fraction), "choose one of the two");
    }
    data.validation_fraction = 0;
  }
  if (!given("tokenizer")) {
    const bool tokens_only =
        !data.train.empty() && AllTokenFiles(data.train) && AllTokenFiles(data.validation);
    data.tokenizer = tokens_only ? "" : "bytes";
  }
  ParseTokenizerChoice(data.tokenizer);
}

void ResolveTrain(const std::string& file, TrainingConfig& config) {
  TrainConfig& train = config.train;
  const int64_t micro_batch_tokens = train.micro_batch * config.data.sequence_length;
  if (micro_batch_tokens > kMaxMicroBatchTokens) {
    ThrowRelation(file, "train.micro_batch", "too many tokens at once",
                  "at most " + std::to_string(kMaxMicroBatchTokens / config.data.sequence_length) +
                      " rows of " + std::to_string(config.data.sequence_length),
                  std::to_string(train.micro_batch));
  }
  if (train.batch_tokens == 0) train.batch_tokens = micro_batch_tokens;
  if (train.batch_tokens % micro_batch_tokens != 0) {
    ThrowRelation(file, "train.batch_tokens", "no whole number of micro batches",
                  "a multiple of train.micro_batch * data.sequence_length = " +
                      std::to_string(micro_batch_tokens),
                  std::to_string(train.batch_tokens));
  }
}

void ResolveSchedule(const toml::table& root, const std::string& file, TrainingConfig& config) {
  const auto given = [&](const char* key) { return root["schedule"][key].node() != nullptr; };
  ScheduleConfig& schedule = config.schedule;
  if (!given("warmup_steps")) schedule.warmup_steps = config.train.steps / 50;
  if (!given("stage2_start") && schedule.kind == ScheduleKind::kWsd) schedule.stage2_start = 0.8;
  if (!given("weight_decay_until")) {
    schedule.weight_decay_until =
        schedule.kind == ScheduleKind::kTwoStage ? schedule.stage2_start : 1.0;
  }
  if (schedule.kind == ScheduleKind::kTwoStage && schedule.final_ratio > schedule.stage2_ratio) {
    ThrowRelation(file, "schedule.final_ratio", "above schedule.stage2_ratio",
                  "at most " + TomlNumber(schedule.stage2_ratio), TomlNumber(schedule.final_ratio));
  }
}

void ResolveEvaluation(const std::string& file, const TrainingConfig& config) {
  if (config.evaluation.exact_match.empty() || !config.data.chat_template.empty()) return;
  ThrowRelation(file, "evaluation.exact_match", "conversations need a format",
                "data.chat_template = \"chatml\" or the like", "none");
}

// Writes sections as TOML; with help, a comment before each key, and as comments the keys that have
// no value and what an empty list may hold.
class ConfigWriter {
 public:
  explicit ConfigWriter(bool with_help) : with_help_(with_help) {}
  std::string text() && { return std::move(text_); }

  template <typename Struct>
  void Section(const std::string& name, const Struct& section, const ConfigKeys<Struct>& keys) {
    if (!text_.empty()) text_ += "\n";
    text_ += "[" + name + "]\n";
    Keys(section, keys, /*example=*/false);
  }
  template <typename Struct>
  void List(const std::string& name, const std::vector<Struct>& list,
            const ConfigKeys<Struct>& keys, const Struct& element) {
    for (const Struct& item : list) {
      text_ += "\n[[" + name + "]]\n";
      Keys(item, keys, /*example=*/false);
    }
    if (with_help_ && list.empty()) {
      text_ += "\n# [[" + name + "]]  as many as needed; the first that matches a weight wins\n";
      Keys(element, keys, /*example=*/true);
    }
  }

 private:
  template <typename Struct>
  void Keys(const Struct& values, const ConfigKeys<Struct>& keys, bool example) {
    for (const ConfigKey<Struct>& key : keys) {
      const std::string value = key.write(values);
      const bool shown = !example && !value.empty();
      if (with_help_) text_ += "# " + (shown ? "" : key.name + ": ") + key.help + "\n";
      if (shown) text_ += key.name + " = " + value + "\n";
    }
  }

  bool with_help_;
  std::string text_;
};

// A key that must stay when a run is continued. A list is one entry, so that every config has the
// same names.
struct RunEntry {
  std::string name, value;
  bool counts;  // in the fingerprint
};

struct RunCollector {
  std::vector<RunEntry> entries;

  template <typename Struct>
  void Section(const std::string& name, const Struct& section, const ConfigKeys<Struct>& keys) {
    for (const ConfigKey<Struct>& key : keys) {
      if (key.when_resumed == WhenResumed::kMayChange) continue;
      entries.push_back({FullName(name, key.name), key.write(section), Counts(key, section)});
    }
  }
  template <typename Struct>
  void List(const std::string& name, const std::vector<Struct>& list,
            const ConfigKeys<Struct>& keys, const Struct&) {
    std::string value = "[";
    for (const Struct& item : list) {
      value += value.size() == 1 ? "{" : ", {";
      for (const ConfigKey<Struct>& key : keys) {
        if (Counts(key, item)) value += key.name + "=" + key.write(item) + " ";
      }
      value.back() = '}';
    }
    entries.push_back({name, value + "]", true});
  }

 private:
  template <typename Struct>
  static bool Counts(const ConfigKey<Struct>& key, const Struct& values) {
    return !key.as_before || !key.as_before(values);
  }
};

std::vector<RunEntry> RunEntries(const TrainingConfig& config) {
  RunCollector collector;
  VisitConfig(config, collector);
  return std::move(collector.entries);
}

const OptimizerGroup* FindGroup(const std::vector<OptimizerGroup>& groups,
                                const WeightInfo& weight) {
  const std::string name = ShortWeightName(weight.name);
  for (const OptimizerGroup& group : groups) {
    if (GlobMatch(group.match, name)) return &group;
  }
  return nullptr;
}

}  // namespace

double OptimizerConfig::WeightDecayFor(const WeightInfo& weight) const {
  const OptimizerGroup* group = FindGroup(groups, weight);
  if (group != nullptr && group->weight_decay) return *group->weight_decay;
  return weight.IsVector() ? 0.0 : weight_decay;
}

double OptimizerConfig::LearningRateRatioFor(const WeightInfo& weight) const {
  const OptimizerGroup* group = FindGroup(groups, weight);
  return group == nullptr ? 1.0 : group->learning_rate_ratio;
}

TrainingConfig ReadTrainingConfig(const std::string& path, std::span<const std::string> overrides) {
  return ParseTrainingConfig(ReadTextFile(path, kMaxConfigBytes), path, overrides);
}

TrainingConfig ParseTrainingConfig(std::string_view toml, const std::string& file,
                                   std::span<const std::string> overrides) {
  return TrainingConfigFromTable(ParseTomlFile(toml, file), file, overrides);
}

toml::table ParseTomlFile(std::string_view toml, const std::string& file) {
  try {
    return toml::parse(toml, file);
  } catch (const toml::parse_error& error) {
    ThrowSyntaxError(error, "");
  }
}

toml::table ParseOverrideValue(const std::string& key, const std::string& text) {
  const auto parse = [](const std::string& value) {
    return toml::parse("value = " + value, kOverrideSource);
  };
  try {
    toml::table table = parse(text);
    if (table.size() == 1) return table;
  } catch (const toml::parse_error& error) {
    if (text.find_first_of("\"'[{") == 0) ThrowSyntaxError(error, key);
  }
  try {
    return parse(TomlString(text));
  } catch (const toml::parse_error& error) {
    ThrowSyntaxError(error, key);
  }
}

QuantizationConfig QuantizersFromTable(toml::table root, std::span<const std::string> overrides) {
  for (const std::string& text : overrides) ApplyOverride(text, root);
  CheckNames(root);
  TrainingConfig config;
  VisitConfig(config, ConfigReader(root));
  return config.quantizer;
}

TrainingConfig TrainingConfigFromTable(toml::table root, const std::string& file,
                                       std::span<const std::string> overrides) {
  for (const std::string& text : overrides) ApplyOverride(text, root);
  CheckNames(root);

  TrainingConfig config;
  TRIT_CHECK(ApplyModelPreset(kDefaultPreset, config.model));
  VisitConfig(config, ConfigReader(root));
  ResolveQuantizer(file, config.quantizer);
  ResolveData(root, file, config.data);
  ResolveModel(root, file, config);
  RequireQuantizersFit(file, config);
  ResolveTrain(file, config);
  ResolveSchedule(root, file, config);
  ResolveEvaluation(file, config);
  return config;
}

std::string TrainingConfigToToml(const TrainingConfig& config) {
  ConfigWriter writer(false);
  VisitConfig(config, writer);
  return std::move(writer).text();
}

std::string AnnotatedDefaults() {
  ConfigWriter writer(true);
  const TrainingConfig defaults = ParseTrainingConfig("", "", {});
  VisitConfig(defaults, writer);
  return std::move(writer).text();
}

std::string ConfigFingerprint(const TrainingConfig& config) {
  Fingerprint fingerprint;
  for (const RunEntry& entry : RunEntries(config)) {
    if (entry.counts) fingerprint.Add(entry.name + " = " + entry.value + "\n");
  }
  return fingerprint.Hex();
}

void RequireSameRun(const TrainingConfig& before, const TrainingConfig& now) {
  const auto old_entries = RunEntries(before);
  const auto new_entries = RunEntries(now);
  for (size_t i = 0; i < old_entries.size(); ++i) {
    if (old_entries[i].value == new_entries[i].value) continue;
    throw UsageError(
        ErrorInfo{.what = "cannot change when a run is continued",
                  .key = old_entries[i].name,
                  .expected = old_entries[i].value,
                  .found = new_entries[i].value,
                  .hint = "start another run; checkpoint.init gives it these weights"});
  }
}

TokenizerChoice ParseTokenizerChoice(const std::string& text) {
  constexpr std::string_view kTrainPrefix = "train:";
  using Kind = TokenizerChoice::Kind;
  if (text.empty()) return {.kind = Kind::kNone, .path = ""};
  if (text == "bytes") return {.kind = Kind::kBytes, .path = ""};
  if (!text.starts_with(kTrainPrefix)) return {.kind = Kind::kFile, .path = text};
  TokenizerChoice choice{.kind = Kind::kTrain, .path = ""};
  const char* begin = text.data() + kTrainPrefix.size();
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(begin, end, choice.vocab_size);
  if (status != std::errc() || parsed != end || choice.vocab_size < 1) {
    throw UsageError(ErrorInfo{.what = "not a vocabulary size",
                               .key = "data.tokenizer",
                               .expected = "\"train:4096\" or the like",
                               .found = TomlString(text)});
  }
  return choice;
}

}  // namespace trit
