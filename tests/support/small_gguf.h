// A GGUF model of one layer and a few kilobytes: to be changed and written.
#ifndef TRIT_TESTS_SUPPORT_SMALL_GGUF_H_
#define TRIT_TESTS_SUPPORT_SMALL_GGUF_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/formats/gguf_config.h"
#include "engine/formats/gguf_tokenizer.h"
#include "engine/formats/gguf_writer.h"
#include "engine/tensors/encode_ternary.h"
#include "engine/tensors/float_codec.h"
#include "engine/weight_table.h"
#include "tests/support/small_vocabulary.h"

namespace trit {

// A vocabulary of seven tokens, "gpt2" or "llama", without one for every byte: it is as large as
// the embedding, which is most of a small model.
inline TokenizerData FewTokens(const std::string& model) {
  TokenizerData data;
  data.model = model;
  AddToken(data, "<unk>", TokenType::kUnknown);
  AddToken(data, "<s>", TokenType::kControl);
  AddToken(data, "</s>", TokenType::kControl);
  AddToken(data, "<tool>", TokenType::kUserDefined);
  for (const char* text : {"a", "b", "ab"}) AddToken(data, text, TokenType::kNormal);
  if (model == "gpt2") {
    data.pre = "llama-bpe";
    data.merges = {"a b"};
    data.bos = 1;
    data.eos = 2;
  }
  return data;
}

// As BitNet b1.58, with as many rows of `width` as can be: matrices have two.
inline ModelConfig OneLayer(int64_t width) {
  ModelConfig config;
  config.hidden_size = width;
  config.intermediate_size = config.head_dim = 2;
  config.num_hidden_layers = config.num_attention_heads = config.num_key_value_heads = 1;
  config.vocab_size = static_cast<int64_t>(FewTokens("gpt2").tokens.size());
  config.max_position_embeddings = 64;
  return config;
}

class SmallGguf {
 public:
  struct Tensor {
    TensorType type;
    std::vector<int64_t> dims;
    std::vector<uint8_t> bytes;
  };

  // Matrices of `linear`, embeddings and head of `embedding`, and f16 where rows do not fit a type.
  SmallGguf(const ModelConfig& config, const TokenizerData& tokenizer, TensorType linear,
            TensorType embedding) {
    const WeightTable table(config);
    for (const WeightInfo& info : table.weights()) {
      if (info.IsVector()) {
        AddFloats(info.gguf_name, std::vector<float>(static_cast<size_t>(info.cols), 1.0f));
      } else {
        AddMatrix(info, info.kind == WeightKind::kLinear ? linear : embedding);
      }
    }
    const std::vector<float> factors = GgufFrequencyFactors(config);
    if (!factors.empty()) AddFloats(kFrequencyFactorsTensor, factors);
    AppendGgufConfig(config, metadata);
    metadata.Set("general.alignment", uint32_t{8});
    AppendGgufTokenizer(tokenizer, metadata);
  }

  void AddFloats(const std::string& name, const std::vector<float>& values) {
    const auto count = static_cast<int64_t>(values.size());
    Add(name, TensorType::kF32, {count},
        EncodeFloats(TensorType::kF32, 1, count, values.data(), {}));
  }

  void Write(const std::string& path) const {
    std::vector<GgufTensorInfo> infos;
    for (const auto& [name, tensor] : tensors) {
      infos.push_back({.name = name, .type = tensor.type, .dims = tensor.dims});
    }
    TensorFileWriter writer = CreateGguf(path, metadata, infos);
    for (const auto& [name, tensor] : tensors) writer.WriteTensor(name, tensor.bytes);
    writer.Commit();
  }

  GgufMetadata metadata;
  std::map<std::string, Tensor> tensors;

 private:
  void Add(const std::string& name, TensorType type, std::vector<int64_t> dims,
           const AlignedBuffer<uint8_t>& bytes) {
    tensors[name] = {type, std::move(dims), {bytes.begin(), bytes.end()}};
  }

  void AddMatrix(const WeightInfo& info, TensorType type) {
    const std::vector<int64_t> dims = {info.cols, info.rows};
    if (!TensorBytes(type, dims)) type = TensorType::kF16;
    const size_t count = static_cast<size_t>(info.rows * info.cols);
    if (InfoOf(type).ternary_codec != nullptr) {
      AlignedBuffer<int8_t> trits(count);
      for (size_t i = 0; i < count; ++i) trits[i] = static_cast<int8_t>(i * 7 % 11 % 3) - 1;
      WeightScales scales;
      scales.values = AlignedBuffer<float>(1);
      scales.values[0] = 0.5f;
      Add(info.gguf_name, type, dims,
          EncodeTernary(type, info.rows, info.cols, trits.data(), scales, {}));
    } else if (InfoOf(type).float_codec->encode == nullptr) {
      AlignedBuffer<uint8_t> bytes(TensorBytes(type, dims).value());
      for (size_t i = 0; i < bytes.size(); ++i) {  // blocks of f16 1 and codes
        const size_t place = i % InfoOf(type).block_bytes;
        bytes[i] = place == 1 ? 0x3C : static_cast<uint8_t>(place);
      }
      Add(info.gguf_name, type, dims, bytes);
    } else {
      AlignedBuffer<float> values(count);
      for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 5) - 2.0f;
      Add(info.gguf_name, type, dims, EncodeFloats(type, info.rows, info.cols, values.data(), {}));
    }
  }
};

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_SMALL_GGUF_H_
