#include "tests/fuzz/gguf_seeds.h"

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizers/make_tokenizer.h"
#include "tests/fuzz/seed_files.h"
#include "tests/support/small_gguf.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

// Choices of fuzz_conversion: all of them, some by name, and types of rows of 256.
constexpr char kConversionChoices = 20;
constexpr char kConversionF16Embeddings = 14, kConversionHf = 18, kConversionExact = 19;
constexpr char kConversionsOf256[] = {4, 7, 8};  // q6_k, tq1_0, tq2_0

struct Types {
  TensorType linear, embedding;
};

// quantizer: what weights were trained with, if the file says so. scale_tensors: with a factor of
// every projection.
void WriteModel(const fs::path& path, const ModelConfig& config, const TokenizerData& tokenizer,
                Types types, bool scale_tensors = false, const std::string& quantizer = "") {
  SmallGguf file(config, tokenizer, types.linear, types.embedding);
  if (scale_tensors) {
    const WeightTable table(config);
    for (const WeightInfo& info : table.weights()) {
      if (info.kind != WeightKind::kLinear) continue;
      file.AddFloats(info.gguf_name.substr(0, info.gguf_name.rfind('.')) + ".scale", {2});
    }
  }
  file.metadata.Set("trit.activation_quantizer", std::string("int8"));
  if (!quantizer.empty()) file.metadata.Set("trit.weight_quantizer", quantizer);
  file.metadata.Set("tokenizer.chat_template", std::string("<|im_start|>"));
  file.Write(path.string());
}

// Dimensions that may be, whose product is no number of bytes: 2^64 and 2^63.
void WriteHugeTensorSeeds(const fs::path& folder) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16}) {
    const fs::path path = folder / ("refused_huge_" + std::string(InfoOf(type).name));
    SmallGguf(OneLayer(32), FewTokens("gpt2"), TensorType::kF16, type).Write(path);
    std::string bytes = ReadSeed(path);
    const std::string name = "token_embd.weight";
    const size_t dims = bytes.find(name) + name.size() + sizeof(uint32_t);
    const uint64_t huge[] = {uint64_t{1} << 31, uint64_t{1} << 31};
    std::memcpy(bytes.data() + dims, huge, sizeof(huge));
    WriteSeed(path, bytes);
  }
}

}  // namespace

void WriteGgufHeaderSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  const auto write = [&](const std::string& name, const GgufMetadata& metadata) {
    CreateGguf((folder / name).string(), metadata, {}).Commit();
  };
  for (const char* pre : {"llama-bpe", "qwen2", "gpt-2", "falcon", "smollm", "default"}) {
    TokenizerData data = FewTokens("gpt2");
    data.pre = pre;
    GgufMetadata metadata;
    metadata.Set("general.architecture", std::string("llama"));
    AppendGgufTokenizer(MakeTokenizer(data, "")->data(), metadata);
    write(pre, metadata);
  }
  for (const bool bytes : {false, true}) {
    TokenizerData data = bytes ? SpmVocabulary({"t", "▁t"}) : FewTokens("llama");
    GgufMetadata metadata;
    AppendGgufTokenizer(MakeTokenizer(data, "")->data(), metadata);
    write(bytes ? "spm_bytes" : "spm", metadata);
  }
  const auto write_tokenizer = [&](const std::string& name, const TokenizerData& tokenizer) {
    GgufMetadata metadata;
    AppendGgufTokenizer(tokenizer, metadata);
    write("tokenizer_" + name, metadata);
  };
  write_tokenizer("no_tokens", TokenizerData{.model = "gpt2"});
  TokenizerData data = FewTokens("llama");
  data.unknown = 99;
  write_tokenizer("special_id", data);
  data.unknown = 5;
  write_tokenizer("unknown", data);
  data.unknown = 0;
  data.strip_left = {3};
  write_tokenizer("strips", data);
  GgufMetadata values;
  values.Set("general.architecture", std::string("bitnet-b1.58"));
  const auto add_both = [&]<typename T>(T value) {
    const std::string name = "v" + std::to_string(values.entries().size());
    values.Set(name, value);
    values.Set(name + ".a", GgufArray(std::vector<T>{value, value}));
  };
  add_both(uint8_t{1});
  add_both(int8_t{-1});
  add_both(uint16_t{2});
  add_both(int16_t{-2});
  add_both(uint32_t{3});
  add_both(int32_t{-3});
  add_both(1.5f);
  add_both(true);
  add_both(std::string("text"));
  add_both(uint64_t{4});
  add_both(int64_t{-4});
  add_both(2.5);
  write("values", values);
}

void WriteGgufModelSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  const TokenizerData bpe = FewTokens("gpt2");
  const TokenizerData spm = FewTokens("llama");
  using enum TensorType;
  for (const auto& [types, width] : std::vector<std::pair<Types, int64_t>>{{{kTQ1_0, kQ6_K}, 256},
                                                                           {{kTQ2_0, kQ8_0}, 256},
                                                                           {{kI2_S, kQ4_0}, 128},
                                                                           {{kIQ1_BN, kF16}, 64},
                                                                           {{kIQ2_BN, kBF16}, 64},
                                                                           {{kQ2_0, kQ2_0}, 64},
                                                                           {{kF16, kF32}, 32},
                                                                           {{kBF16, kQ8_0}, 32},
                                                                           {{kQ6_K, kQ6_K}, 256},
                                                                           {{kQ4_0, kQ4_0}, 32},
                                                                           {{kQ4_1, kQ4_0}, 32},
                                                                           {{kQ8_0, kF16}, 32}}) {
    const std::string name =
        std::string(InfoOf(types.linear).name) + "_" + std::string(InfoOf(types.embedding).name);
    WriteModel(folder / name, OneLayer(width), bpe, types);
  }
  for (const TensorType type : {kQ4_0, kQ4_1, kQ8_0}) {
    WriteModel(folder / ("integers_" + std::string(InfoOf(type).name)), OneLayer(32), bpe,
               {type, kF16}, false, type == kQ8_0 ? "int8" : "mixed");
  }
  WriteModel(folder / "integers_q2_0", OneLayer(64), bpe, {kQ2_0, kF16}, false, "int2");
  WriteModel(folder / "integers_q4_0_wide", OneLayer(64), bpe, {kQ4_0, kF16}, false, "mixed");
  ModelConfig config = OneLayer(64);
  config.sub_norms = config.tie_word_embeddings = false;
  config.hidden_act = GateActivation::kSilu;
  config.rope_style = RopeStyle::kInterleaved;
  config.head_dim = 4;
  config.rope_frequency_factors = {2, 3};
  WriteModel(folder / "llama_untied", config, spm, {kIQ2_BN, kF16}, true);
  config.rope_frequency_factors = {2, 2};
  WriteModel(folder / "llama_linear_rope", config, spm, {kF16, kF32});
  config.sub_norms = config.tie_word_embeddings = true;
  config.hidden_size = 128;
  WriteModel(folder / "bitnet_silu", config, spm, {kI2_S, kQ8_0}, true);
  // Rows that only groups of 64 fit, which Trit does not write: of trits 0, with the scale 1.
  SmallGguf groups(OneLayer(64), bpe, kIQ2_BN, kF16);
  for (auto& [name, tensor] : groups.tensors) {
    if (tensor.type != kIQ2_BN) continue;
    const size_t codes = static_cast<size_t>(tensor.dims[0] * tensor.dims[1] / 4);
    tensor.type = kI2_S;
    tensor.bytes.assign(codes + 32, 0x55);
    const float scale = 1.0f;
    std::memcpy(tensor.bytes.data() + codes, &scale, sizeof(scale));
  }
  groups.Write(folder / "i2_s_groups_of_64");
  for (const auto& [type, quantizer] :
       {std::pair{kQ4_0, "int4"}, {kQ4_1, "int4"}, {kQ8_0, "int8"}}) {
    SmallGguf file(OneLayer(64), bpe, type, kF32);
    file.metadata.Set("trit.activation_quantizer", std::string("int8"));
    file.metadata.Set("trit.weight_quantizer", std::string(quantizer));
    file.Write(folder / ("integers_" + std::string(InfoOf(type).name)));
  }
}

void WriteRefusedGgufSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  const auto write = [&](const std::string& name, const std::function<void(SmallGguf&)>& change,
                         TensorType embedding = TensorType::kF16) {
    SmallGguf file(OneLayer(32), FewTokens("gpt2"), TensorType::kF16, embedding);
    change(file);
    file.Write(folder / ("refused_" + name));
  };
  const auto set = [&](const std::string& name, const std::string& key, const GgufValue& value) {
    write(name, [&](SmallGguf& file) { file.metadata.Set(key, value); });
  };
  const std::string arch = "bitnet-b1.58.";
  const auto array = [](std::vector<uint32_t> values) { return GgufArray(std::move(values)); };
  set("split", "split.count", uint16_t{2});
  set("quantizer", "trit.weight_quantizer", std::string("int5"));
  set("no_heads", arch + "attention.head_count", uint32_t{0});
  write("kv_heads", [&](SmallGguf& file) {
    file.metadata.Set(arch + "attention.head_count", uint32_t{3});
    file.metadata.Set(arch + "attention.head_count_kv", uint32_t{2});
  });
  set("heads_by_layer", arch + "attention.head_count", array({1}));
  set("heads_of_no_layer", arch + "attention.head_count", array({}));
  set("unequal_layers", arch + "feed_forward_length", array({2, 3}));
  set("negative", arch + "feed_forward_length", int32_t{-1});
  set("too_large", arch + "feed_forward_length", UINT64_MAX);
  set("floats_for_counts", arch + "feed_forward_length", GgufArray(std::vector<float>{2}));
  set("more_tokens", "tokenizer.ggml.tokens",
      GgufArray(std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h"}));
  set("activations", "trit.activation_quantizer", std::string("int5"));
  set("mixed_activations", "trit.activation_quantizer", std::string("mixed"));
  set("static_activations", "trit.activation_quantizer", std::string("int8_static"));
  write("static_scale", [](SmallGguf& file) {
    file.metadata.Set("trit.activation_quantizer", std::string("int8_static"));
    file.metadata.Set("trit.activation_scales", GgufArray(std::vector<float>(7, -1.0f)));
  });
  set("long_token", "tokenizer.ggml.merges",
      GgufArray(std::vector<std::string>{std::string(5000, 'x') + " y"}));
  set("long_text", "general.name", std::string(70000, 'x'));
  write("frequencies", [](SmallGguf& file) { file.AddFloats(kFrequencyFactorsTensor, {1, 1, 1}); });
  SmallGguf trits(OneLayer(64), FewTokens("gpt2"), TensorType::kF16, TensorType::kIQ2_BN);
  trits.Write(folder / "refused_trits_for_embedding");
  WriteHugeTensorSeeds(folder);
}

void WriteConversionSeeds(const fs::path& models, const fs::path& folder) {
  fs::create_directories(folder);
  const auto write = [&](const std::string& name, const std::string& bytes, char choice) {
    WriteSeed(folder / (name + "_" + std::to_string(choice)), choice + bytes);
  };
  for (const auto& entry : fs::directory_iterator(models)) {
    write(entry.path().filename().string(), ReadSeed(entry.path()), kConversionExact);
  }
  // Models all of whose matrices fit a type's rows.
  using enum TensorType;
  const fs::path scratch = folder / "scratch";
  const auto square = [&](int64_t width, TensorType type, const char* quantizer,
                          const std::string& activations) {
    ModelConfig config = OneLayer(width);
    config.intermediate_size = width;
    config.head_dim = 32;
    config.num_attention_heads = config.num_key_value_heads = width / 32;
    SmallGguf file(config, FewTokens("gpt2"), type, kF16);
    file.metadata.Set("trit.weight_quantizer", std::string(quantizer));
    file.metadata.Set("trit.activation_quantizer", activations);
    file.metadata.Set("trit.activation_quantizers",
                      GgufArray(std::vector<std::string>{"int8", "int4", "none", "int8_static",
                                                         "int8", "int8", "int8"}));
    file.metadata.Set("trit.activation_scales", GgufArray(std::vector<float>(7, 0.25f)));
    file.Write(scratch);
    std::string bytes = ReadSeed(scratch);
    fs::remove(scratch);
    return bytes;
  };
  const std::string trits = square(64, kIQ2_BN, "ternary", "int8");
  for (char choice = 0; choice < kConversionChoices; ++choice) write("trits", trits, choice);
  for (const auto& [type, quantizer] :
       {std::pair{kQ4_0, "int4"}, {kQ4_1, "int4"}, {kQ8_0, "int8"}}) {
    const std::string bytes = square(64, type, quantizer, "int8");
    const std::string name = "integers_" + std::string(InfoOf(type).name);
    for (char choice = 0; choice < kConversionChoices; ++choice) write(name, bytes, choice);
  }
  write("floats", square(64, kF16, "none", "none"), kConversionHf);
  write("mixed", square(64, kIQ2_BN, "ternary", "mixed"), kConversionExact);
  write("static", square(64, kIQ2_BN, "ternary", "int8_static"), kConversionExact);
  SmallGguf large(OneLayer(64), FewTokens("gpt2"), kF32, kF32);
  const float value = 1e30f;  // too large for f16
  std::memcpy(large.tensors["token_embd.weight"].bytes.data(), &value, sizeof(value));
  large.Write(scratch);
  write("large", ReadSeed(scratch), kConversionF16Embeddings);
  fs::remove(scratch);
  const std::string wide = square(256, kIQ1_BN, "ternary", "int8");
  for (const char choice : kConversionsOf256) write("wide", wide, choice);
}

}  // namespace trit
