// GGUF files that are well-formed but no model, or none that can be run: each is refused with the
// key or tensor, and what was expected.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/formats/model_file.h"
#include "tests/support/error_text.h"
#include "tests/support/small_gguf.h"
#include "tests/support/spoiled_file.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

const std::string kArch = "bitnet-b1.58";

SmallGguf Sound() {
  return SmallGguf(OneLayer(64), FewTokens("gpt2"), TensorType::kIQ2_BN, TensorType::kF16);
}

void Check(const std::vector<SpoiledFile<SmallGguf>>& cases) {
  CheckSpoiled<SmallGguf>(
      cases, Sound, [](const SmallGguf& file, const std::string& path) { file.Write(path); },
      [](const std::string& path) { LoadModel(path, {}); });
}

// A change of one key of the architecture.
template <typename T>
std::function<void(SmallGguf&)> Key(const std::string& key, T value) {
  return [=](SmallGguf& f) { f.metadata.Set(kArch + key, value); };
}

template <typename T>
std::function<void(SmallGguf&)> Array(const std::string& key, const std::vector<T>& values) {
  return [=](SmallGguf& f) { f.metadata.Set(key, GgufArray(values)); };
}

BOOST_AUTO_TEST_CASE(TheFileItselfIsSound) {
  const TemporaryFolder folder;
  Sound().Write(folder / "a.gguf");
  BOOST_TEST(LoadModel(folder / "a.gguf", {})->config.hidden_size == 64);
  SmallGguf arrays = Sound();  // a value a layer, as some converters write
  arrays.metadata.Set(kArch + ".attention.head_count", GgufArray(std::vector<int32_t>{1}));
  arrays.metadata.Set(kArch + ".feed_forward_length", GgufArray(std::vector<int32_t>{2}));
  arrays.Write(folder / "a.gguf");
  BOOST_TEST(LoadModel(folder / "a.gguf", {})->config.intermediate_size == 2);
}

BOOST_AUTO_TEST_CASE(ValuesThatCannotBe) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  Check({
      {"architecture",
       [](SmallGguf& f) { f.metadata.Set("general.architecture", std::string("qwen3")); },
       "general.architecture: unsupported architecture"},
      {"architecture's type",
       [](SmallGguf& f) { f.metadata.Set("general.architecture", uint32_t{1}); },
       "general.architecture: wrong metadata value: expected string, found u32"},
      {"missing key",
       [](SmallGguf& f) { f.metadata.Set("general.architecture", std::string("bitnet")); },
       "bitnet.embedding_length: metadata key is missing"},
      {"no layers", Key(".block_count", uint32_t{0}), ".block_count: wrong metadata value"},
      {"negative layers", Key(".block_count", int32_t{-1}), "found -1"},
      {"layers without end", Key(".block_count", uint32_t{5000}), "num_hidden_layers"},
      {"more layers than there are", Key(".block_count", uint32_t{2}),
       "blk.1.attn_norm.weight: tensor is missing"},
      {"layers as text", Key(".block_count", std::string("1")), "found string"},
      {"width", Key(".embedding_length", uint32_t{128}), "wrong shape"},
      {"no heads", Key(".attention.head_count", uint32_t{0}), "at least 1, found 0"},
      {"different heads", Array(kArch + ".attention.head_count", std::vector<int32_t>{1, 2}),
       "layers of different shapes"},
      {"heads of no layer", Array(kArch + ".attention.head_count", std::vector<int32_t>{}),
       "an empty array"},
      {"heads that share unevenly",
       [](SmallGguf& f) {
         Key(".attention.head_count", uint32_t{3})(f);
         Key(".attention.head_count_kv", uint32_t{2})(f);
       },
       "num_key_value_heads: does not divide num_attention_heads"},
      {"more keys than heads", Key(".attention.head_count_kv", uint32_t{2}),
       "num_key_value_heads: value out of range"},
      {"odd head",
       [](SmallGguf& f) {
         for (const char* key :
              {".attention.key_length", ".attention.value_length", ".rope.dimension_count"}) {
           Key(key, uint32_t{3})(f);
         }
       },
       "head_dim: rotary embedding needs pairs"},
      {"part of a head turns", Key(".rope.dimension_count", uint32_t{1}),
       "other than the head size is not supported"},
      {"values of another size", Key(".attention.value_length", uint32_t{4}),
       "other than the head size is not supported"},
      {"no context", Key(".context_length", uint32_t{0}), ".context_length: wrong metadata value"},
      {"endless context", Key(".context_length", uint32_t{1} << 30), "max_position_embeddings"},
      {"eps 0", Key(".attention.layer_norm_rms_epsilon", 0.0f), "layer_norm_rms_epsilon"},
      {"eps below 0", Key(".attention.layer_norm_rms_epsilon", -1.0f), "layer_norm_rms_epsilon"},
      {"eps 1", Key(".attention.layer_norm_rms_epsilon", 1.0f), "rms_norm_eps"},
      {"eps NaN", Key(".attention.layer_norm_rms_epsilon", nan), "layer_norm_rms_epsilon"},
      {"eps as integer", Key(".attention.layer_norm_rms_epsilon", uint32_t{1}), "found u32"},
      {"rope base 0", Key(".rope.freq_base", 0.0f), "rope_theta: value out of range"},
      {"rope base infinite", Key(".rope.freq_base", inf), "rope.freq_base"},
      {"rope scaling",
       [](SmallGguf& f) {
         Key(".rope.scaling.type", std::string("yarn"))(f);
         Key(".rope.scaling.factor", 4.0f)(f);
       },
       "unsupported rotary scaling: expected linear or none, found yarn"},
      {"rope scaling below 0", Key(".rope.scaling.factor", -2.0f),
       "rope_freqs: value out of range"},
      {"activation", Key(".hidden_activation", std::string("gelu")), "hidden_activation"},
      {"vocabulary", Key(".vocab_size", uint32_t{8}), "differs from the rows of token_embd.weight"},
      {"activation quantizer",
       [](SmallGguf& f) { f.metadata.Set("trit.activation_quantizer", std::string("int3")); },
       "unknown activation quantizer: expected none, int8, int4, mixed or int8_static, found int3"},
      {"activations of projections",
       [](SmallGguf& f) { f.metadata.Set("trit.activation_quantizer", std::string("mixed")); },
       "trit.activation_quantizers: the inputs of projections are not told"},
      {"static activations without scales",
       [](SmallGguf& f) {
         f.metadata.Set("trit.activation_quantizer", std::string("int8_static"));
         f.metadata.Set("trit.activation_scales", GgufArray(std::vector<float>{1.0f}));
       },
       "trit.activation_scales: the inputs of projections are not told"},
  });
}

