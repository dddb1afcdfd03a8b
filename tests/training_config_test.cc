#include "training/config/training_config.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "training/config/model_presets.h"

namespace trit {
namespace {

using Texts = std::vector<std::string>;

TrainingConfig Parse(const std::string& toml, const Texts& overrides = {}) {
  return ParseTrainingConfig(toml, "run.toml", overrides);
}

std::string ParseError(const std::string& toml, const Texts& overrides = {}) {
  return ErrorText([&] { Parse(toml, overrides); });
}

// Every key differs from its default.
constexpr const char* kEveryKey = R"(
[model]
hidden_size = 96
intermediate_size = 160
num_hidden_layers = 3
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 32
vocab_size = 300
max_position_embeddings = 512
rope_theta = 500000.0
rms_norm_eps = 1e-6
hidden_act = "silu"
sub_norms = false
tie_word_embeddings = false

[quantizer]
weights = "int8"
activations = "int8_static"
granularity = "row"
scale = "percentile"
percentile = 99.5
activation_range = "percentile"
activation_percentile = 99
start_step = 20
calibration_tokens = 100
ramp_steps = 30
[[quantizer.rule]]
match = "layers.0.*"
weights = "int4"
granularity = 32
scale = "learned"
symmetric = false
[[quantizer.rule]]
match = "*.q_proj"
weights = "none"

[data]
train = ["a.txt", "b \"quoted\" \u00e9.jsonl"]
validation = ["c.bin"]
tokenizer = "train:512"
sequence_length = 64
order = "sequential"
chat_template = "chatml"
document_mask = true

[train]
steps = 77
micro_batch = 2
batch_tokens = 384
seed = 9223372036854775807
precision = "f32"
clip_grad_norm = 0.5
eval_every = 11
eval_tokens = 1000
sample_every = 7
sample_prompt = "Once"
telemetry_every = 9
spike_zscore = 4.5
on_bad_batch = "skip"
overfit_batch = true

[optimizer]
betas = [0.8, 0.99]
eps = 1e-6
weight_decay = 0.05
[[optimizer.group]]
match = "*norm*"
weight_decay = 0.25
[[optimizer.group]]
match = "embed_tokens"
learning_rate_ratio = 0.5

[schedule]
kind = "wsd"
learning_rate = 3e-3
warmup_steps = 5
final_ratio = 0.125
stage2_start = 0.75
stage2_ratio = 0.5
weight_decay_until = 0.9

[checkpoint]
every = 13
keep = 0
keep_best = false
init = "init.safetensors"

[evaluation]
multiple_choice = "q.jsonl"
exact_match = ["chats.jsonl"]
max_items = 5
)";

BOOST_AUTO_TEST_CASE(ReadsEveryKey) {
  const TrainingConfig c = Parse(kEveryKey);
  BOOST_TEST(c.model.hidden_size == 96);
  BOOST_TEST(c.model.intermediate_size == 160);
  BOOST_TEST(c.model.num_hidden_layers == 3);
  BOOST_TEST(c.model.num_attention_heads == 4);
  BOOST_TEST(c.model.num_key_value_heads == 2);
  BOOST_TEST(c.model.head_dim == 32);
  BOOST_TEST(c.model.vocab_size == 300);
  BOOST_TEST(c.model.max_position_embeddings == 512);
  BOOST_TEST(c.model.rope_theta == 500000.0);
  BOOST_TEST(c.model.rms_norm_eps == 1e-6f);
  BOOST_TEST((c.model.hidden_act == GateActivation::kSilu));
  BOOST_TEST(!c.model.sub_norms);
  BOOST_TEST(!c.model.tie_word_embeddings);

  BOOST_TEST(c.quantizer.standard.weights == "int8");
  BOOST_TEST(c.quantizer.standard.activations == "int8_static");
  BOOST_TEST((c.quantizer.standard.granularity == ScaleKind::kRow));
  BOOST_TEST(c.quantizer.standard.scale == "percentile");
  BOOST_TEST(c.quantizer.standard.percentile == 99.5);
  BOOST_TEST(c.quantizer.standard.activation_range == "percentile");
  BOOST_TEST(c.quantizer.standard.activation_percentile == 99);
  BOOST_TEST(c.quantizer.calibration_tokens == 100);
  BOOST_TEST(c.quantizer.ramp.start_step == 20);
  BOOST_TEST(c.quantizer.ramp.ramp_steps == 30);
  BOOST_REQUIRE(c.quantizer.rules.size() == 2u);
  BOOST_TEST(c.quantizer.rules[0].match == "layers.0.*");
  BOOST_TEST(c.quantizer.rules[0].choice.weights == "int4");
  BOOST_TEST(c.quantizer.rules[0].choice.activations == "int8_static");  // as the section says
  BOOST_TEST((c.quantizer.rules[0].choice.granularity == ScaleKind::kGroup));
  BOOST_TEST(c.quantizer.rules[0].choice.group_size == 32);
  BOOST_TEST(c.quantizer.rules[0].choice.scale == "learned");
  BOOST_TEST(c.quantizer.rules[0].choice.percentile == 99.9);  // of no meaning there
  BOOST_TEST(!c.quantizer.rules[0].choice.symmetric);
  BOOST_TEST(c.quantizer.rules[1].choice.symmetric);
  BOOST_TEST(c.quantizer.rules[1].choice.weights == "none");
  BOOST_TEST((c.quantizer.rules[1].choice.granularity == ScaleKind::kRow));
  BOOST_TEST(c.quantizer.rules[1].choice.scale == "");  // full precision has none

  BOOST_TEST(c.data.train == Texts({"a.txt", "b \"quoted\" \xc3\xa9.jsonl"}),
             boost::test_tools::per_element());
  BOOST_TEST(c.data.validation == Texts({"c.bin"}), boost::test_tools::per_element());
  BOOST_TEST(c.data.validation_fraction == 0.0);
  BOOST_TEST(c.data.tokenizer == "train:512");
  BOOST_TEST(c.data.sequence_length == 64);
  BOOST_TEST((c.data.order == DataOrder::kSequential));
  BOOST_TEST(c.data.chat_template == "chatml");
  BOOST_TEST(c.data.document_mask);

  BOOST_TEST(c.train.steps == 77);
  BOOST_TEST(c.train.micro_batch == 2);
  BOOST_TEST(c.train.batch_tokens == 384);
  BOOST_TEST(c.MicroBatchesPerStep() == 3);
  BOOST_TEST(c.train.seed == INT64_MAX);
  BOOST_TEST((c.train.precision == Precision::kF32));
  BOOST_TEST(c.train.clip_grad_norm == 0.5);
  BOOST_TEST(c.train.eval_every == 11);
  BOOST_TEST(c.train.eval_tokens == 1000);
  BOOST_TEST(c.train.sample_every == 7);
  BOOST_TEST(c.train.sample_prompt == "Once");
  BOOST_TEST(c.train.telemetry_every == 9);
  BOOST_TEST(c.train.spike_zscore == 4.5);
  BOOST_TEST((c.train.on_bad_batch == BadBatchPolicy::kSkip));
  BOOST_TEST(c.train.overfit_batch);

  BOOST_TEST(c.optimizer.betas[0] == 0.8);
  BOOST_TEST(c.optimizer.betas[1] == 0.99);
  BOOST_TEST(c.optimizer.eps == 1e-6);
  BOOST_TEST(c.optimizer.weight_decay == 0.05);
  BOOST_REQUIRE(c.optimizer.groups.size() == 2u);
  BOOST_TEST(c.optimizer.groups[0].weight_decay.value() == 0.25);
  BOOST_TEST(c.optimizer.groups[0].learning_rate_ratio == 1.0);
  BOOST_TEST(!c.optimizer.groups[1].weight_decay.has_value());
  BOOST_TEST(c.optimizer.groups[1].learning_rate_ratio == 0.5);

  BOOST_TEST((c.schedule.kind == ScheduleKind::kWsd));
  BOOST_TEST(c.schedule.learning_rate == 3e-3);
  BOOST_TEST(c.schedule.warmup_steps == 5);
  BOOST_TEST(c.schedule.final_ratio == 0.125);
  BOOST_TEST(c.schedule.stage2_start == 0.75);
  BOOST_TEST(c.schedule.stage2_ratio == 0.5);
  BOOST_TEST(c.schedule.weight_decay_until == 0.9);

  BOOST_TEST(c.checkpoint.every == 13);
  BOOST_TEST(c.checkpoint.keep == 0);
  BOOST_TEST(!c.checkpoint.keep_best);
  BOOST_TEST(c.checkpoint.init == "init.safetensors");

  BOOST_TEST(c.evaluation.multiple_choice == Texts({"q.jsonl"}), boost::test_tools::per_element());
  BOOST_TEST(c.evaluation.exact_match == Texts({"chats.jsonl"}), boost::test_tools::per_element());
  BOOST_TEST(c.evaluation.max_items == 5);
}

BOOST_AUTO_TEST_CASE(RoundTrips) {
  for (const std::string toml :
       {"", kEveryKey, "[model]\npreset = \"30m\"", "[data]\ntrain = \"a.bin\"",
        "[quantizer]\ngranularity = 64\n[optimizer]\neps = 1e-30\n[schedule]\nlearning_rate = 3"}) {
    const TrainingConfig config = Parse(toml);
    const std::string written = TrainingConfigToToml(config);
    BOOST_TEST_INFO_SCOPE(written);
    BOOST_TEST((Parse(written) == config));
    BOOST_TEST(TrainingConfigToToml(Parse(written)) == written);
  }
}

// Numbers that have no short decimal survive.
BOOST_AUTO_TEST_CASE(RoundTripsNumbersToTheBit) {
  TrainingConfig config = Parse("");
  for (const double rate : {0.1 + 0.2, 1.0 / 3.0, 5e-324, 1e22, 123456789.0, 0.0}) {
    config.schedule.learning_rate = rate;
    config.model.rms_norm_eps = std::nextafter(1e-5f, 1.0f);
    const TrainingConfig read = Parse(TrainingConfigToToml(config));
    BOOST_TEST(read.schedule.learning_rate == rate);
    BOOST_TEST(read.model.rms_norm_eps == config.model.rms_norm_eps);
  }
}

BOOST_AUTO_TEST_CASE(StringsRoundTrip) {
  TrainingConfig config = Parse("");
  config.checkpoint.init = "a\\b\"c\n\t\x01\x7f'#\xc3\xa9";
  BOOST_TEST(Parse(TrainingConfigToToml(config)).checkpoint.init == config.checkpoint.init);
}

BOOST_AUTO_TEST_CASE(AnnotatedDefaultsAreTheDefaults) {
  const std::string text = AnnotatedDefaults();
  BOOST_TEST((Parse(text) == Parse("")));
  for (const char* part : {"[model]\n", "[schedule]\n", "# preset: ", "# [[quantizer.rule]]",
                           "# match: ", "# learning_rate_ratio: ", "\nweight_decay = 0.1\n"}) {
    BOOST_TEST(Contains(text, part));
  }
}

BOOST_AUTO_TEST_CASE(FillsInWhatDepends) {
  const TrainingConfig defaults = Parse("");
  BOOST_TEST(defaults.model.hidden_size == 384);  // preset 10m
  BOOST_TEST(defaults.model.head_dim == 64);
  BOOST_TEST(defaults.model.vocab_size == 0);
  BOOST_TEST(defaults.model.max_position_embeddings == defaults.data.sequence_length);
  BOOST_TEST(defaults.train.batch_tokens ==
             defaults.train.micro_batch * defaults.data.sequence_length);
  BOOST_TEST(defaults.schedule.warmup_steps == 20);  // 2 % of 1000
  BOOST_TEST(defaults.schedule.weight_decay_until == 0.5);
  BOOST_TEST(defaults.data.tokenizer == "bytes");
  BOOST_TEST(defaults.quantizer.standard.scale == "absmean");
  BOOST_TEST(Parse("", {"quantizer.weights=int3"}).quantizer.standard.scale == "learned");

  const TrainingConfig heads = Parse("[model]\nhidden_size = 64\nnum_attention_heads = 8");
  BOOST_TEST(heads.model.num_key_value_heads == 8);
  BOOST_TEST(heads.model.head_dim == 8);
  BOOST_TEST(heads.model.num_hidden_layers == 6);  // the preset's

  BOOST_TEST(Parse("[schedule]\nstage2_start = 0.7").schedule.weight_decay_until == 0.7);
  const ScheduleConfig wsd = Parse("[schedule]\nkind = \"wsd\"").schedule;
  BOOST_TEST(wsd.stage2_start == 0.8);
  BOOST_TEST(wsd.weight_decay_until == 1.0);
  BOOST_TEST(Parse("[data]\ntrain = [\"a.bin\"]").data.tokenizer == "");
  BOOST_TEST(Parse("[data]\ntrain = [\"a.bin\", \"b.txt\"]").data.tokenizer == "bytes");
  BOOST_TEST(Parse("[data]\nvalidation = [\"v.txt\"]").data.validation_fraction == 0.0);
  BOOST_TEST(Parse("[train]\nbatch_tokens = 0").train.batch_tokens == 8 * 256);
}

BOOST_AUTO_TEST_CASE(PresetsAreValidAndCanBeChanged) {
  BOOST_TEST(ModelPresetNames().size() == 8u);
  for (const std::string& name : ModelPresetNames()) {
    const TrainingConfig config = Parse("[model]\npreset = \"" + name + "\"");
    BOOST_TEST(config.model.intermediate_size % 128 == 0);
    BOOST_TEST(config.model.hidden_size % 128 == 0);
    BOOST_TEST(config.model.QuerySize() == config.model.hidden_size);
  }
  // Wherever the preset stands, the keys beside it win.
  const ModelConfig model = Parse("[model]\nnum_hidden_layers = 2\npreset = \"30m\"").model;
  BOOST_TEST(model.num_hidden_layers == 2);
  BOOST_TEST(model.hidden_size == 512);
  BOOST_TEST(Contains(ParseError("[model]\npreset = \"5m\""), "run.toml:2: model.preset"));
}

BOOST_AUTO_TEST_CASE(Overrides) {
  const std::string toml = "[train]\nsteps = 5\n[optimizer]\nweight_decay = 0.3";
  BOOST_TEST(Parse(toml, {"train.steps=9"}).train.steps == 9);
  BOOST_TEST(Parse(toml, {"train.steps=9", "train.steps = 10"}).train.steps == 10);
  BOOST_TEST(Parse(toml, {"train.seed=7"}).optimizer.weight_decay == 0.3);
  BOOST_TEST(Parse("", {"quantizer.weights=none"}).quantizer.standard.weights == "none");
  BOOST_TEST(Parse("", {"quantizer.weights=\"none\""}).quantizer.standard.weights == "none");
  BOOST_TEST(Parse("", {"quantizer.granularity=128"}).quantizer.standard.group_size == 128);
  BOOST_TEST(Parse("", {"schedule.learning_rate=1e-3"}).schedule.learning_rate == 1e-3);
  BOOST_TEST(Parse("", {"schedule.learning_rate=2"}).schedule.learning_rate == 2.0);
  BOOST_TEST(Parse("", {"model.sub_norms=false"}).model.sub_norms == false);
  BOOST_TEST(Parse("", {"model.preset=1m"}).model.hidden_size == 128);
  BOOST_TEST(Parse("", {"data.tokenizer=train:512"}).data.tokenizer == "train:512");
  BOOST_TEST(Parse("", {"data.train=some/a=b.txt"}).data.train.at(0) == "some/a=b.txt");
  BOOST_TEST(Parse("", {"data.train=[\"a.txt\", \"b.txt\"]"}).data.train.size() == 2u);
  BOOST_TEST(Parse("", {"checkpoint.init="}).checkpoint.init == "");
  const TrainingConfig rules =
      Parse("", {"quantizer.rule=[{match=\"layers.0.*\", weights=\"int8\"}]"});
  BOOST_REQUIRE(rules.quantizer.rules.size() == 1u);
  BOOST_TEST(rules.quantizer.rules[0].choice.weights == "int8");
  // More than one value is no value.
  BOOST_TEST(Parse("", {"checkpoint.init=1\nx = 2"}).checkpoint.init == "1\nx = 2");
}

BOOST_AUTO_TEST_CASE(RefusesBadOverrides) {
  for (const char* text : {"train.steps", "steps=5", "=5", "", "a=b.c"}) {
    const std::string error = ParseError("", {text});
    BOOST_TEST(Contains(error, "usage: --set: not an assignment"));
    BOOST_TEST(Contains(error, "train.steps=100"));
  }
  BOOST_TEST(Contains(ParseError("", {"train.stepz=5"}),
                      "--set: train.stepz: unknown key (did you mean train.steps?)"));
  BOOST_TEST(Contains(ParseError("", {"train.steps=many"}), "--set: train.steps: wrong type"));
  BOOST_TEST(Contains(ParseError("", {"data.train=[a.txt]"}), "not valid TOML"));
  BOOST_TEST(Contains(ParseError("", {"checkpoint.init=\xff"}), "not valid TOML"));
  BOOST_TEST(Contains(ParseError("", {"train.a.b=5"}), "unknown key"));
  BOOST_TEST(Contains(ParseError("train = 5", {"train.steps=5"}), "expected a table"));
}

BOOST_AUTO_TEST_CASE(UnknownKeysNameTheNearest) {
  struct Case {
    const char* toml;
    const char* message;
  };
  const Case cases[] = {
      {"[train]\nstep = 5", "run.toml:2: train.step: unknown key (did you mean train.steps?)"},
      {"[model]\nhiden_size = 5", "did you mean model.hidden_size?"},
      {"[model]\nn_layers = 5", "model.n_layers: unknown key"},
      {"[train]\nlearning_rate = 1e-3", "did you mean schedule.learning_rate?"},
      {"[training]\nsteps = 5", "training.steps: unknown key (did you mean train.steps?)"},
      {"steps = 5", "run.toml:1: steps: unknown key (did you mean train.steps?)"},
      {"[optimiser]", "optimiser: unknown key (did you mean optimizer?)"},
      {"[[quantizer.rule]]\nmatch = \"a\"\nweight = \"int8\"",
       "run.toml:3: quantizer.rule.weight: unknown key (did you mean quantizer.rule.weights?)"},
      {"[[optimizer.group]]\nmatch = \"a\"\nlearning_rate_factor = 1",
       "did you mean optimizer.group.learning_rate_ratio?"},
      {"[[quantizer.rules]]\nmatch = \"a\"",
       "quantizer.rules: unknown key (did you mean quantizer.rule?)"},
      {"[quantizer.rul]\nmatch = \"a\"",
       "quantizer.rul: unknown key (did you mean quantizer.rule?)"},
  };
  for (const Case& c : cases) {
    const std::string text = ParseError(c.toml);
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, "usage: "));
    BOOST_TEST(Contains(text, c.message));
    BOOST_TEST(Contains(text, "did you mean "));
  }
}

