// The smallest program that embeds Trit: continues a text.
//   example MODEL.gguf TEXT
#include <cstdio>
#include <string_view>

#include "engine/error.h"
#include "engine/language_model.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: example MODEL.gguf TEXT\n");
    return 2;
  }
  try {
    const trit::LanguageModel model = trit::LanguageModel::Load(argv[1]);
    trit::TextSessionOptions options;
    options.sampling.temperature = 0;  // always the likeliest token
    trit::TextSession session(model, options);

    std::printf("%s", argv[2]);
    trit::GenerationOptions length;
    length.max_tokens = 8;
    session.Continue(argv[2], length, [](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      return true;  // go on
    });
    std::printf("\n");
  } catch (const trit::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
