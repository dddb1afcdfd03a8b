#include "tests/fuzz/gguf_seeds.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/make_tokenizer.h"
#include "tests/support/small_gguf.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

struct Types {
  TensorType linear, embedding;
};

// scale_tensors: with a factor of every projection.
void WriteModel(const fs::path& path, const ModelConfig& config, const TokenizerData& tokenizer,
                Types types, bool scale_tensors = false) {
  SmallGguf file(config, tokenizer, types.linear, types.embedding);
  if (scale_tensors) {
    const WeightTable table(config);
    for (const WeightInfo& info : table.weights()) {
      if (info.kind != WeightKind::kLinear) continue;
      file.AddFloats(info.gguf_name.substr(0, info.gguf_name.rfind('.')) + ".scale", {2});
    }
  }
  file.metadata.Set("trit.activation_quantizer", std::string("int8"));
  file.metadata.Set("tokenizer.chat_template", std::string("<|im_start|>"));
  file.Write(path.string());
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
    const std::string name(InfoOf(types.linear).name);
    WriteModel(folder / name, OneLayer(width), bpe, types);
  }
  ModelConfig config = OneLayer(64);
  config.sub_norms = config.tie_word_embeddings = false;
  config.hidden_act = GateActivation::kSilu;
  config.rope_style = RopeStyle::kInterleaved;
  config.head_dim = 4;
  config.rope_frequency_factors = {2, 3};
  WriteModel(folder / "llama_untied", config, spm, {kIQ2_BN, kF16}, true);
  config.sub_norms = config.tie_word_embeddings = true;
  config.hidden_size = 128;
  config.rope_frequency_factors = {2, 2};
  WriteModel(folder / "bitnet_silu", config, spm, {kI2_S, kQ8_0}, true);
}

}  // namespace trit