BOOST_AUTO_TEST_CASE(RefusesWrongTypesAndValues) {
  struct Case {
    const char* toml;
    std::vector<std::string> message;  // after "usage: run.toml:N: "
  };
  const Case cases[] = {
      {"[train]\nsteps = \"5\"", {"train.steps: wrong type", "an integer from 1", "found '5'"}},
      {"[train]\nsteps = 5.0", {"train.steps: wrong type", "found 5.0"}},
      {"[train]\nsteps = 0", {"out of range", "an integer from 1 to", "found 0"}},
      {"[train]\nseed = -1", {"train.seed: value out of range", "found -1"}},
      {"[train]\nclip_grad_norm = true", {"wrong type", "a number from 0 up", "found true"}},
      {"[train]\nclip_grad_norm = inf", {"out of range", "found inf"}},
      {"[train]\nclip_grad_norm = nan", {"out of range", "found nan"}},
      {"[schedule]\nlearning_rate = -1e-3", {"out of range", "a number from 0 up"}},
      {"[schedule]\nfinal_ratio = 1.5", {"out of range", "a number from 0 to 1"}},
      {"[optimizer]\neps = 0", {"out of range", "a number above 0", "found 0"}},
      {"[model]\nrms_norm_eps = 0.0", {"a number above 0 up to 1"}},
      {"[model]\nsub_norms = 1", {"model.sub_norms: wrong type", "true or false"}},
      {"[model]\nhidden_act = \"gelu\"", {"not one of the choices", "\"relu2\" or \"silu\""}},
      {"[data]\norder = 5", {"\"shuffle\" or \"sequential\"", "found 5"}},
      {"[data]\ntrain = [1]", {"data.train: wrong type", "a list of strings", "found 1"}},
      {"[data]\ntrain = {a = 1}", {"a list of strings"}},
      {"[data]\ntokenizer = 5", {"a string", "found 5"}},
      {"[quantizer]\nweights = \"int5\"", {"quantizer.weights", "\"ternary\"", "found 'int5'"}},
      {"[quantizer]\nweights = \"int4\"\nscale = \"absmean\"",
       {"run.toml: quantizer.scale: no such rule for the scale of int4", "\"learned\""}},
      {"[quantizer]\nscale = \"mse\"\n[[quantizer.rule]]\nmatch = \"a\"\nweights = \"binary\"",
       {"quantizer.scale", "\"absmean\"", "in the rule for \"a\""}},
      {"[quantizer]\nsymmetric = false", {"quantizer.symmetric: ternary weights have no offset"}},
      {"[quantizer]\nactivations = \"int5\"", {"\"int8\", \"int4\"", "or \"none\""}},
      {"[quantizer]\nactivation_range = \"max\"",
       {"quantizer.activation_range", "\"minmax\", \"percentile\" or \"mse\""}},
      {"[quantizer]\npercentile = 50", {"quantizer.percentile: value out of range"}},
      {"[quantizer]\ngranularity = \"col\"", {"\"tensor\", \"row\" or a group size"}},
      {"[quantizer]\ngranularity = 0", {"quantizer.granularity: value out of range"}},
      {"[quantizer]\nrule = 5", {"quantizer.rule: wrong type", "[[quantizer.rule]]"}},
      {"[quantizer]\nrule = [5]", {"quantizer.rule: wrong type", "[[quantizer.rule]]"}},
      {"[[quantizer.rule]]\nweights = \"int8\"", {"quantizer.rule.match: missing"}},
      {"[[quantizer.rule]]\nmatch = \"\"", {"quantizer.rule.match: empty"}},
      {"[[quantizer.rule]]\nmatch = \"a\"\nweights = \"x\"", {"quantizer.rule.weights"}},
      {"[optimizer]\nkind = \"sgd\"", {"\"adamw\"", "found 'sgd'"}},
      {"[optimizer]\nbetas = [0.9]", {"optimizer.betas", "a list of two numbers"}},
      {"[optimizer]\nbetas = [0.9, 1.0]", {"numbers below 1"}},
      {"[optimizer]\nbetas = [0.9, \"x\"]", {"wrong type"}},
      {"train = 5", {"train: wrong type", "a table, [train]"}},
  };
  for (const Case& c : cases) {
    const std::string text = ParseError(c.toml);
    BOOST_TEST_INFO_SCOPE(c.toml << "\n" << text);
    BOOST_TEST(Contains(text, "usage: run.toml:"));
    for (const std::string& part : c.message) BOOST_TEST(Contains(text, part));
  }
}

