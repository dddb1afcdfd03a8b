// Loads what a config's [data] section names.
#ifndef TRIT_TRAINING_DATA_TRAINING_DATA_H_
#define TRIT_TRAINING_DATA_TRAINING_DATA_H_

#include <memory>
#include <string>

#include "engine/tokenizers/tokenizer.h"
#include "training/config/training_config.h"
#include "training/data/dataset.h"

namespace trit {

struct TrainingData {
  std::unique_ptr<TrainingSource> train;
  std::unique_ptr<EvaluationSource> validation;
  std::string fingerprint;  // of the training tokens: a run continues on the same ones only
};

// Settles model.vocab_size: the tokenizer's where the config leaves it open. Throws UsageError if
// the config's is smaller than the tokenizer's, or if nothing says it. `tokenizer` may be null.
void SettleVocabSize(const Tokenizer* tokenizer, TrainingConfig& config);

// Reads all files in order, encodes text, and splits off validation_fraction: of the tokens, or
// with data.chat_template, of the documents (document_source.h), which are packed as
// document_rows.h says: conversations with the assistant's words to be learned, and texts, in parts
// that fill a row. model.vocab_size is settled; `tokenizer` may be null if all
// files are .bin. Throws Error or UsageError.
TrainingData LoadTrainingData(const TrainingConfig& config, const Tokenizer* tokenizer);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_TRAINING_DATA_H_
