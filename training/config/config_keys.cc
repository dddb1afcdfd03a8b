#include "training/config/config_keys.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/quantize_activations.h"
#include "training/config/config_values.h"
#include "training/config/model_presets.h"
#include "training/quantizers/activation_choice.h"
#include "training/quantizers/weight_width.h"

namespace trit {
namespace {

constexpr WhenResumed kMustStay = WhenResumed::kMustStay;
constexpr WhenResumed kMayChange = WhenResumed::kMayChange;

// Larger than any run, yet products of two fit into an int64.
constexpr int64_t kMaxCount = 1'000'000'000;
constexpr int64_t kMaxTokens = int64_t{1} << 50;
constexpr int64_t kMaxPositions = int64_t{1} << 24;
constexpr int64_t kMaxWidth = 131072;
constexpr NumberRange kFraction{0, 1};
constexpr NumberRange kPositive{0, HUGE_VAL, true};
constexpr NumberRange kNotNegative{0, HUGE_VAL};

template <typename Struct>
ConfigKey<Struct> Integer(const char* name, int64_t Struct::*member, int64_t low, int64_t high,
                          WhenResumed when_resumed, const char* help) {
  return {name, when_resumed, help,
          [=](Struct& s, const toml::node& node, const std::string& key) {
            s.*member = ReadInteger(node, key, low, high);
          },
          [=](const Struct& s) { return std::to_string(s.*member); }};
}

// Real is float or double.
template <typename Struct, typename Real>
ConfigKey<Struct> Number(const char* name, Real Struct::*member, NumberRange range,
                         WhenResumed when_resumed, const char* help) {
  return {name, when_resumed, help,
          [=](Struct& s, const toml::node& node, const std::string& key) {
            s.*member = static_cast<Real>(ReadNumber(node, key, range));
          },
          [=](const Struct& s) { return TomlNumber(s.*member); }};
}

template <typename Struct>
ConfigKey<Struct> Bool(const char* name, bool Struct::*member, WhenResumed when_resumed,
                       const char* help) {
  return {name, when_resumed, help,
          [=](Struct& s, const toml::node& node, const std::string& key) {
            s.*member = ReadBool(node, key);
          },
          [=](const Struct& s) { return std::string(s.*member ? "true" : "false"); }};
}

template <typename Struct>
ConfigKey<Struct> String(const char* name, std::string Struct::*member, WhenResumed when_resumed,
                         const char* help) {
  return {name, when_resumed, help,
          [=](Struct& s, const toml::node& node, const std::string& key) {
            s.*member = ReadString(node, key);
          },
          [=](const Struct& s) { return TomlString(s.*member); }};
}

template <typename Struct>
ConfigKey<Struct> Strings(const char* name, std::vector<std::string> Struct::*member,
                          WhenResumed when_resumed, const char* help) {
  return {name, when_resumed, help,
          [=](Struct& s, const toml::node& node, const std::string& key) {
            s.*member = ReadStrings(node, key);
          },
          [=](const Struct& s) { return TomlStrings(s.*member); }};
}

template <typename Struct, typename Enum>
ConfigKey<Struct> Choice(const char* name, Enum Struct::*member,
                         std::vector<std::pair<std::string, Enum>> choices,
                         WhenResumed when_resumed, const char* help) {
  const auto read = [=](Struct& s, const toml::node& node, const std::string& key) {
    std::vector<std::string> names;
    for (const auto& [text, value] : choices) names.push_back(text);
    s.*member = choices[ReadChoice(node, key, names)].second;
  };
  const auto write = [=](const Struct& s) {
    for (const auto& [text, value] : choices) {
      if (s.*member == value) return TomlString(text);
    }
    return std::string();
  };
  return {name, when_resumed, help, read, write};
}

ConfigKey<ModelConfig> Preset() {
  std::string names;
  for (const std::string& name : ModelPresetNames()) {
    names += (names.empty() ? "\"" : ", \"") + name + "\"";
  }
  return {"preset", kMustStay, "a shape by name, which the keys below change: " + names,
          [=](ModelConfig& model, const toml::node& node, const std::string& key) {
            if (!ApplyModelPreset(ReadString(node, key), model)) {
              ThrowConfigError(node, key, "no such preset", names);
            }
          },
          // The keys that it stands for are written instead.
          [](const ModelConfig&) { return std::string(); }};
}

// "match" of both lists.
template <typename Struct>
ConfigKey<Struct> Match() {
  return {"match", kMustStay,
          "weights this is for, by name without \"model.\" and \".weight\"; * and ? match any",
          [](Struct& s, const toml::node& node, const std::string& key) {
            s.match = ReadString(node, key);
            if (s.match.empty()) ThrowConfigError(node, key, "empty", "\"layers.0.*\" or the like");
          },
          [](const Struct& s) { return TomlString(s.match); }};
}

// Names are checked here; what goes together, when all keys are read (training_config.cc).
ConfigKey<QuantizerChoice> WeightQuantizerName() {
  return {"weights", kMustStay,
          "\"ternary\", \"binary\", \"int2\", \"int3\", \"int4\", \"int8\" or \"none\" (full "
          "precision)",
          [](QuantizerChoice& choice, const toml::node& node, const std::string& key) {
            choice.weights = ReadString(node, key);
            try {
              Resolved({.weights = choice.weights});
            } catch (const UsageError& error) {
              ThrowConfigError(node, key, error.info().what, error.info().expected);
            }
          },
          [](const QuantizerChoice& choice) { return TomlString(choice.weights); }};
}

ConfigKey<QuantizerChoice> ScaleRuleKey() {
  return {"scale",
          kMustStay,
          "what sets the scale of weights: \"absmean\", \"minmax\", \"percentile\", \"mse\" or "
          "\"learned\"; if not given, absmean for ternary and binary, learned for int2 "
          "to int4, minmax for int8",
          [](QuantizerChoice& choice, const toml::node& node, const std::string& key) {
            choice.scale = ReadString(node, key);
          },
          [](const QuantizerChoice& choice) {
            const std::string scale = Resolved(choice).scale;
            return scale.empty() ? scale : TomlString(scale);
          },
          [](const QuantizerChoice& choice) {
            return Resolved(choice).scale == Resolved({.weights = choice.weights}).scale;
          }};
}

ConfigKey<QuantizerChoice> PercentileKey() {
  ConfigKey<QuantizerChoice> key =
      Number("percentile", &QuantizerChoice::percentile, {50, 100, true}, kMustStay,
             "share of the weights that scale = \"percentile\" does not clip, in percent");
  key.as_before = [](const QuantizerChoice& choice) {
    return choice.percentile == kStandardPercentile;
  };
  return key;
}

ConfigKey<QuantizerChoice> SymmetricKey() {
  ConfigKey<QuantizerChoice> key = Bool("symmetric", &QuantizerChoice::symmetric, kMustStay,
                                        "weights without an offset; false: one beside every scale");
  key.as_before = [](const QuantizerChoice& choice) { return choice.symmetric; };
  return key;
}

ConfigKey<QuantizerChoice> ActivationQuantizerKey() {
  const auto read = [](QuantizerChoice& choice, const toml::node& node, const std::string& key) {
    choice.activations = ReadString(node, key);
    if (!FindActivationQuantizer(choice.activations)) {
      ThrowConfigError(node, key, "not one of the choices",
                       "\"int8\", \"int4\", \"int8_static\" or \"none\"");
    }
  };
  return {"activations", kMustStay,
          "inputs of those matrices: \"int8\" or \"int4\" (a scale a token), \"int8_static\" (one "
          "scale, calibrated on training data where quantization begins) or \"none\"",
          read, [](const QuantizerChoice& choice) { return TomlString(choice.activations); }};
}

ConfigKey<QuantizerChoice> ActivationRangeKey() {
  ConfigKey<QuantizerChoice> key =
      String("activation_range", &QuantizerChoice::activation_range, kMustStay,
             "int8_static: \"minmax\" (nothing seen in calibration is clipped), \"percentile\" or "
             "\"mse\" (least squared error)");
  key.read = [](QuantizerChoice& choice, const toml::node& node, const std::string& name) {
    choice.activation_range = ReadString(node, name);
    try {
      ActivationRangeRuleOf(choice);
    } catch (const UsageError& error) {
      ThrowConfigError(node, name, "not one of the choices", error.info().expected);
    }
  };
  key.as_before = [](const QuantizerChoice& choice) {
    return Resolved(choice).activation_range == QuantizerChoice().activation_range;
  };
  return key;
}

ConfigKey<QuantizerChoice> ActivationPercentileKey() {
  ConfigKey<QuantizerChoice> key =
      Number("activation_percentile", &QuantizerChoice::activation_percentile, {50, 100, true},
             kMustStay, "share of the inputs that activation_range = \"percentile\" does not clip");
  key.as_before = [](const QuantizerChoice& choice) {
    return Resolved(choice).activation_percentile == kStandardActivationPercentile;
  };
  return key;
}

ConfigKey<QuantizerChoice> Granularity() {
  const auto read = [](QuantizerChoice& choice, const toml::node& node, const std::string& key) {
    const std::string name = node.is_string() ? node.as_string()->get() : std::string();
    choice.group_size = 0;
    if (name == "tensor") {
      choice.granularity = ScaleKind::kTensor;
    } else if (name == "row") {
      choice.granularity = ScaleKind::kRow;
    } else if (node.is_integer()) {
      choice.granularity = ScaleKind::kGroup;
      choice.group_size = ReadInteger(node, key, 1, kMaxWidth);
    } else {
      ThrowConfigError(node, key, "not one of the choices", "\"tensor\", \"row\" or a group size");
    }
  };
  const auto write = [](const QuantizerChoice& choice) -> std::string {
    switch (choice.granularity) {
      case ScaleKind::kTensor:
        return "\"tensor\"";
      case ScaleKind::kRow:
        return "\"row\"";
      case ScaleKind::kGroup:
        return std::to_string(choice.group_size);
    }
    return "";
  };
  return {"granularity", kMustStay,
          "weights that share a scale: \"tensor\", \"row\" or a number of columns", read, write};
}

// The keys of the quantizers that a struct has as `choice`.
template <typename Struct>
void AppendQuantizerKeys(QuantizerChoice Struct::*choice, ConfigKeys<Struct>& all) {
  for (const ConfigKey<QuantizerChoice>& key : QuantizerKeys()) {
    all.push_back({key.name, key.when_resumed, key.help,
                   [&key, choice](Struct& s, const toml::node& node, const std::string& name) {
                     key.read(s.*choice, node, name);
                   },
                   [&key, choice](const Struct& s) { return key.write(s.*choice); }});
    if (key.as_before) {
      all.back().as_before = [&key, choice](const Struct& s) { return key.as_before(s.*choice); };
    }
  }
}

ConfigKey<QuantizationConfig> RampKey(const char* name, int64_t QuantizationRamp::*member,
                                      const char* help) {
  return {
      name,
      kMustStay,
      help,
      [=](QuantizationConfig& quantizer, const toml::node& node, const std::string& key) {
        quantizer.ramp.*member = ReadInteger(node, key, 0, kMaxCount);
      },
      [=](const QuantizationConfig& quantizer) { return std::to_string(quantizer.ramp.*member); },
      [=](const QuantizationConfig& quantizer) { return quantizer.ramp.*member == 0; }};
}

ConfigKey<OptimizerConfig> Betas() {
  const auto read = [](OptimizerConfig& optimizer, const toml::node& node, const std::string& key) {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->size() != 2) {
      ThrowConfigError(node, key, "wrong type", "a list of two numbers");
    }
    for (size_t i = 0; i < 2; ++i) {
      const double beta = ReadNumber(*list->get(i), key, kFraction);
      if (beta == 1) ThrowConfigError(node, key, "value out of range", "numbers below 1");
      optimizer.betas[i] = beta;
    }
  };
  const auto write = [](const OptimizerConfig& optimizer) {
    return fmt::format("[{}, {}]", TomlNumber(optimizer.betas[0]), TomlNumber(optimizer.betas[1]));
  };
  return {"betas", kMustStay, "decay of the running means of gradients and of their squares", read,
          write};
}

ConfigKey<OptimizerGroup> GroupWeightDecay() {
  return {"weight_decay", kMustStay, "instead of the one above; norms too",
          [](OptimizerGroup& group, const toml::node& node, const std::string& key) {
            group.weight_decay = ReadNumber(node, key, kNotNegative);
          },
          [](const OptimizerGroup& group) {
            return group.weight_decay ? TomlNumber(*group.weight_decay) : std::string();
          }};
}

}  // namespace

