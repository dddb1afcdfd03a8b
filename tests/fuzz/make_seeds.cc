// Writes the seed corpora of the fuzz targets, a folder each, with Trit's own writers:
//   fuzz_make_seeds DIR
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/hf_model_writer.h"
#include "engine/make_tokenizer.h"
#include "engine/model_file.h"
#include "engine/sentencepiece_model.h"
#include "engine/tokenizer_json.h"
#include "tests/fuzz/directory_files.h"
#include "tests/fuzz/gguf_seeds.h"
#include "tests/support/small_gguf.h"
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

// A model of one layer, as small as can be.
Model MakeModel(bool sub_norms, const char* weights, const TokenizerData& tokenizer) {
  ModelConfig config;
  config.hidden_size = config.intermediate_size = 8;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 4;
  config.vocab_size = static_cast<int64_t>(tokenizer.tokens.size());
  config.max_position_embeddings = 64;
  config.sub_norms = sub_norms;
  config.hidden_act = sub_norms ? GateActivation::kRelu2 : GateActivation::kSilu;
  config.tie_word_embeddings = sub_norms;
  QuantizationConfig quantization;
  quantization.standard.weights = weights;
  if (quantization.standard.weights == "none") quantization.standard.activations = "none";
  TrainableModel trainable(config, quantization, Precision::kF32, 64);
  trainable.parameters().InitializeRandom(1);
  trainable.InitializeLearnedScales();
  trainable.ParametersChanged();
  Model model = trainable.MakeInferenceModel();
  model.tokenizer = MakeTokenizer(tokenizer, "");
  model.chat_template = "<|im_start|>";
  return model;
}

std::string WithLength(const std::string& bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + bytes;
}

// The files of a directory as one input of fuzz_model_directory.
std::string Pack(const std::map<std::string, std::string>& files) {
  std::string packed;
  for (const char* name : kDirectoryFiles) {
    const auto file = files.find(name);
    packed += WithLength(file == files.end() ? "" : file->second);
  }
  return packed;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

void WriteDirectorySeeds(const fs::path& root) {
  const auto write = [&](const std::string& name, const Model& model) {
    const fs::path directory = root / ".directory";
    WriteHfModel(model, directory.string());
    std::map<std::string, std::string> files;
    for (const char* file : kDirectoryFiles) {
      if (fs::exists(directory / file)) files[file] = ReadFile(directory / file);
    }
    WriteFile(root / "fuzz_safetensors" / name, files["model.safetensors"]);
    WriteFile(root / "fuzz_model_directory" / name, Pack(files));
    fs::remove_all(directory);
    return files;
  };
  const TokenizerData spm = FewTokens("llama");
  std::map<std::string, std::string> files = write("bitnet", MakeModel(true, "ternary", spm));
  std::string& config = files["config.json"];
  config = Replaced(config, "autobitlinear", "bitlinear");
  config = Replaced(config, "\"attention_bias\"", R"("rope_scaling": {"rope_type": "llama3",
    "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
    "original_max_position_embeddings": 64}, "attention_bias")");
  files["added_tokens.json"] = R"({"<s>": 1})";
  files["chat_template.jinja"] = "<|im_start|>";
  WriteFile(root / "fuzz_model_directory" / "bitlinear", Pack(files));

  const Model llama = MakeModel(false, "none", FewTokens("gpt2"));
  files = write("llama", llama);
  files["config.json"] = Replaced(files["config.json"], "{", R"({"weight_bits": 1,)");
  nlohmann::json index;
  for (const WeightInfo& info : llama.table.weights()) {
    index["weight_map"][info.name] = "model.safetensors";
  }
  files["model.safetensors.index.json"] = index.dump();
  WriteFile(root / "fuzz_model_directory" / "latent_with_index", Pack(files));
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
  WriteGgufHeaderSeeds(root / "fuzz_gguf_header");
  WriteGgufModelSeeds(root / "fuzz_gguf");
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