BOOST_AUTO_TEST_CASE(RefusesWhatDoesNotFitTogether) {
  struct Case {
    const char* toml;
    std::vector<std::string> message;
  };
  const Case cases[] = {
      {"[model]\nhidden_size = 100", {"model.num_attention_heads", "divisor of 100"}},
      {"[model]\nnum_key_value_heads = 4", {"model.num_key_value_heads", "divisor of 6"}},
      {"[model]\nnum_key_value_heads = 7", {"model.num_key_value_heads"}},
      {"[model]\nhead_dim = 33", {"model.head_dim", "even"}},
      {"[model]\nmax_position_embeddings = 100", {"model.max_position_embeddings", "256 or more"}},
      {"[train]\nbatch_tokens = 3000", {"train.batch_tokens", "= 2048", "found 3000"}},
      {"[train]\nmicro_batch = 1000000000", {"train.micro_batch", "rows of 256"}},
      {"[data]\nvalidation = [\"a\"]\nvalidation_fraction = 0.5",
       {"data.validation_fraction", "choose one"}},
      {"[data]\ntokenizer = \"train:\"", {"data.tokenizer", "train:4096"}},
      {"[data]\ntokenizer = \"train:-5\"", {"data.tokenizer"}},
      {"[data]\ntokenizer = \"train:4k\"", {"data.tokenizer", "found \"train:4k\""}},
      {"[schedule]\nfinal_ratio = 0.9", {"schedule.final_ratio", "at most 0.65"}},
  };
  for (const Case& c : cases) {
    const std::string text = ParseError(c.toml);
    BOOST_TEST_INFO_SCOPE(c.toml << "\n" << text);
    BOOST_TEST(Contains(text, "usage: "));
    for (const std::string& part : c.message) BOOST_TEST(Contains(text, part));
  }
}

