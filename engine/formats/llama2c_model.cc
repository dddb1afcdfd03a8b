#include "engine/formats/llama2c_model.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/little_endian.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/tensors/pack_weight.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/vocabulary_tokenizer.h"

namespace trit {
namespace {

constexpr size_t kHeaderFields = 7;
constexpr uint64_t kHeaderBytes = kHeaderFields * sizeof(int32_t);
constexpr float kRmsNormEps = 1e-5f;  // not in the file: what llama2.c computes with
constexpr uint64_t kMaxTokenizerBytes = uint64_t{64} << 20;
constexpr int32_t kMaxTokenBytes = 4096;
constexpr const char* kSpace = "\xE2\x96\x81";  // U+2581

using Header = std::array<int32_t, kHeaderFields>;

Header ReadHeader(const InputFile& file) {
  uint8_t bytes[kHeaderBytes];
  file.ReadAt(0, bytes, sizeof(bytes));
  Header header;
  for (size_t i = 0; i < kHeaderFields; ++i) {
    header[i] = LoadLittleEndian<int32_t>(bytes + i * sizeof(int32_t));
  }
  return header;
}

ModelConfig ConfigOf(const Header& header) {
  ModelConfig config;
  config.hidden_size = header[0];
  config.intermediate_size = header[1];
  config.num_hidden_layers = header[2];
  config.num_attention_heads = header[3];
  config.num_key_value_heads = header[4];
  config.head_dim = header[3] > 0 ? header[0] / header[3] : 0;
  config.vocab_size = std::abs(static_cast<int64_t>(header[5]));
  config.max_position_embeddings = header[6];
  config.rope_theta = 10000.0;
  config.rms_norm_eps = kRmsNormEps;
  config.hidden_act = GateActivation::kSilu;
  config.sub_norms = false;
  config.tie_word_embeddings = header[5] > 0;
  config.rope_style = RopeStyle::kInterleaved;
  return config;
}

// Where each weight lies: weights of one kind follow each other, a layer after the other.
struct Layout {
  std::map<WeightId, uint64_t> offsets;  // bytes
  uint64_t end;                          // of the file
};

Layout LayOut(const ModelConfig& config, const WeightTable& table) {
  Layout layout{{}, kHeaderBytes};
  const auto add_floats = [&](int64_t count) {
    layout.end += static_cast<uint64_t>(count) * sizeof(float);
  };
  const auto add = [&](WeightId id) {
    layout.offsets[id] = layout.end;
    add_floats(table[id].NumElements());
  };
  const auto add_layers = [&](WeightId LayerWeights::*member) {
    for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
      add(table.Layer(layer).*member);
    }
  };
  add(table.embed_tokens());
  add_layers(&LayerWeights::input_layernorm);
  add_layers(&LayerWeights::q_proj);
  add_layers(&LayerWeights::k_proj);
  add_layers(&LayerWeights::v_proj);
  add_layers(&LayerWeights::o_proj);
  add_layers(&LayerWeights::post_attention_layernorm);
  add_layers(&LayerWeights::gate_proj);
  add_layers(&LayerWeights::down_proj);
  add_layers(&LayerWeights::up_proj);
  add(table.norm());
  // Cosines and sines of the rotary embedding, which is computed instead.
  add_floats(2 * config.max_position_embeddings * (config.head_dim / 2));
  if (!config.tie_word_embeddings) add(table.lm_head());
  return layout;
}

// The tokenizer beside a checkpoint; empty if there is none.
std::string FindTokenizer(const std::string& path, int64_t vocab_size) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  for (const std::string& name :
       {fmt::format("tok{}.bin", vocab_size), std::string("tokenizer.bin")}) {
    std::error_code ignored;
    if (std::filesystem::exists(directory / name, ignored)) return (directory / name).string();
  }
  return "";
}

// A token's text as the engine has it: the files write spaces, and the special tokens on lines of
// their own.
void AddToken(std::string text, float score, TokenizerData& data) {
  const size_t id = data.tokens.size();
  TokenType type = TokenType::kNormal;
  if (id == 0) type = TokenType::kUnknown;
  if (id == 1 || id == 2) {
    type = TokenType::kControl;
    text = id == 1 ? "<s>" : "</s>";
  }
  if (id > 2 && ParseByteToken(text) >= 0) type = TokenType::kByte;
  std::string escaped;
  for (const char c : text) {
    if (c == ' ') {
      escaped += kSpace;
    } else {
      escaped += c;
    }
  }
  data.tokens.push_back(std::move(escaped));
  data.scores.push_back(score);
  data.types.push_back(type);
}

}  // namespace

