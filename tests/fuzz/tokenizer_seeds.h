// Seeds for the fuzz target that reads tokenizer files.
#ifndef TRIT_TESTS_FUZZ_TOKENIZER_SEEDS_H_
#define TRIT_TESTS_FUZZ_TOKENIZER_SEEDS_H_

#include <filesystem>
#include <string>

#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

// Files of every kind, with every part that is read; and some that are refused.
void WriteTokenizerSeeds(const std::filesystem::path& folder);

// A tokenizer.bin of llama2.c.
std::string Llama2cTokenizer(const TokenizerData& data);

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_TOKENIZER_SEEDS_H_