BOOST_AUTO_TEST_CASE(RefusesBadSyntax) {
  const std::string text = ParseError("[train]\nsteps = = 5");
  BOOST_TEST(Contains(text, "usage: run.toml:2: not valid TOML"));
  BOOST_TEST(Contains(ParseError("[train]\nsteps = 1\nsteps = 2"), "run.toml:3"));
  BOOST_TEST(Contains(ParseError("a = \"\xff\""), "not valid TOML"));
  BOOST_TEST(Contains(ParseError("a = " + std::string(1000, '[')), "not valid TOML"));
}

BOOST_AUTO_TEST_CASE(ReadsFiles) {
  const TemporaryFolder folder;
  WriteBytes(folder / "run.toml", "[train]\nsteps = 3\n");
  const Texts overrides = {"train.seed=4"};
  const TrainingConfig config = ReadTrainingConfig(folder / "run.toml", overrides);
  BOOST_TEST(config.train.steps == 3);
  BOOST_TEST(config.train.seed == 4);
  BOOST_CHECK_THROW(ReadTrainingConfig(folder / "absent.toml", {}), Error);
}

BOOST_AUTO_TEST_CASE(TokenizerChoices) {
  using Kind = TokenizerChoice::Kind;
  BOOST_TEST((ParseTokenizerChoice("").kind == Kind::kNone));
  BOOST_TEST((ParseTokenizerChoice("bytes").kind == Kind::kBytes));
  const TokenizerChoice train = ParseTokenizerChoice("train:4096");
  BOOST_TEST((train.kind == Kind::kTrain));
  BOOST_TEST(train.vocab_size == 4096);
  const TokenizerChoice file = ParseTokenizerChoice("dir/tokenizer.json");
  BOOST_TEST((file.kind == Kind::kFile));
  BOOST_TEST(file.path == "dir/tokenizer.json");
}