bool IsLlama2cModel(const std::string& path) {
  const InputFile file(path);
  if (file.size() < kHeaderBytes) return false;
  const ModelConfig config = ConfigOf(ReadHeader(file));
  try {
    ValidateModelConfig(config, path);
  } catch (const Error&) {
    return false;
  }
  if (config.head_dim * config.num_attention_heads != config.hidden_size) return false;
  return LayOut(config, WeightTable(config)).end == file.size();
}

std::unique_ptr<Model> LoadLlama2cModel(const std::string& path, const LoadOptions& options) {
  const InputFile file(path);
  const ModelConfig config = ConfigOf(ReadHeader(file));
  ValidateModelConfig(config, path);
  auto model = std::make_unique<Model>(config);
  const Layout layout = LayOut(config, model->table);
  if (layout.end != file.size()) {
    throw Error(ErrorInfo{.what = "the file's size does not fit its header",
                          .file = path,
                          .expected = fmt::format("{} bytes", layout.end),
                          .found = std::to_string(file.size())});
  }
  uint64_t bytes_done = 0;
  for (const WeightInfo& info : model->table.weights()) {
    const uint64_t offset = layout.offsets.at(info.id);
    PackWeight(
        info,
        {.origin = {path, info.gguf_name},
         .type = TensorType::kF32,
         .rows = info.rows,
         .cols = info.cols,
         .read =
             [&](std::span<uint8_t> bytes) { file.ReadAt(offset, bytes.data(), bytes.size()); }},
        PackOptions{}, model->weights[static_cast<size_t>(info.id)]);
    bytes_done += static_cast<uint64_t>(info.NumElements()) * sizeof(float);
    if (options.progress) {
      options.progress(static_cast<int64_t>(bytes_done), static_cast<int64_t>(file.size()));
    }
  }
  model->name = std::filesystem::path(path).stem().string();
  const std::string tokenizer =
      options.tokenizer.empty() ? FindTokenizer(path, config.vocab_size) : options.tokenizer;
  if (!tokenizer.empty()) {
    model->tokenizer = MakeTokenizer(ReadTokenizerFile(tokenizer, config.vocab_size), tokenizer);
  }
  return model;
}

TokenizerData ReadLlama2cTokenizer(const std::string& path) {
  const std::string bytes = ReadTextFile(path, kMaxTokenizerBytes);
  size_t position = 0;
  const auto take = [&](size_t size) {
    if (size > bytes.size() - position) {
      throw Error(ErrorInfo{
          .what = fmt::format("file ends within what begins at offset {}", position),
          .file = path,
          .expected = "a tokenizer of llama2.c: for each token a score, a length and its bytes"});
    }
    const auto* from = reinterpret_cast<const uint8_t*>(bytes.data()) + position;
    position += size;
    return from;
  };
  TokenizerData data;
  data.model = "llama";
  data.add_bos = true;
  data.add_space_prefix = true;
  // The models see texts that each begin with bos: where one ends the next one's bos follows.
  data.end_of_turn = 1;
  take(sizeof(uint32_t));  // longest token: follows from the tokens
  while (position < bytes.size()) {
    const float score = LoadLittleEndian<float>(take(sizeof(float)));
    const int32_t length = LoadLittleEndian<int32_t>(take(sizeof(int32_t)));
    if (length < 0 || length > kMaxTokenBytes) {
      throw Error(ErrorInfo{.what = fmt::format("bad length of token {} at offset {}",
                                                data.tokens.size(), position - sizeof(int32_t)),
                            .file = path,
                            .expected = fmt::format("0 to {}", kMaxTokenBytes),
                            .found = std::to_string(length)});
    }
    const auto* text = reinterpret_cast<const char*>(take(static_cast<size_t>(length)));
    AddToken(std::string(text, static_cast<size_t>(length)), score, data);
  }
  return data;
}

}  // namespace trit