const ConfigKeys<ModelConfig>& ModelKeys() {
  using M = ModelConfig;
  static const ConfigKeys<M> keys = {
      Preset(),  // before the keys that change it
      Integer("hidden_size", &M::hidden_size, 1, kMaxWidth, kMustStay,
              "width of the residual stream"),
      Integer("intermediate_size", &M::intermediate_size, 1, kMaxWidth, kMustStay,
              "width of the feed-forward unit"),
      Integer("num_hidden_layers", &M::num_hidden_layers, 1, 4096, kMustStay, "layers"),
      Integer("num_attention_heads", &M::num_attention_heads, 1, kMaxWidth, kMustStay,
              "attention heads"),
      Integer("num_key_value_heads", &M::num_key_value_heads, 1, kMaxWidth, kMustStay,
              "heads of keys and values, shared by groups; if only num_attention_heads is given, "
              "as many"),
      Integer("head_dim", &M::head_dim, 2, 1024, kMustStay,
              "width of a head; if not given, hidden_size / num_attention_heads"),
      Integer("vocab_size", &M::vocab_size, 0, int64_t{1} << 24, kMustStay,
              "token ids; 0: as many as the tokenizer has"),
      Integer("max_position_embeddings", &M::max_position_embeddings, 1, kMaxPositions, kMustStay,
              "longest context; if not given, data.sequence_length"),
      Number("rope_theta", &M::rope_theta, kPositive, kMustStay, "base of the rotary embedding"),
      Number("rms_norm_eps", &M::rms_norm_eps, {0, 1, true}, kMustStay,
             "added to the mean square in norms"),
      Choice("hidden_act", &M::hidden_act,
             {{"relu2", GateActivation::kRelu2}, {"silu", GateActivation::kSilu}}, kMustStay,
             "activation of the gate: \"relu2\" (squared ReLU) or \"silu\""),
      Bool("sub_norms", &M::sub_norms, kMustStay,
           "norms before o_proj and down_proj, as BitNet b1.58 2B-4T has"),
      Bool("tie_word_embeddings", &M::tie_word_embeddings, kMustStay,
           "the head uses the embedding's weights"),
  };
  return keys;
}

