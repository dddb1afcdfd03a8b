// Text and conversations made into a directory that a run trains from without further work:
//
//   OUT/train_000000.bin …       token ids in shards (token_file.h)
//   OUT/validation_000000.bin …  likewise, the last part of the data
//   OUT/tokenizer.gguf           run_tokenizer.h
//
// The data is read as a stream: memory holds one shard. The files get their names when all are
// complete; a killed process leaves .tmp-data behind, which the next one removes.
#ifndef TRIT_TRAINING_DATA_DATA_PREPARATION_H_
#define TRIT_TRAINING_DATA_DATA_PREPARATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/tokenizers/tokenizer.h"

namespace trit {

struct DataPreparation {
  std::vector<std::string> inputs;  // .txt and .jsonl, as data_files.h expands them
  std::string out;                  // directory; made if it is not there
  std::string tokenizer = "bytes";  // as data.tokenizer of a config
  // Lines are conversations, written in this format as text; empty: lines are texts. (A run that
  // reads conversations itself learns what the assistant says alone; token files cannot tell.)
  std::string chat_template;
  int64_t shard_tokens = 100'000'000;  // at most, in a file
  double validation_fraction = 0.01;   // of the bytes, from the end, by whole documents
};

struct PreparationProgress {
  const char* stage;  // "training the tokenizer" or "encoding"
  uint64_t bytes_done = 0, bytes_total = 0;
  int64_t tokens = 0;
};

struct PreparedData {
  std::shared_ptr<const Tokenizer> tokenizer;
  int64_t documents = 0;
  uint64_t text_bytes = 0;
  int64_t train_tokens = 0, validation_tokens = 0;
  std::vector<std::string> train_files, validation_files;
  std::string tokenizer_file;
};

// Throws Error or UsageError; a directory that has shards already is refused.
PreparedData PrepareData(const DataPreparation& preparation,
                         const std::function<void(const PreparationProgress&)>& progress);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DATA_PREPARATION_H_
