#include "tests/fuzz/directory_seeds.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/formats/hf_model_writer.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "tests/fuzz/directory_files.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/tokenizer_seeds.h"
#include "tests/support/small_gguf.h"
#include "training/trainable_model.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

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

// The files of a directory as one input of fuzz_model_directory.
std::string Pack(const Files& files) {
  std::string packed;
  for (const char* name : kDirectoryFiles) {
    const auto file = files.find(name);
    packed += WithLength(file == files.end() ? "" : file->second);
  }
  return packed;
}

Files FilesOf(const Model& model, const fs::path& scratch) {
  WriteHfModel(model, scratch.string());
  Files files;
  for (const char* name : kDirectoryFiles) {
    if (fs::exists(scratch / name)) files[name] = ReadSeed(scratch / name);
  }
  fs::remove_all(scratch);
  return files;
}

// `members` at the beginning of the object.
void AddMembers(std::string& json, const std::string& members) {
  json = Replaced(json, "{", "{" + members + ", ");
}

void ReplaceIn(std::string& text, std::string_view from, std::string_view to) {
  text = Replaced(text, from, to);
}

using Change = void (*)(Files&);

// What a config.json can say beyond what Trit writes.
const std::pair<const char*, const char*> kConfigMembers[] = {
    {"linear_rope", R"("rope_scaling": {"type": "linear", "factor": 2})"},
    {"refused_rope", R"("rope_scaling": {"type": "yarn"})"},
    {"refused_partial", R"("rope_parameters": {"partial_rotary_factor": 0.5})"},
    {"refused_frequencies", R"("rope_scaling": {"rope_type": "llama3", "factor": -8,
      "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64})"},
    {"refused_theta", R"("rope_parameters": {"rope_theta": "x"})"},
    {"refused_bias", R"("mlp_bias": true)"},
};

const std::pair<const char*, Change> kChanges[] = {
    {"refused_eps", [](Files& f) { ReplaceIn(f["config.json"], "1e-05", "2"); }},
    {"refused_divisor",
     [](Files& f) {
       ReplaceIn(f["config.json"], "\"head_dim\": 4,", "");
       ReplaceIn(f["config.json"], "\"num_attention_heads\": 2", "\"num_attention_heads\": 3");
     }},
    {"refused_width",
     [](Files& f) {
       ReplaceIn(f["config.json"], "\"head_dim\": 4", "\"head_dim\": 1024");
       ReplaceIn(f["config.json"], "\"num_attention_heads\": 2", "\"num_attention_heads\": 65536");
     }},
    {"refused_architecture",
     [](Files& f) { ReplaceIn(f["config.json"], "BitNetForCausalLM", "X"); }},
    {"refused_type",
     [](Files& f) {
       ReplaceIn(f["config.json"], "architectures", "architecture");
       ReplaceIn(f["config.json"], "\"bitnet\"", "\"x\"");
     }},
    {"refused_activation", [](Files& f) { ReplaceIn(f["config.json"], "relu2", "gelu"); }},
    {"refused_method",
     [](Files& f) {
       ReplaceIn(f["config.json"], "\"quant_method\": \"bitnet\"", "\"quant_method\": \"awq\"");
     }},
    {"refused_norms",
     [](Files& f) {
       ReplaceIn(f["config.json"], "\"quant_method\"", "\"use_rms_norm\": true, \"quant_method\"");
     }},
    {"refused_mode", [](Files& f) { ReplaceIn(f["config.json"], "offline", "x"); }},
    {"refused_class", [](Files& f) { ReplaceIn(f["config.json"], "autobitlinear", "x"); }},
    {"refused_eos",
     [](Files& f) { ReplaceIn(f["config.json"], "\"eos_token_id\": 2", "\"eos_token_id\": 99"); }},
    {"online", [](Files& f) { ReplaceIn(f["config.json"], "offline", "online"); }},
    {"refused_tensor",
     [](Files& f) {
       ReplaceIn(f["config.json"], "BitNetForCausalLM", "LlamaForCausalLM");
       ReplaceIn(f["config.json"], "relu2", "silu");
     }},
    {"refused_no_weights", [](Files& f) { f.erase("model.safetensors"); }},
    {"padded",
     [](Files& f) {
       nlohmann::json tokens = {{"a", 0}, {"b", 1}};
       f.erase("tokenizer.model");
       f["tokenizer.json"] =
           nlohmann::json{{"pre_tokenizer", {{"type", "ByteLevel"}}},
                          {"model", {{"vocab", tokens}, {"merges", nlohmann::json::array()}}}}
               .dump();
     }},
    {"added",
     [](Files& f) {
       TokenizerData data = FewTokens("llama");
       data.tokens.pop_back();
       data.types.pop_back();
       data.scores.pop_back();
       f["tokenizer.model"] = SerializeSentencePieceModel(MakeTokenizer(data, "")->data());
       f["added_tokens.json"] = R"({"<s>": 1, "<|im_end|>": 6})";
       f["generation_config.json"] = R"({"eos_token_id": [2, 6, 1]})";
     }},
    {"added_decoder",
     [](Files& f) {
       f["tokenizer_config.json"] = R"({"added_tokens_decoder": {
         "1": {"content": "<s>", "special": true, "lstrip": true}, "2": {"content": "</s>"}}})";
     }},
    {"refused_decoder_id",
     [](Files& f) { f["tokenizer_config.json"] = R"({"added_tokens_decoder": {"x": {}}})"; }},
    {"refused_decoder_word",
     [](Files& f) {
       f["tokenizer_config.json"] =
           R"({"added_tokens_decoder": {"1": {"content": "<s>", "single_word": true}}})";
     }},
    {"refused_added", [](Files& f) { f["added_tokens.json"] = R"({"<x>": 99})"; }},
    {"refused_more_added", [](Files& f) { f["added_tokens.json"] = R"({"<x>": 7})"; }},
    {"refused_end", [](Files& f) { f["generation_config.json"] = R"({"eos_token_id": -1})"; }},
    {"templates",
     [](Files& f) {
       f["tokenizer_config.json"] = R"({"bos_token": {"content": "<s>"}, "eos_token": "<x>",
         "add_bos_token": true, "add_eos_token": false, "chat_template": [
           {"name": "tools", "template": "x"}, {"name": "default", "template": "y"}]})";
     }},
    {"no_default_template",
     [](Files& f) { f["tokenizer_config.json"] = R"({"chat_template": []})"; }},
};

