// Seeds for the fuzz targets that read GGUF files.
#ifndef TRIT_TESTS_FUZZ_GGUF_SEEDS_H_
#define TRIT_TESTS_FUZZ_GGUF_SEEDS_H_

#include <filesystem>

namespace trit {

// Files without tensors: every kind of tokenizer, every type of value.
void WriteGgufHeaderSeeds(const std::filesystem::path& folder);
// Whole models of a few kilobytes in every type that can be read, and of every architecture. The
// smaller a file, the more of its mutations a second sees and the likelier one is to matter.
void WriteGgufModelSeeds(const std::filesystem::path& folder);
// Such models that are refused, each for a reason of its own.
void WriteRefusedGgufSeeds(const std::filesystem::path& folder);
// The files of `models`, each as every choice of fuzz_conversion.
void WriteConversionSeeds(const std::filesystem::path& models, const std::filesystem::path& folder);

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_GGUF_SEEDS_H_