const ConfigKeys<QuantizerChoice>& QuantizerKeys() {
  static const ConfigKeys<QuantizerChoice> keys = {
      WeightQuantizerName(), ActivationQuantizerKey(), Granularity(),
      ScaleRuleKey(),        PercentileKey(),          SymmetricKey(),
      ActivationRangeKey(),  ActivationPercentileKey()};
  return keys;
}

const ConfigKeys<QuantizerRule>& QuantizerRuleKeys() {
  static const ConfigKeys<QuantizerRule> keys = [] {
    ConfigKeys<QuantizerRule> all = {Match<QuantizerRule>()};
    AppendQuantizerKeys(&QuantizerRule::choice, all);
    return all;
  }();
  return keys;
}

const ConfigKeys<QuantizationConfig>& QuantizationKeys() {
  static const ConfigKeys<QuantizationConfig> keys = [] {
    ConfigKeys<QuantizationConfig> all;
    AppendQuantizerKeys(&QuantizationConfig::standard, all);
    all.push_back(RampKey("start_step", &QuantizationRamp::start_step,
                          "step from which training quantizes; evaluation always does"));
    all.push_back(
        RampKey("ramp_steps", &QuantizationRamp::ramp_steps,
                "steps from there over which it does more and more: w + share (w_hat - w), "
                "inputs alike, share from 0 to 1"));
    all.push_back(Integer("calibration_tokens", &QuantizationConfig::calibration_tokens, 1,
                          kMaxCount, kMustStay,
                          "int8_static: training tokens that ranges are calibrated on"));
    all.back().as_before = [](const QuantizationConfig& quantizer) {
      return quantizer.calibration_tokens == QuantizationConfig().calibration_tokens;
    };
    return all;
  }();
  return keys;
}