void WriteBitNetSeeds(const fs::path& folder, const Files& files) {
  const auto write = [&](const std::string& name, const Files& changed) {
    WriteSeed(folder / name, Pack(changed));
  };
  write("bitnet", files);
  Files divides = files;
  ReplaceIn(divides["config.json"], "autobitlinear", "bitlinear");
  AddMembers(divides["config.json"], R"("rope_scaling": {"rope_type": "llama3",
    "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
    "original_max_position_embeddings": 64})");
  divides["added_tokens.json"] = R"({"<s>": 1})";
  divides["chat_template.jinja"] = "<|im_start|>";
  write("bitlinear", divides);
  for (const auto& [name, members] : kConfigMembers) {
    Files changed = files;
    AddMembers(changed["config.json"], members);
    write(name, changed);
  }
  for (const auto& [name, change] : kChanges) {
    Files changed = files;
    change(changed);
    write(name, changed);
  }
}

// A safetensors file of a header and `size` bytes of data.
std::string Safetensors(std::string header, size_t size) {
  const uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(size, '\1');
}

void WriteSafetensorsSeeds(const fs::path& folder) {
  const auto write = [&](const std::string& name, const std::string& header, size_t size = 4) {
    WriteSeed(folder / name, Safetensors(header, size));
  };
  const auto tensor = [](const std::string& shape, const std::string& offsets = "[0, 4]",
                         const std::string& dtype = "\"F32\"") {
    return R"({"a": {"dtype": )" + dtype + R"(, "shape": )" + shape + R"(, "data_offsets": )" +
           offsets + "}}";
  };
  write("float", tensor("[1]"));
  write("half", tensor("[2]", "[0, 4]", "\"F16\""));
  write("bfloat", tensor("[2]", "[0, 4]", "\"BF16\""));
  write("refused_dims", tensor("[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"));
  write("refused_zero", tensor("[0]"));
  write("refused_product", tensor("[1099511627776, 1099511627776]"));
  write("refused_negative", tensor("[-1]"));
  write("refused_shape", tensor("1"));
  write("refused_dtype", tensor("[1]", "[0, 4]", "\"F64\""));
  write("refused_dtype_kind", tensor("[1]", "[0, 4]", "1"));
  write("refused_order", tensor("[1]", "[4, 0]"));
  write("refused_size", tensor("[1]", "[0, 2]"));
  write("refused_offsets", tensor("[1]", "[0]"));
  write("refused_rest", tensor("[1]"), 5);
  write("refused_gap", tensor("[1]", "[1, 5]"), 5);
  write("refused_list", "[]");
  write("refused_entry", R"({"a": 1})");
  write("refused_field", R"({"a": {"x": 1, "y": 2, "z": 3}})");
  write("refused_name", R"({"": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})");
  write("refused_metadata", R"({"__metadata__": 1})", 0);
  write("refused_metadata_value", R"({"__metadata__": {"a": 1}})", 0);
  write("integers", tensor("[2, 2]", "[0, 4]", "\"I8\""));
}

