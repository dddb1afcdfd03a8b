#include "engine/formats/file_kind.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/formats/model_file.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

void Write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

BOOST_AUTO_TEST_CASE(WhatIsGivenInsteadOfAModel) {
  struct Case {
    std::string_view bytes;
    const char* message;
  };
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"", "an empty file (has its download ended?)"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"},
      {"<!DOCTYPE html>", "a web page (the download went wrong)"},
      {"PK\3\4\0\0"sv, "a zip archive, as PyTorch's checkpoints are (save the model as .safetensors"},
      {"\x80\2}q", "a pickle"},
      {"tjgg\3\0\0\0"sv, "of the time before GGUF"},
      {"\x89PNG\r\n\x1A\n"sv, "a PNG image"},
      {"\xFF\xD8\xFF\xE0", "a JPEG image"},
      {"%PDF-1.7", "a PDF document"},
      {"\x1F\x8B\x08", "a gzip archive (unpack it first)"},
      {"\x28\xB5\x2F\xFD", "a zstd archive"},
      {"{\"a\": 1}", "a JSON file"},
      {"\x10\0\0\0\0\0\0\0{}      "sv, "a safetensors file (give the directory it is in"},
  };
  const TemporaryFolder folder;
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.message) {
      Write(folder / "model.gguf", c.bytes);
      const std::string text = ErrorText([&] { LoadModel(folder / "model.gguf", {}); });
      BOOST_TEST(Contains(text, "not a model: expected a GGUF file, a Hugging Face directory"),
                 text);
      BOOST_TEST(Contains(text, c.message), text);
      BOOST_TEST(!Contains(text, "\n"));
    }
  }
  Write(folder / "model.gguf", "xyz");
  BOOST_TEST(GuessFileKind(folder / "model.gguf").name.empty());
}

BOOST_AUTO_TEST_CASE(WhatADirectoryHasInstead) {
  const TemporaryFolder folder;
  BOOST_TEST(HintForDirectory(folder.path().string()).empty());
  BOOST_TEST(HintForDirectory(folder / "none").empty());
  Write(folder / "config.json",
        R"({"model_type": "llama", "hidden_size": 4, "intermediate_size": 4,
            "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 3})");
  const auto text = [&] { return ErrorText([&] { LoadModel(folder.path().string(), {}); }); };
  BOOST_TEST(Contains(text(), "no weights here: expected model.safetensors"));
  Write(folder / "pytorch_model.bin", "x");
  BOOST_TEST(Contains(text(), "(save the model as .safetensors: pickles are not read)"));
  Write(folder / "m-i2_s.gguf", "x");
  BOOST_TEST(Contains(text(), "(give m-i2_s.gguf in it)"));
}

}  // namespace
}  // namespace trit
