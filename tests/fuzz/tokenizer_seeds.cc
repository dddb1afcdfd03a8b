#include "tests/fuzz/tokenizer_seeds.h"

#include <string>

#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "engine/tokenizers/tokenizer_json.h"
#include "tests/fuzz/seed_files.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

// The byte before a file says its kind.
constexpr char kJson = 0, kSentencePiece = 1, kLlama2c = 2;

TokenizerData Bpe(const char* pre) {
  TokenizerData data = BpeVocabulary({"a b", "ab c", "Ġ a"}, {"<|im_start|>", "<|im_end|>"});
  data.pre = pre;
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

// A byte-level tokenizer.json of few tokens: `parts` are members of the root.
std::string ByteLevel(const std::string& parts, const std::string& model = "") {
  return R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true},
    {"id": 6, "content": "<tool>", "lstrip": false, "rstrip": false, "single_word": false}],)" +
         parts + R"("model": {"type": "BPE", )" + model +
         R"("vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 5}, "merges": ["a b"]}})";
}

// The members that split as gpt-2 does.
constexpr const char* kByteLevel = R"("pre_tokenizer": {"type": "ByteLevel"},)";

// With byte fallback.
std::string WithFallback(const std::string& parts, const std::string& merges = R"(["▁ t"])") {
  return R"({"added_tokens": [{"id": 0, "content": "<unk>", "special": true}],)" + parts +
         R"("model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
    "vocab": {"<unk>": 0, "▁": 1, "t": 2, "▁t": 3, "<0x0A>": 4}, "merges": )" +
         merges + "}}";
}

void WriteByteLevelSeeds(const fs::path& folder) {
  const auto write = [&](const std::string& name, const std::string& text) {
    WriteSeed(folder / name, kJson + text);
  };
  for (const char* pre : {"llama-bpe", "qwen2", "gpt-2", "smollm", "falcon", "default"}) {
    write(pre, TokenizerToJson(MakeTokenizer(Bpe(pre), "")->data(), ""));
  }
  TokenizerData framed = Bpe("llama-bpe");
  framed.add_bos = framed.add_eos = true;
  write("framed", TokenizerToJson(MakeTokenizer(framed, "")->data(), ""));
  write("few", ByteLevel(R"("normalizer": {"type": "NFC"}, "post_processor":
    {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}},
                 {"SpecialToken": {"id": "<s>"}}]}]},)" +
                         std::string(kByteLevel)));
  write("digits", ByteLevel(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel"}]},)"));
  write("runs_of_digits", ByteLevel(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits"}, {"type": "ByteLevel"}]},)"));
  write("inverted", ByteLevel(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Removed", "invert": true},
    {"type": "ByteLevel", "use_regex": true}]},)"));
  write("pairs", Replaced(ByteLevel(kByteLevel), R"(["a b"])", R"([["a", "b"]])"));
  write("refused_merge", Replaced(ByteLevel(kByteLevel), R"(["a b"])", R"([["a"]])"));
  write("refused_merges", Replaced(ByteLevel(kByteLevel), R"(["a b"])", "{}"));
  write("refused_id", Replaced(ByteLevel(kByteLevel), R"("id": 6)", R"("id": -6)"));
  write("refused_same_id", Replaced(ByteLevel(kByteLevel), R"("id": 6)", R"("id": 5)"));
  write("refused_vocab",
        Replaced(ByteLevel(kByteLevel), R"({"a": 0, "b": 1, "ab": 2, "Ġ": 5})", "[]"));
  write("refused_added", Replaced(ByteLevel(kByteLevel), R"({"id": 3)", R"("x", {"id": 3)"));
  write("refused_no_list", R"({"added_tokens": 1, "model": {"vocab": {"a": 0}}})");
  write("refused_prefix",
        ByteLevel(R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true},)"));
  write("refused_step", ByteLevel(R"("pre_tokenizer": {"type": "Whitespace"},)"));
  write("refused_steps",
        ByteLevel(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": 1},)"));
  write("refused_behavior", ByteLevel(R"("pre_tokenizer": {"type": "Split",
    "pattern": {"Regex": "\\p{N}"}, "behavior": "Contiguous"},)"));
  write("refused_no_bytes", ByteLevel(R"("pre_tokenizer": {"type": "Digits"},)"));
  write("refused_normalizer",
        ByteLevel(R"("normalizer": {"type": "Lowercase"},)" + std::string(kByteLevel)));
  write("refused_suffix", ByteLevel(kByteLevel, R"("end_of_word_suffix": "</w>", )"));
  write("refused_frame", ByteLevel(R"("post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<x>"}}]},)" +
                                   std::string(kByteLevel)));
  write("refused_kind", R"({"model": {"type": "WordPiece", "vocab": {"a": 0}}})");
  write("refused_depth", std::string(2000, '['));
}

void WriteFallbackSeeds(const fs::path& folder) {
  const auto write = [&](const std::string& name, const std::string& text) {
    WriteSeed(folder / name, kJson + text);
  };
  constexpr const char* kReplaces = R"("normalizer": {"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},)";
  write("byte_fallback", WithFallback(kReplaces));
  write("metaspace", WithFallback(R"("pre_tokenizer": {"type": "Metaspace",
    "replacement": "▁", "prepend_scheme": "first"},)"));
  write("old_metaspace", WithFallback(R"("pre_tokenizer": {"type": "Metaspace",
    "replacement": "▁", "add_prefix_space": false},)"));
  write("refused_spaces", WithFallback(""));
  write("refused_metaspace", WithFallback(R"("pre_tokenizer": {"type": "ByteLevel"},)"));
  write("refused_fallback_merge", WithFallback(kReplaces, R"(["x"])"));
  write("refused_fallback_normalizer", WithFallback(R"("normalizer": {"type": "NFKC"},)"));
}

}  // namespace

std::string Llama2cTokenizer(const TokenizerData& data) {
  std::string bytes("\7\0\0\0", 4);
  for (const std::string& token : data.tokens) {
    bytes += std::string("\0\0\x80\xBF", 4) + WithLength(token);
  }
  return bytes;
}

void WriteTokenizerSeeds(const fs::path& folder) {
  WriteByteLevelSeeds(folder);
  WriteFallbackSeeds(folder);
  WriteSeed(folder / "sentencepiece",
            kSentencePiece + SerializeSentencePieceModel(MakeTokenizer(Spm(), "")->data()));
  WriteSeed(folder / "llama2c", kLlama2c + Llama2cTokenizer(Spm()));
  WriteSeed(folder / "refused_llama2c",
            kLlama2c + std::string("\7\0\0\0\0\0\x80\xBF\xFF\xFF\xFF\xFF", 12));
}

}  // namespace trit
