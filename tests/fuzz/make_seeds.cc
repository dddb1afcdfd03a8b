// Writes the seed corpora of the fuzz targets, a folder each, with Trit's own writers:
//   fuzz_make_seeds DIR
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/chat/chat_template.h"
#include "tests/fuzz/directory_seeds.h"
#include "tests/fuzz/gguf_seeds.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/tokenizer_seeds.h"
#include "training/data/token_file.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

// The byte before an input says its kind.
constexpr char kNarrowTokens = 0, kWideTokens = 1, kLines = 2, kTexts = 3, kText = 4, kTemplate = 5;

void WriteTrainingSeeds(const fs::path& folder) {
  fs::create_directories(folder);
  for (const int64_t vocab_size : {int64_t{50257}, int64_t{128256}}) {
    TokenArray tokens(vocab_size);
    const std::vector<int32_t> ids = {0, 1, 50256, 7};
    tokens.Append(ids);
    const fs::path path = folder / ("tokens" + std::to_string(vocab_size));
    WriteTokenFile(path.string(), tokens);
    const std::string bytes = ReadSeed(path);
    WriteSeed(path, (tokens.narrow() ? kNarrowTokens : kWideTokens) + bytes);
    // The other width than the vocabulary's, and another version.
    WriteSeed(folder / ("other" + std::to_string(vocab_size)),
              (tokens.narrow() ? kWideTokens : kNarrowTokens) + bytes);
    WriteSeed(folder / ("version" + std::to_string(vocab_size)),
              kNarrowTokens + bytes.substr(0, 4) + '\x09' + bytes.substr(5));
  }
  WriteSeed(folder / "raw", kNarrowTokens + std::string("\1\2\3\4", 4));
  const std::string messages = R"({"messages": [{"role": "system", "content": " x "},)"
                               R"({"role": "user", "content": "a"},)"
                               R"({"role": "assistant", "content": "<|im_end|>"}]})"
                               "\n\n";
  const std::string texts = R"({"text": "é\u00e9"})"
                            "\n";
  WriteSeed(folder / "messages", kLines + messages + texts);
  WriteSeed(folder / "texts", kTexts + texts + texts);
  WriteSeed(folder / "text", kText + texts);
  WriteSeed(folder / "others", kLines + std::string(R"({"conversations": [{"from": "human", )"
                                                    R"("value": "a"}, {"from": "gpt", )"
                                                    R"("value": "b"}]})"
                                                    "\n"
                                                    R"({"instruction": "a", "input": "b", )"
                                                    R"("output": "c"})"
                                                    "\n"
                                                    R"({"conversations": 1})"
                                                    "\n"
                                                    R"([{"role": 1, "content": "a"}])"
                                                    "\n"));
  for (const char* name : {"chatml", "llama3", "bitnet", "falcon3", "falcon_e"}) {
    WriteSeed(folder / name, kTemplate + std::string(ChatTemplate::Named(name).jinja()));
  }
  for (const char* text : {"user", "<|start_header_id|> <|end_header_id|>", ""}) {
    WriteSeed(folder / ("template" + std::to_string(std::string(text).size())),
              kTemplate + std::string(text));
  }
}

void WriteSeeds(const fs::path& root) {
  WriteGgufHeaderSeeds(root / "fuzz_gguf_header");
  WriteGgufModelSeeds(root / "fuzz_gguf");
  WriteConversionSeeds(root / "fuzz_gguf", root / "fuzz_conversion");
  WriteRefusedGgufSeeds(root / "fuzz_gguf");
  WriteDirectorySeeds(root);
  WriteLlama2cSeeds(root / "fuzz_llama2c");
  WriteTokenizerSeeds(root / "fuzz_tokenizer");
  WriteTrainingSeeds(root / "fuzz_training_data");
  WriteSeed(root / "fuzz_text" / "mixed", "The 123's <|im_end|>\r\n  日本 ▁\xF0\x9F\x98\x80\xFF");
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
