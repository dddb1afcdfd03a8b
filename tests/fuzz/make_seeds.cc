// Writes the seed corpora of the fuzz targets, a folder each, with Trit's own writers:
//   fuzz_make_seeds DIR
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/gguf_model_writer.h"
#include "engine/gguf_writer.h"
#include "engine/hf_model_writer.h"
#include "engine/make_tokenizer.h"
#include "engine/model_file.h"
#include "engine/sentencepiece_model.h"
#include "engine/tokenizer_json.h"
#include "tests/support/small_vocabulary.h"
#include "training/random.h"
#include "training/token_file.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

TokenizerData Bpe() {
  TokenizerData data = BpeVocabulary({"a b", "ab c", "Ġ a"}, {"<|im_start|>", "<|im_end|>"});
  data.pre = "llama-bpe";
  data.bos = 259;
  data.eos = 260;
  return data;
}

TokenizerData Spm() {
  TokenizerData data = SpmVocabulary({"th", "▁t", "▁th", "▁▁", "t", "h", "▁"});
  AddToken(data, "<|im_end|>", TokenType::kControl);
  AddToken(data, "<tool>", TokenType::kUserDefined);
  return data;
}

// A model of one layer, as small as the types allow.
Model MakeModel(int64_t width, bool sub_norms, const TokenizerData& tokenizer) {
  ModelConfig config;
  config.hidden_size = config.intermediate_size = width;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = width / 2;
  config.vocab_size = static_cast<int64_t>(tokenizer.tokens.size());
  config.max_position_embeddings = 64;
  config.sub_norms = sub_norms;
  config.hidden_act = sub_norms ? GateActivation::kRelu2 : GateActivation::kSilu;
  config.tie_word_embeddings = sub_norms;
  TrainableModel trainable(config, QuantizationConfig(), Precision::kF32, 64);
  trainable.parameters().InitializeRandom(1);
  trainable.InitializeLearnedScales();
  trainable.ParametersChanged();
  Model model = trainable.MakeInferenceModel();
  model.tokenizer = MakeTokenizer(tokenizer, "");
  model.chat_template = "<|im_start|>";
  return model;
}

void WriteGgufSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  const Model narrow = MakeModel(64, false, Bpe());
  const Model middle = MakeModel(128, true, Spm());
  const Model wide = MakeModel(256, true, Bpe());
  const auto write = [&](const Model& model, const char* name, TensorType linear,
                         TensorType embedding) {
    WriteGgufModel(model, (folder / name).string(),
                   {.linear_type = linear, .embedding_type = embedding, .provenance = {}});
  };
  write(narrow, "iq1_bn", TensorType::kIQ1_BN, TensorType::kF16);
  write(narrow, "iq2_bn", TensorType::kIQ2_BN, TensorType::kBF16);
  write(narrow, "q2_0", TensorType::kQ2_0, TensorType::kQ8_0);
  write(narrow, "f16", TensorType::kF16, TensorType::kF32);
  write(middle, "i2_s", TensorType::kI2_S, TensorType::kQ8_0);
  write(wide, "tq1_0", TensorType::kTQ1_0, TensorType::kQ6_K);
  write(wide, "tq2_0", TensorType::kTQ2_0, TensorType::kF16);
}

std::string WithLength(const std::string& bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + bytes;
}

void WriteDirectorySeeds(const fs::path& root) {
  for (const bool sub_norms : {true, false}) {
    const fs::path directory = root / ".directory";
    WriteHfModel(MakeModel(64, sub_norms, Spm()), directory.string());
    const std::string weights = ReadFile(directory / "model.safetensors");
    const std::string name = sub_norms ? "bitnet" : "llama";
    WriteFile(root / "fuzz_safetensors" / name, weights);
    WriteFile(root / "fuzz_model_directory" / name,
              WithLength(ReadFile(directory / "config.json")) + WithLength(weights) +
                  WithLength(ReadFile(directory / "tokenizer_config.json")) +
                  WithLength(ReadFile(directory / "generation_config.json")) +
                  WithLength(ReadFile(directory / "tokenizer.model")));
    fs::remove_all(directory);
  }
}

void WriteTokenizerSeeds(const fs::path& folder) {
  for (const char* pre : {"llama-bpe", "qwen2", "gpt-2", "smollm", "falcon", "default"}) {
    TokenizerData data = Bpe();
    data.pre = pre;
    WriteFile(folder / pre, '\0' + TokenizerToJson(MakeTokenizer(data, "")->data(), ""));
  }
  WriteFile(folder / "byte_fallback", std::string(1, '\0') + R"({
    "added_tokens": [{"id": 0, "content": "<unk>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
      "vocab": {"<unk>": 0, "▁": 1, "t": 2, "▁t": 3}, "merges": ["▁ t"]}})");
  WriteFile(folder / "sentencepiece",
            '\1' + SerializeSentencePieceModel(MakeTokenizer(Spm(), "")->data()));
  std::string llama2c("\2\7\0\0\0", 5);
  for (const std::string& token : Spm().tokens) {
    llama2c += std::string("\0\0\x80\xBF", 4) + WithLength(token);
  }
  WriteFile(folder / "llama2c", llama2c);
}

void WriteTrainingSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  for (const int64_t vocab_size : {int64_t{50257}, int64_t{128256}}) {
    TokenArray tokens(vocab_size);
    const std::vector<int32_t> ids = {0, 1, 50256, 7};
    tokens.Append(ids);
    const fs::path path = folder / ("tokens" + std::to_string(vocab_size));
    WriteTokenFile(path.string(), tokens);
    WriteFile(path, (tokens.narrow() ? '\0' : '\1') + ReadFile(path));
  }
  WriteFile(folder / "raw", std::string("\0\1\2\3\4", 5));
  WriteFile(folder / "messages",
            "\2"
            R"({"messages": [{"role": "system", "content": " x "},)"
            R"({"role": "user", "content": "a"},)"
            R"({"role": "assistant", "content": "<|im_end|>"}]})"
            "\n\n"
            R"({"text": "é\u00e9"})"
            "\n");
  WriteFile(folder / "others",
            "\2"
            R"({"conversations": [{"from": "human", "value": "a"},)"
            R"({"from": "gpt", "value": "b"}]})"
            "\n"
            R"({"instruction": "a", "input": "b", "output": "c"})"
            "\n");
}

void WriteSeeds(const fs::path& root) {
  WriteGgufSeeds(root / "fuzz_gguf");
  WriteDirectorySeeds(root);
  WriteTokenizerSeeds(root / "fuzz_tokenizer");
  WriteTrainingSeeds(root / "fuzz_training_data");
  WriteFile(root / "fuzz_text" / "mixed", "The 123's <|im_end|>\r\n  日本 ▁\xF0\x9F\x98\x80\xFF");
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_make_seeds DIR\n");
    return 2;
  }
  try {
    trit::WriteSeeds(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz_make_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
