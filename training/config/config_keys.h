// The one table of what can stand in a training config. Reading, refusing unknown keys, writing,
// documentation and the comparison of two configs all walk it, so they cannot drift apart. A new
// key is a member of its struct (training_config.h) and a row in config_keys.cc.
#ifndef TRIT_TRAINING_CONFIG_CONFIG_KEYS_H_
#define TRIT_TRAINING_CONFIG_CONFIG_KEYS_H_

#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "training/config/training_config.h"

namespace trit {

// Whether a run can be continued from a checkpoint when the key's value has changed since.
enum class WhenResumed : uint8_t { kMustStay, kMayChange };

// A key of a section, or of the tables of a list, whose values a Struct holds.
template <typename Struct>
struct ConfigKey {
  std::string name;
  WhenResumed when_resumed;
  std::string help;
  // Sets the value; `key` is the full name, for errors.
  std::function<void(Struct&, const toml::node&, const std::string& key)> read;
  std::function<std::string(const Struct&)> write;  // in TOML; empty: nothing to write
  // Of a key that is newer than the first runs: whether its value is what runs did before. It is
  // then no part of the fingerprint, so that those runs can be continued.
  std::function<bool(const Struct&)> as_before = {};
};

template <typename Struct>
using ConfigKeys = std::vector<ConfigKey<Struct>>;

const ConfigKeys<ModelConfig>& ModelKeys();
const ConfigKeys<QuantizerChoice>& QuantizerKeys();
const ConfigKeys<QuantizerRule>& QuantizerRuleKeys();
const ConfigKeys<QuantizationConfig>& QuantizationKeys();  // QuantizerKeys and the ramp
const ConfigKeys<DataConfig>& DataKeys();
const ConfigKeys<TrainConfig>& TrainKeys();
const ConfigKeys<OptimizerConfig>& OptimizerKeys();
const ConfigKeys<OptimizerGroup>& OptimizerGroupKeys();
const ConfigKeys<ScheduleConfig>& ScheduleKeys();
const ConfigKeys<CheckpointConfig>& CheckpointKeys();
const ConfigKeys<EvaluationConfig>& EvaluationKeys();

// Walks the sections in order. The visitor has
//   Section(name, section, keys)              for [name]
//   List(name, list, keys, element)           for [[name]], `element` being what a new one holds
// Config is TrainingConfig or const TrainingConfig.
template <typename Config, typename Visitor>
void VisitConfig(Config& config, Visitor&& visitor) {
  visitor.Section("model", config.model, ModelKeys());
  visitor.Section("quantizer", config.quantizer, QuantizationKeys());
  visitor.List("quantizer.rule", config.quantizer.rules, QuantizerRuleKeys(),
               QuantizerRule{.match = "", .choice = config.quantizer.standard});
  visitor.Section("data", config.data, DataKeys());
  visitor.Section("train", config.train, TrainKeys());
  visitor.Section("optimizer", config.optimizer, OptimizerKeys());
  visitor.List("optimizer.group", config.optimizer.groups, OptimizerGroupKeys(), OptimizerGroup{});
  visitor.Section("schedule", config.schedule, ScheduleKeys());
  visitor.Section("checkpoint", config.checkpoint, CheckpointKeys());
  visitor.Section("evaluation", config.evaluation, EvaluationKeys());
}

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_CONFIG_KEYS_H_
