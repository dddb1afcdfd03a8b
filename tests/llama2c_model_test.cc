#include "engine/formats/llama2c_model.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "tests/support/byte_builder.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace trit {
namespace {

// The 259 tokens before any piece, as the files have them.
ByteBuilder BeginTokenizer() {
  ByteBuilder builder;
  builder.U32(7);
  const auto add = [&](const std::string& text) {
    builder.Number(0.0f).U32(static_cast<uint32_t>(text.size())).Raw(text);
  };
  add("<unk>");
  add("\n<s>\n");
  add("\n</s>\n");
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    add(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + '>');
  }
  return builder;
}

std::string TokenizerBytes() {
  return BeginTokenizer().Number(-1.0f).U32(2).Raw(" a").Number(-2.0f).U32(1).Raw("b").bytes();
}

struct Checkpoint {
  std::unique_ptr<TrainableModel> model;
  std::string bytes;
};

// A model without any quantization, written field by field.
Checkpoint MakeCheckpoint(bool own_head) {
  ModelConfig config = TinyConfig();
  config.vocab_size = 261;
  config.intermediate_size = 172;
  config.num_hidden_layers = 2;
  config.max_position_embeddings = 64;
  config.sub_norms = false;
  config.hidden_act = GateActivation::kSilu;
  config.rope_style = RopeStyle::kInterleaved;
  config.tie_word_embeddings = !own_head;
  QuantizationConfig none;
  none.standard = {.weights = "none", .activations = "none"};
  auto model = std::make_unique<TrainableModel>(config, none, Precision::kF32, 64);
  InitializeForTest(*model, 9);

  ByteBuilder builder;
  for (const int32_t field : {128, 172, 2, 4, 2, own_head ? -261 : 261, 64}) builder.Number(field);
  const auto add = [&](const std::string& name) {
    const WeightId id = model->table().Find(name);
    BOOST_REQUIRE(id != kNoWeight);
    for (const float value : model->parameters().Values(id)) builder.Number(value);
  };
  const auto add_layers = [&](const std::string& name) {
    for (const char* layer : {"0", "1"}) {
      add("model.layers." + std::string(layer) + "." + name + ".weight");
    }
  };
  add("model.embed_tokens.weight");
  for (const char* name : {"input_layernorm", "self_attn.q_proj", "self_attn.k_proj",
                           "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm",
                           "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"}) {
    add_layers(name);
  }
  add("model.norm.weight");
  for (int i = 0; i < 2 * 64 * 16; ++i) builder.Number(0.0f);
  if (own_head) add("lm_head.weight");
  return {std::move(model), builder.bytes()};
}

std::vector<std::vector<float>> LogitsOf(const Model& model) {
  std::vector<std::vector<float>> logits;
  ComputeLogits(model, RandomTokens(20, 261, 1), [&](int64_t, std::span<const float> row) {
    logits.emplace_back(row.begin(), row.end());
  });
  return logits;
}