const ConfigKeys<DataConfig>& DataKeys() {
  using D = DataConfig;
  static const ConfigKeys<D> keys = {
      // Where the same data lies may change; checkpoints know the data by its content.
      Strings("train", &D::train, kMayChange,
              "training data: .txt, .jsonl or .bin files, directories of them, or patterns (*, ?)"),
      Strings("validation", &D::validation, kMayChange, "validation data, likewise"),
      Number("validation_fraction", &D::validation_fraction, kFraction, kMustStay,
             "without validation files: how much of the training tokens, from the end, to keep for "
             "it"),
      String("tokenizer", &D::tokenizer, kMayChange,
             "\"bytes\", \"train:4096\" (a new one of 4096 tokens), or a tokenizer's file; not "
             "needed for .bin"),
      Integer("sequence_length", &D::sequence_length, 1, kMaxPositions, kMustStay,
              "tokens of a row"),
      Choice("order", &D::order,
             {{"shuffle", DataOrder::kShuffle}, {"sequential", DataOrder::kSequential}}, kMustStay,
             "\"shuffle\" (rows in a new order every epoch) or \"sequential\""),
      String("chat_template", &D::chat_template, kMustStay,
             "template for conversations, beside which texts may stand; empty: texts only"),
      Bool("document_mask", &D::document_mask, kMustStay,
           "text: a document, which ends with the tokenizer's eos, does not see those before it in "
           "a row; conversations never do"),
  };
  return keys;
}

