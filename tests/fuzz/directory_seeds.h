// Seeds for the fuzz targets that read Hugging Face directories and llama2.c's checkpoints.
#ifndef TRIT_TESTS_FUZZ_DIRECTORY_SEEDS_H_
#define TRIT_TESTS_FUZZ_DIRECTORY_SEEDS_H_

#include <filesystem>

namespace trit {

// root / fuzz_model_directory: of every kind of weights, with every file and key that is read, and
// some that are refused. root / fuzz_safetensors: their weights.
void WriteDirectorySeeds(const std::filesystem::path& root);

void WriteLlama2cSeeds(const std::filesystem::path& folder);

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_DIRECTORY_SEEDS_H_