BOOST_AUTO_TEST_CASE(TensorsThatCannotBe) {
  const std::string norm = "output_norm.weight";
  const std::string embedding = "token_embd.weight";
  const std::string q = "blk.0.attn_q.weight";
  const float inf = std::numeric_limits<float>::infinity();
  Check({
      {"missing", [&](SmallGguf& f) { f.tensors.erase(norm); },
       "output_norm.weight: tensor is missing"},
      {"no embedding", [&](SmallGguf& f) { f.tensors.erase(embedding); },
       "token_embd.weight: tensor is missing"},
      {"one too many",
       [](SmallGguf& f) {
         f.AddFloats("blk.0.attn_q.bias", {1, 1});
       },
       "blk.0.attn_q.bias: the architecture has no such tensor"},
      {"layer too many", [](SmallGguf& f) { f.AddFloats("blk.1.attn_norm.weight", {1}); },
       "blk.1.attn_norm.weight: the architecture has no such tensor"},
      {"norm of another size",
       [&](SmallGguf& f) {
         f.AddFloats(norm, {1, 1});
       },
       "output_norm.weight: wrong shape: expected [64, 1], found [2, 1]"},
      {"norm as a matrix",
       [&](SmallGguf& f) {
         f.tensors[norm].dims = {64, 1};
       },
       "output_norm.weight: wrong shape"},
      {"turned", [&](SmallGguf& f) { f.tensors[q] = f.tensors["blk.0.attn_output.weight"]; },
       "blk.0.attn_q.weight: wrong shape: expected [64, 2], found [2, 64]"},
      {"ternary embedding",
       [&](SmallGguf& f) {
         f.tensors[embedding] = {TensorType::kIQ2_BN, {64, 7}, std::vector<uint8_t>(7 * 20)};
       },
       "token_embd.weight: a tensor of this type is not possible here"},
      {"ternary norm",
       [&](SmallGguf& f) {
         f.tensors[norm] = {TensorType::kIQ2_BN, {64}, std::vector<uint8_t>(20)};
       },
       "output_norm.weight: a tensor of this type is not possible here"},
      {"integers",
       [&](SmallGguf& f) {
         f.tensors[norm] = {TensorType::kI32, {64}, std::vector<uint8_t>(256)};
       },
       "output_norm.weight: tensors of type i32 cannot be read"},
      {"norm not finite", [&](SmallGguf& f) { std::memcpy(&f.tensors[norm].bytes[252], &inf, 4); },
       "output_norm.weight: value is NaN or infinite in row 0, column 63"},
      {"embedding not finite",
       [&](SmallGguf& f) {
         f.tensors[embedding].bytes[1] = 0x7C;
         f.tensors[embedding].bytes[0] = 0;
       },
       "token_embd.weight: "},
      {"code that is none", [&](SmallGguf& f) { f.tensors[q].bytes[4] = 0xFF; },
       "blk.0.attn_q.weight: code that stands for no trit"},
      {"scale of two",
       [](SmallGguf& f) {
         f.AddFloats("blk.0.attn_q.scale", {1, 2});
       },
       "blk.0.attn_q.scale: wrong type or shape: expected f32 [1]"},
      {"scale below 0", [](SmallGguf& f) { f.AddFloats("blk.0.attn_q.scale", {-1}); },
       "blk.0.attn_q.scale: not a scale"},
      {"scale infinite",
       [&](SmallGguf& f) {
         f.AddFloats("blk.0.attn_q.scale", {1});
         std::memcpy(f.tensors["blk.0.attn_q.scale"].bytes.data(), &inf, 4);
       },
       "blk.0.attn_q.scale: not a scale"},
      {"frequencies of another size",
       [](SmallGguf& f) {
         f.AddFloats("rope_freqs.weight", {1, 1});
       },
       "rope_freqs.weight: wrong type or shape: expected f32 [1]"},
      {"frequency 0", [](SmallGguf& f) { f.AddFloats("rope_freqs.weight", {0}); },
       "rope_freqs: value out of range"},
  });
}