const ConfigKeys<TrainConfig>& TrainKeys() {
  using T = TrainConfig;
  static const ConfigKeys<T> keys = {
      Integer("steps", &T::steps, 1, kMaxCount, kMayChange, "updates of the weights"),
      Integer("micro_batch", &T::micro_batch, 1, kMaxCount, kMustStay, "rows run at once"),
      Integer("batch_tokens", &T::batch_tokens, 0, kMaxTokens, kMustStay,
              "tokens of an update, a multiple of micro_batch * data.sequence_length; 0: that "
              "product"),
      Integer("seed", &T::seed, 0, INT64_MAX, kMustStay, "of initial weights and of the order"),
      Choice("precision", &T::precision, {{"bf16", Precision::kBF16}, {"f32", Precision::kF32}},
             kMustStay, "of matrix products: \"bf16\" or \"f32\""),
      Bool("activation_checkpointing", &T::activation_checkpointing, kMayChange,
           "keep only the inputs of layers and compute the rest again in backward: less memory, a "
           "third more time, the same bits"),
      Number("clip_grad_norm", &T::clip_grad_norm, kNotNegative, kMustStay,
             "longest gradient; 0: any"),
      Integer("eval_every", &T::eval_every, 0, kMaxCount, kMayChange,
              "steps from one evaluation to the next; 0: only at the end"),
      Integer("eval_tokens", &T::eval_tokens, 0, kMaxTokens, kMayChange,
              "validation tokens an evaluation takes, from the beginning; 0: all"),
      Integer("sample_every", &T::sample_every, 0, kMaxCount, kMayChange,
              "steps from one sample of text to the next; 0: none"),
      String("sample_prompt", &T::sample_prompt, kMayChange, "what samples go on from"),
      Integer(
          "telemetry_every", &T::telemetry_every, 0, kMaxCount, kMayChange,
          "steps from one measurement of every layer (zeros, flips, scales, activations) to the "
          "next; 0: none"),
      Number("spike_zscore", &T::spike_zscore, kNotNegative, kMayChange,
             "a batch is bad if its loss or gradient lies so many standard deviations above those "
             "of the last 128; 0: only if it is not finite"),
      Choice("on_bad_batch", &T::on_bad_batch,
             {{"stop", BadBatchPolicy::kStop}, {"skip", BadBatchPolicy::kSkip}}, kMayChange,
             "\"stop\" the run with an error, or \"skip\" the batch without an update"),
      Bool("overfit_batch", &T::overfit_batch, kMustStay,
           "every step sees the first step's rows: a model that learns gets them right"),
  };
  return keys;
}

