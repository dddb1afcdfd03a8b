#include "tests/fuzz/gguf_seeds.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/encode_ternary.h"
#include "engine/float_codec.h"
#include "engine/gguf_config.h"
#include "engine/gguf_tokenizer.h"
#include "engine/gguf_writer.h"
#include "engine/make_tokenizer.h"
#include "engine/weight_table.h"
#include "tests/fuzz/few_tokens.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

ModelConfig OneLayer(int64_t width, int64_t vocab_size) {
  ModelConfig config;
  config.hidden_size = width;
  config.intermediate_size = config.head_dim = 2;
  config.num_hidden_layers = config.num_attention_heads = config.num_key_value_heads = 1;
  config.vocab_size = vocab_size;
  config.max_position_embeddings = 64;
  return config;
}

// Bytes of a matrix in `type`, or in f16 where its rows do not fit.
AlignedBuffer<uint8_t> EncodeMatrix(const WeightInfo& info, TensorType* type) {
  const int64_t dims[] = {info.cols, info.rows};
  if (!TensorBytes(*type, dims)) *type = TensorType::kF16;
  const size_t count = static_cast<size_t>(info.rows * info.cols);
  if (const TensorTypeInfo& row = InfoOf(*type); row.ternary_codec != nullptr) {
    AlignedBuffer<int8_t> trits(count);
    for (size_t i = 0; i < count; ++i) trits[i] = static_cast<int8_t>(i * 7 % 11 % 3) - 1;
    WeightScales scales;
    scales.values = AlignedBuffer<float>(1);
    scales.values[0] = 0.5f;
    return EncodeTernary(*type, info.rows, info.cols, trits.data(), scales, {});
  } else if (row.float_codec->encode == nullptr) {  // blocks of f16 1 and codes
    AlignedBuffer<uint8_t> bytes(TensorBytes(*type, dims).value());
    for (size_t i = 0; i < bytes.size(); ++i) {
      const size_t place = i % row.block_bytes;
      bytes[i] = place == 1 ? 0x3C : static_cast<uint8_t>(place);
    }
    return bytes;
  }
  AlignedBuffer<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 5) - 2.0f;
  return EncodeFloats(*type, info.rows, info.cols, values.data(), {});
}

struct Types {
  TensorType linear, embedding;
};

void WriteModel(const fs::path& path, const ModelConfig& config, const TokenizerData& tokenizer,
                Types types, bool scale_tensors = false) {
  const WeightTable table(config);
  std::vector<GgufTensorInfo> tensors;
  std::vector<AlignedBuffer<uint8_t>> payloads;
  const auto add = [&](std::string name, TensorType type, std::vector<int64_t> dims,
                       AlignedBuffer<uint8_t> bytes) {
    tensors.push_back({.name = std::move(name), .type = type, .dims = std::move(dims)});
    payloads.push_back(std::move(bytes));
  };
  const auto ones = [](int64_t count, float value) {
    const std::vector<float> values(static_cast<size_t>(count), value);
    return EncodeFloats(TensorType::kF32, 1, count, values.data(), {});
  };
  for (const WeightInfo& info : table.weights()) {
    if (info.IsVector()) {
      add(info.gguf_name, TensorType::kF32, {info.cols}, ones(info.cols, 1));
      continue;
    }
    TensorType type = info.kind == WeightKind::kLinear ? types.linear : types.embedding;
    AlignedBuffer<uint8_t> bytes = EncodeMatrix(info, &type);
    add(info.gguf_name, type, {info.cols, info.rows}, std::move(bytes));
    if (scale_tensors && info.kind == WeightKind::kLinear) {
      const std::string name = info.gguf_name.substr(0, info.gguf_name.rfind('.')) + ".scale";
      add(name, TensorType::kF32, {1}, ones(1, 2));
    }
  }
  if (!GgufFrequencyFactors(config).empty()) {
    add(kFrequencyFactorsTensor, TensorType::kF32, {config.head_dim / 2},
        ones(config.head_dim / 2, 2));
  }
  GgufMetadata metadata(path.string());
  AppendGgufConfig(config, metadata);
  metadata.Set("general.alignment", uint32_t{8});
  metadata.Set("trit.activation_quantizer", std::string("int8"));
  AppendGgufTokenizer(tokenizer, metadata);
  metadata.Set("tokenizer.chat_template", std::string("<|im_start|>"));
  TensorFileWriter writer = CreateGguf(path.string(), metadata, tensors);
  for (size_t i = 0; i < tensors.size(); ++i) {
    writer.WriteTensor(tensors[i].name, payloads[i].span());
  }
  writer.Commit();
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
  const auto vocab_size = static_cast<int64_t>(bpe.tokens.size());
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
                                                                           {{kQ4_0, kQ4_0}, 32}}) {
    const std::string name(InfoOf(types.linear).name);
    WriteModel(folder / name, OneLayer(width, vocab_size), bpe, types);
  }
  ModelConfig config = OneLayer(64, vocab_size);
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
