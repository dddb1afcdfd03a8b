// Small files cut off at every byte, and with every byte changed: what reads them answers with
// Error or with something sound, and nothing else. Run under sanitizers, this finds reads past the
// end.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_model_writer.h"
#include "engine/formats/llama2c_model.h"
#include "engine/formats/model_file.h"
#include "engine/score.h"
#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "engine/tokenizers/tokenizer_json.h"
#include "ternary_kernels/parallel_for.h"
#include "tests/support/small_gguf.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace trit {
namespace {

// How often `read` took the bytes and how often it refused them.
struct Counts {
  int accepted = 0;
  int refused = 0;
};

Counts Sweep(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  Counts counts;
  const auto attempt = [&](const std::string& damaged) {
    try {
      read(damaged);
      ++counts.accepted;
    } catch (const Error& error) {
      ++counts.refused;
      BOOST_REQUIRE(!std::string(error.what()).empty());
    }
  };
  for (size_t size = 0; size < bytes.size(); ++size) attempt(bytes.substr(0, size));
  std::string damaged = bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      damaged[i] = static_cast<char>(bytes[i] ^ mask);
      attempt(damaged);
    }
    damaged[i] = bytes[i];
  }
  return counts;
}

void UseTokenizer(const TokenizerData& data) {
  const auto tokenizer = MakeTokenizer(data, "f");
  const std::vector<int32_t> ids = tokenizer->Encode("ab the\n\xC3\xA9<|im_end|>", true);
  for (const int32_t id : ids) BOOST_REQUIRE(id >= 0 && id < tokenizer->vocab_size());
  tokenizer->DecodeText(ids, true);
}

TokenizerData Spm() {
  TokenizerData data = SpmVocabulary({"th", "▁t", "t", "h", "▁"});
  AddToken(data, "<|im_end|>", TokenType::kControl);
  return data;
}

BOOST_AUTO_TEST_CASE(TokenizerJson) {
  TokenizerData data = BpeVocabulary({"a b"}, {"<|im_end|>"});
  data.pre = "gpt-2";
  data.bos = 257;
  data.add_bos = true;
  const std::string bytes = TokenizerToJson(MakeTokenizer(data, "")->data(), "");
  UseTokenizer(ParseTokenizerJson(bytes, "f"));
  const Counts counts =
      Sweep(bytes, [](const std::string& text) { UseTokenizer(ParseTokenizerJson(text, "f")); });
  // All that are cut off but for the last line end; of the changes, those within texts may do.
  BOOST_TEST(counts.refused > static_cast<int>(bytes.size()));
  BOOST_TEST(counts.accepted > 0);
}

BOOST_AUTO_TEST_CASE(SentencePieceModels) {
  const std::string bytes = SerializeSentencePieceModel(MakeTokenizer(Spm(), "")->data());
  UseTokenizer(ParseSentencePieceModel(bytes, "f"));
  const Counts counts = Sweep(
      bytes, [](const std::string& text) { UseTokenizer(ParseSentencePieceModel(text, "f")); });
  BOOST_TEST(counts.refused > static_cast<int>(bytes.size()) / 2);
  BOOST_TEST(counts.accepted > 0);
}

BOOST_AUTO_TEST_CASE(Llama2cTokenizers) {
  const TemporaryFolder folder;
  const std::string path = folder / "tokenizer.bin";
  std::string bytes("\7\0\0\0", 4);
  for (const std::string& token : Spm().tokens) {
    bytes += std::string("\0\0\x80\xBF", 4) + static_cast<char>(token.size()) +
             std::string("\0\0\0", 3) + token;
  }
  const auto read = [&](const std::string& text) {
    WriteBytes(path, text);
    UseTokenizer(ReadLlama2cTokenizer(path));
  };
  read(bytes);
  const Counts counts = Sweep(bytes, read);
  BOOST_TEST(counts.refused > static_cast<int>(bytes.size()) / 2);
  BOOST_TEST(counts.accepted > 0);
}

BOOST_AUTO_TEST_CASE(GgufModels) {
  SetNumThreads(1);
  const TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  SmallGguf(OneLayer(64), FewTokens("gpt2"), TensorType::kIQ2_BN, TensorType::kQ8_0).Write(path);
  const std::string bytes = ReadBytes(path);
  const auto load = [&](const std::string& damaged) {
    WriteBytes(path, damaged);
    const std::unique_ptr<Model> model = LoadModel(path, {});
    if (model->config.max_position_embeddings > 4096) return;
    const std::vector<int32_t> tokens = {0};
    ComputeLogits(*model, tokens, [](int64_t, std::span<const float>) {});
  };
  load(bytes);
  const Counts counts = Sweep(bytes, load);
  // All that are cut off before the last padding; changes of most of the header.
  BOOST_TEST(counts.refused > static_cast<int>(bytes.size()));
  BOOST_TEST(counts.accepted > 0);
}

// A model's directory: its config, and the beginning of its weights, where the header is.
BOOST_AUTO_TEST_CASE(ModelDirectories) {
  SetNumThreads(1);
  const TemporaryFolder folder;
  ModelConfig config = TinyConfig();
  config.hidden_size = config.intermediate_size = 16;
  config.num_hidden_layers = 1;
  config.num_attention_heads = config.num_key_value_heads = 1;
  config.head_dim = 16;
  config.vocab_size = 16;
  config.max_position_embeddings = 64;
  TrainableModel trainable(config, QuantizationConfig(), Precision::kF32, 64);
  InitializeForTest(trainable, 1);
  WriteHfModel(trainable.MakeInferenceModel(), folder.path().string());
  const auto load = [&] {
    const std::unique_ptr<Model> model = LoadModel(folder.path().string(), {});
    if (model->config.max_position_embeddings > 4096) return;
    const std::vector<int32_t> tokens = {0};
    ComputeLogits(*model, tokens, [](int64_t, std::span<const float>) {});
  };
  load();
  for (const char* name : {"config.json", "model.safetensors"}) {
    const std::string path = folder / name;
    const std::string bytes = ReadBytes(path);
    const size_t swept = std::min<size_t>(bytes.size(), 2048);
    const Counts counts = Sweep(bytes.substr(0, swept), [&](const std::string& text) {
      // A part that was cut off stays cut off; else the rest follows.
      WriteBytes(path, text.size() < swept ? text : text + bytes.substr(swept));
      load();
    });
    BOOST_TEST(counts.refused > static_cast<int>(swept));
    WriteBytes(path, bytes);
    load();
  }
}

}  // namespace
}  // namespace trit