const ConfigKeys<OptimizerConfig>& OptimizerKeys() {
  using O = OptimizerConfig;
  static const ConfigKeys<O> keys = {
      Choice("kind", &O::kind, {{"adamw", OptimizerKind::kAdamW}}, kMustStay, "\"adamw\""),
      Betas(),
      Number("eps", &O::eps, kPositive, kMustStay, "added to the root of the mean square"),
      Number("weight_decay", &O::weight_decay, kNotNegative, kMustStay,
             "of matrices, embeddings too, not of norms"),
  };
  return keys;
}

const ConfigKeys<OptimizerGroup>& OptimizerGroupKeys() {
  static const ConfigKeys<OptimizerGroup> keys = {
      Match<OptimizerGroup>(),
      GroupWeightDecay(),
      Number("learning_rate_ratio", &OptimizerGroup::learning_rate_ratio, kNotNegative, kMustStay,
             "factor of the learning rate"),
  };
  return keys;
}

const ConfigKeys<ScheduleConfig>& ScheduleKeys() {
  using S = ScheduleConfig;
  static const ConfigKeys<S> keys = {
      Choice("kind", &S::kind,
             {{"two_stage", ScheduleKind::kTwoStage},
              {"cosine", ScheduleKind::kCosine},
              {"linear", ScheduleKind::kLinear},
              {"constant", ScheduleKind::kConstant},
              {"wsd", ScheduleKind::kWsd}},
             kMayChange,
             "\"two_stage\" (BitNet's), \"cosine\", \"linear\", \"constant\" or \"wsd\""),
      Number("learning_rate", &S::learning_rate, kNotNegative, kMayChange, "the highest"),
      Integer("warmup_steps", &S::warmup_steps, 0, kMaxCount, kMayChange,
              "steps up to it; if not given, 2 % of train.steps"),
      Number("final_ratio", &S::final_ratio, kFraction, kMayChange,
             "learning rate of the last step / learning_rate"),
      Number("stage2_start", &S::stage2_start, kFraction, kMayChange,
             "two_stage: part of the steps after which the second stage begins; wsd: the decay "
             "(0.8 if not given)"),
      Number("stage2_ratio", &S::stage2_ratio, kFraction, kMayChange,
             "two_stage: peak of the second stage / learning_rate"),
      Number("weight_decay_until", &S::weight_decay_until, kFraction, kMayChange,
             "part of the steps with weight decay; if not given, stage2_start for two_stage, else "
             "1"),
  };
  return keys;
}

const ConfigKeys<CheckpointConfig>& CheckpointKeys() {
  using C = CheckpointConfig;
  static const ConfigKeys<C> keys = {
      Integer("every", &C::every, 0, kMaxCount, kMayChange,
              "steps from one checkpoint to the next; 0: only at the end"),
      Integer("keep", &C::keep, 0, kMaxCount, kMayChange, "latest checkpoints that stay; 0: all"),
      Bool("keep_best", &C::keep_best, kMayChange,
           "save where the validation loss is the lowest so far, and keep that checkpoint too"),
      String("init", &C::init, kMayChange,
             "safetensors file, directory or run with the initial weights; empty: random"),
  };
  return keys;
}

const ConfigKeys<EvaluationConfig>& EvaluationKeys() {
  using E = EvaluationConfig;
  static const ConfigKeys<E> keys = {
      Strings("multiple_choice", &E::multiple_choice, kMayChange,
              ".jsonl files of {\"context\", \"choices\", \"answer\"}, answered at every "
              "evaluation"),
      Strings("exact_match", &E::exact_match, kMayChange,
              ".jsonl files of conversations whose last message the model has to give to the "
              "letter"),
      Integer("max_items", &E::max_items, 0, kMaxCount, kMayChange,
              "questions of each file, the first ones; 0: all"),
  };
  return keys;
}

}  // namespace trit