BOOST_AUTO_TEST_CASE(DecayAndRatesByGroup) {
  const OptimizerConfig optimizer =
      Parse(
          "[[optimizer.group]]\nmatch = \"*norm*\"\nweight_decay = 0.25\n"
          "[[optimizer.group]]\nmatch = \"layers.0.*\"\nlearning_rate_ratio = 0.5\n"
          "[[optimizer.group]]\nmatch = \"layers.*\"\nweight_decay = 0\n")
          .optimizer;
  const auto weight = [](const char* name, WeightKind kind) {
    return WeightInfo{.kind = kind, .name = name};
  };
  const WeightInfo embedding = weight("model.embed_tokens.weight", WeightKind::kEmbedding);
  const WeightInfo norm = weight("model.layers.0.input_layernorm.weight", WeightKind::kNorm);
  const WeightInfo first = weight("model.layers.0.mlp.up_proj.weight", WeightKind::kLinear);
  const WeightInfo second = weight("model.layers.1.mlp.up_proj.weight", WeightKind::kLinear);
  BOOST_TEST(optimizer.WeightDecayFor(embedding) == 0.1);
  BOOST_TEST(optimizer.WeightDecayFor(norm) == 0.25);
  BOOST_TEST(optimizer.WeightDecayFor(first) == 0.1);  // its group does not say
  BOOST_TEST(optimizer.WeightDecayFor(second) == 0.0);
  BOOST_TEST(optimizer.LearningRateRatioFor(first) == 0.5);
  BOOST_TEST(optimizer.LearningRateRatioFor(norm) == 1.0);
  const OptimizerConfig plain = Parse("").optimizer;
  BOOST_TEST(plain.WeightDecayFor(norm) == 0.0);
  BOOST_TEST(plain.WeightDecayFor(weight("s", WeightKind::kQuantizerScale)) == 0.0);
  BOOST_TEST(plain.WeightDecayFor(weight("lm_head.weight", WeightKind::kHead)) == 0.1);
}

