#include "training/evaluation/scored_text.h"

#include <cstddef>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "training/data/text_source.h"
#include "training/data/token_array.h"
#include "training/data/token_file.h"

namespace trit {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{4} << 30;

}  // namespace

std::vector<int32_t> ReadScoredText(const std::string& path, const Model& model) {
  TokenArray tokens(model.config.vocab_size);
  if (IsTokenFile(path)) {
    ReadTokenFile(path, tokens);
  } else if (!model.tokenizer) {
    throw Error(ErrorInfo{.what = "the model has no tokenizer, so text cannot be scored",
                          .file = path,
                          .expected = "a .bin file of token ids"});
  } else if (path.ends_with(".jsonl")) {
    AppendFiles({&path, 1}, model.tokenizer.get(), tokens);
  } else {
    AppendDocument(*model.tokenizer, ReadTextFile(path, kMaxTextBytes), tokens);
  }
  if (tokens.size() < 2) {
    throw Error(ErrorInfo{.what = "too little text to score",
                          .file = path,
                          .expected = "at least 2 tokens",
                          .found = std::to_string(tokens.size())});
  }
  std::vector<int32_t> ids(static_cast<size_t>(tokens.size()));
  tokens.CopyTo(0, ids);
  return ids;
}

int64_t CountScoredBytes(const Model& model, std::span<const int32_t> tokens) {
  if (!model.tokenizer) return 0;
  const std::vector<int32_t> bytes = TokenByteCounts(*model.tokenizer, model.config.vocab_size);
  int64_t total = 0;
  for (const int32_t token : tokens.subspan(1)) total += bytes[static_cast<size_t>(token)];
  return total;
}

}  // namespace trit
