// The files of a Hugging Face directory, in the order fuzz_model_directory has them in its input.
#ifndef TRIT_TESTS_FUZZ_DIRECTORY_FILES_H_
#define TRIT_TESTS_FUZZ_DIRECTORY_FILES_H_

namespace trit {

inline constexpr const char* kDirectoryFiles[] = {
    "config.json",           "model.safetensors",      "model.safetensors.index.json",
    "tokenizer_config.json", "generation_config.json", "tokenizer.model",
    "tokenizer.json",        "added_tokens.json",      "chat_template.jinja"};

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_DIRECTORY_FILES_H_