BOOST_AUTO_TEST_CASE(ReadsEveryWeight) {
  const TemporaryFolder folder;
  for (const bool own_head : {false, true}) {
    const Checkpoint checkpoint = MakeCheckpoint(own_head);
    WriteBytes(folder / "model.bin", checkpoint.bytes);
    WriteBytes(folder / "tok261.bin", TokenizerBytes());
    BOOST_TEST(IsLlama2cModel(folder / "model.bin"));
    const std::unique_ptr<Model> model = LoadModel(folder / "model.bin", {});
    BOOST_TEST(model->name == "model");
    BOOST_TEST((LogitsOf(*model) == LogitsOf(checkpoint.model->MakeInferenceModel())));
    BOOST_REQUIRE(model->tokenizer != nullptr);
    BOOST_TEST(model->tokenizer->Encode("ab", false) == (std::vector<int32_t>{259, 260}),
               boost::test_tools::per_element());
    BOOST_TEST(model->tokenizer->special().add_bos);
    // A text ends where the next one would begin.
    BOOST_TEST(model->tokenizer->special().end_of_generation == (std::vector<int32_t>{1, 2}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(FindsTheTokenizer) {
  const TemporaryFolder folder;
  WriteBytes(folder / "model.bin", MakeCheckpoint(false).bytes);
  BOOST_TEST(LoadModel(folder / "model.bin", {})->tokenizer == nullptr);
  WriteBytes(folder / "other.bin", TokenizerBytes());
  BOOST_TEST(LoadModel(folder / "model.bin", {.tokenizer = folder / "other.bin"})
                 ->tokenizer->vocab_size() == 261);
  WriteBytes(folder / "tokenizer.bin", TokenizerBytes());
  BOOST_TEST(LoadModel(folder / "model.bin", {})->tokenizer->vocab_size() == 261);
  BOOST_TEST(LoadTokenizer(folder / "tokenizer.bin")->vocab_size() == 261);
  BOOST_TEST(LoadTokenizer(folder / "model.bin")->vocab_size() == 261);
  // tok261.bin says more exactly that it belongs to the model.
  WriteBytes(folder / "tok261.bin", "");
  BOOST_TEST(Contains(ErrorText([&] { LoadModel(folder / "model.bin", {}); }),
                      "tok261.bin: file ends within what begins at offset 0"));
}

BOOST_AUTO_TEST_CASE(RefusesOtherSizes) {
  const TemporaryFolder folder;
  const std::string bytes = MakeCheckpoint(false).bytes;
  for (const size_t size : {size_t{0}, size_t{27}, size_t{28}, bytes.size() - 1}) {
    WriteBytes(folder / "model.bin", bytes.substr(0, size));
    BOOST_TEST(!IsLlama2cModel(folder / "model.bin"));
    BOOST_TEST(!ErrorText([&] { LoadModel(folder / "model.bin", {}); }).empty());
  }
  WriteBytes(folder / "model.bin", bytes + "x");
  BOOST_TEST(!IsLlama2cModel(folder / "model.bin"));
  // Fields: every one, negative, zero and large.
  for (size_t field = 0; field < 7; ++field) {
    for (const int32_t value : {-1, 0, 1, INT32_MAX, INT32_MIN}) {
      std::string spoiled = bytes;
      std::memcpy(&spoiled[4 * field], &value, 4);
      WriteBytes(folder / "model.bin", spoiled);
      BOOST_TEST(!IsLlama2cModel(folder / "model.bin"));
    }
  }
  std::string nan = bytes;
  nan[28 + 2] = nan[28 + 3] = '\x7f';
  nan[28 + 2] = '\x80';
  WriteBytes(folder / "model.bin", nan);
  BOOST_TEST(Contains(ErrorText([&] { LoadModel(folder / "model.bin", {}); }),
                      "token_embd.weight: value is NaN or infinite"));
}

BOOST_AUTO_TEST_CASE(RefusesDamagedTokenizers) {
  const TemporaryFolder folder;
  const std::string path = folder / "tokenizer.bin";
  const std::string bytes = TokenizerBytes();
  const auto read = [&](const std::string& content) {
    WriteBytes(path, content);
    return ErrorText([&] { MakeTokenizer(ReadLlama2cTokenizer(path), path); });
  };
  BOOST_TEST(read(bytes).empty());
  BOOST_TEST(Contains(read(bytes.substr(0, bytes.size() - 1)), "file ends within"));
  BOOST_TEST(Contains(read(BeginTokenizer().Number(0.0f).U32(0x80000000).bytes()),
                      "bad length of token 259"));
  BOOST_TEST(Contains(read(BeginTokenizer().Number(0.0f).U32(0).bytes()),
                      "a token has a length that cannot be"));
  BOOST_TEST(Contains(read(BeginTokenizer().Number(std::nanf("")).U32(1).Raw("a").bytes()),
                      "scores[259]: not a finite number"));
}

}  // namespace
}  // namespace trit