BOOST_AUTO_TEST_CASE(VocabulariesThatCannotBe) {
  const std::string prefix = "tokenizer.ggml.";
  const std::vector<std::string> six = {"<unk>", "<s>", "</s>", "<tool>", "a", "ab"};
  const auto set = [&](const std::string& key, auto value) {
    return [=](SmallGguf& f) { f.metadata.Set(prefix + key, value); };
  };
  Check({
      {"fewer tokens than rows",
       [=](SmallGguf& f) {
         f.metadata.Set(prefix + "tokens", GgufArray(six));
         f.metadata.Set(prefix + "token_type", GgufArray(std::vector<int32_t>(6, 1)));
         f.metadata.Set(prefix + "merges", GgufArray(std::vector<std::string>{}));
       },
       "tokenizer.ggml.tokens: the vocabulary is not as large as the embedding: expected 7, found "
       "6"},
      {"tokens of numbers", Array(prefix + "tokens", std::vector<uint32_t>(7, 1)),
       "tokenizer.ggml.tokens: wrong metadata value: expected array of string, found array of u32"},
      {"no array", set("tokens", std::string("a")), "expected array of string, found string"},
      {"types as bytes", Array(prefix + "token_type", std::vector<uint8_t>(3, 1)),
       "token types: not one entry a token: expected 7, found 3"},
      {"types of floats", Array(prefix + "token_type", std::vector<float>(7, 1)),
       "expected array of integers, found array of f32"},
      {"scores of integers", Array(prefix + "scores", std::vector<int32_t>(7, 1)),
       "expected array of f32, found array of i32"},
      {"scores not finite", Array(prefix + "scores", std::vector<float>(7, NAN)), "finite numbers"},
      {"bos past the end", set("bos_token_id", uint32_t{7}), "tokenizer.ggml.bos_token_id"},
      {"eot past the end", set("eot_token_id", uint32_t{7}), "tokenizer.ggml.eot_token_id"},
      {"bos as text", set("bos_token_id", std::string("<s>")), "found string"},
      {"flag as number", set("add_bos_token", uint32_t{1}), "expected bool, found u32"},
      {"model", set("model", std::string("bert")), "a kind of tokenizer Trit does not have"},
      {"model as number", set("model", uint32_t{1}), "expected string, found u32"},
      {"merge of no token", Array(prefix + "merges", std::vector<std::string>{"a c"}), "\"c\""},
      {"template as number",
       [](SmallGguf& f) { f.metadata.Set("tokenizer.chat_template", uint32_t{1}); },
       "tokenizer.chat_template: wrong metadata value: expected string, found u32"},
  });
}

}  // namespace
}  // namespace trit