BOOST_AUTO_TEST_CASE(KnowsWhatMakesARun) {
  const TrainingConfig before = Parse("[[quantizer.rule]]\nmatch = \"a\"");
  TrainingConfig now = before;
  now.train.steps = 5;
  now.schedule.learning_rate = 1;
  now.data.train = {"elsewhere.txt"};
  now.checkpoint.every = 7;
  RequireSameRun(before, now);
  BOOST_TEST(ConfigFingerprint(before) == ConfigFingerprint(now));

  const auto changed = [&](const Texts& overrides) {
    const TrainingConfig other = Parse("[[quantizer.rule]]\nmatch = \"a\"", overrides);
    BOOST_TEST(ConfigFingerprint(before) != ConfigFingerprint(other));
    return ErrorText([&] { RequireSameRun(before, other); });
  };
  const std::string seed = changed({"train.seed=1"});
  BOOST_TEST(Contains(seed, "usage: train.seed: cannot change when a run is continued"));
  BOOST_TEST(Contains(seed, "expected 0, found 1"));
  BOOST_TEST(Contains(changed({"model.sub_norms=false"}), "model.sub_norms"));
  BOOST_TEST(Contains(changed({"train.micro_batch=4"}), "train.micro_batch"));
  BOOST_TEST(Contains(changed({"quantizer.rule=[]"}), "quantizer.rule"));
  BOOST_TEST(Contains(changed({"quantizer.scale=mse"}), "quantizer.scale"));
  BOOST_TEST(Contains(changed({"quantizer.scale=percentile", "quantizer.percentile=99"}),
                      "quantizer.scale"));
  BOOST_TEST(Contains(changed({"quantizer.ramp_steps=9"}), "quantizer.ramp_steps"));
  BOOST_TEST(Contains(changed({"quantizer.symmetric=false", "quantizer.weights=int4",
                               "quantizer.rule=[{match=\"a\"}]"}),
                      "quantizer.weights"));
  BOOST_TEST(Contains(changed({"optimizer.group=[{match=\"x\"}]"}), "optimizer.group"));
}

}  // namespace
}  // namespace trit