// Of a directory whose index.json is as given.
void WriteIndexSeeds(const fs::path& folder, const Model& model, const Files& files) {
  const auto write = [&](const std::string& name, const std::string& index) {
    Files changed = files;
    changed["model.safetensors.index.json"] = index;
    WriteSeed(folder / name, Pack(changed));
  };
  nlohmann::json index;
  for (const WeightInfo& info : model.table.weights()) {
    index["weight_map"][info.name] = "model.safetensors";
  }
  write("index", index.dump());
  index["weight_map"]["x"] = "model.safetensors";
  write("refused_index_tensor", index.dump());
  write("refused_index", "[]");
  write("refused_no_map", "{}");
  write("refused_empty_map", R"({"weight_map": {}})");
  write("refused_map", R"({"weight_map": []})");
  write("refused_map_value", R"({"weight_map": {"a": 1}})");
  write("refused_file_name", R"({"weight_map": {"a": "../a"}})");
}

}  // namespace

void WriteDirectorySeeds(const fs::path& root) {
  const fs::path scratch = root / ".directory";
  const fs::path directories = root / "fuzz_model_directory";
  Model bitnet = MakeModel(true, "ternary", FewTokens("llama"));
  const Files files = FilesOf(bitnet, scratch);
  WriteBitNetSeeds(directories, files);
  WriteSeed(root / "fuzz_safetensors" / "bitnet", files.at("model.safetensors"));
  bitnet.weights[static_cast<size_t>(bitnet.table.Layer(0).q_proj)].matrix.scales.values[0] = -1;
  WriteSeed(directories / "refused_scale", Pack(FilesOf(bitnet, scratch)));

  const Model llama = MakeModel(false, "none", FewTokens("gpt2"));
  Files plain = FilesOf(llama, scratch);
  WriteSeed(directories / "llama", Pack(plain));
  WriteSeed(root / "fuzz_safetensors" / "llama", plain["model.safetensors"]);
  WriteIndexSeeds(directories, llama, plain);
  AddMembers(plain["config.json"], R"("weight_bits": 1)");
  WriteSeed(directories / "latent", Pack(plain));
  WriteSafetensorsSeeds(root / "fuzz_safetensors");
}

void WriteLlama2cSeeds(const fs::path& folder) {
  TokenizerData tokens;
  tokens.model = "llama";
  for (const char* text : {"<unk>", "\n<s>\n", "\n</s>\n", " ", "a", "b", "ab"}) {
    AddToken(tokens, text, TokenType::kNormal);
  }
  // hidden, intermediate, layers, heads, kv heads, vocabulary (negative: an own head), positions
  for (const int32_t vocab_size : {7, -7}) {
    const int32_t header[] = {4, 2, 1, 2, 1, vocab_size, 8};
    const int64_t matrices = 7 * 4 + 2 * 4 * 4 + 2 * 4 * 2 + 3 * 4 * 2;
    const int64_t norms = 3 * 4, frequencies = 8 * 2;
    const std::vector<float> weights(
        static_cast<size_t>(matrices + norms + frequencies + (vocab_size < 0 ? 7 * 4 : 0)), 0.5f);
    std::string bytes(sizeof(header) + weights.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), header, sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), weights.data(), weights.size() * sizeof(float));
    const std::string seed = WithLength(Llama2cTokenizer(tokens)) + bytes;
    WriteSeed(folder / (vocab_size > 0 ? "tied" : "untied"), seed);
    WriteSeed(folder / (vocab_size > 0 ? "refused_tied" : "refused_untied"), seed + "x");
  }
}

}  // namespace trit
