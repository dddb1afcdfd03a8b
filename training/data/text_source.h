// Text to train on, as documents.
//
//   .txt    the whole file is one document, its bytes as they are
//   .jsonl  an object a line, {"text": "…"}; its text is a document. Empty lines are skipped.
//           Conversations are document_source.h's.
//
// (.bin files hold token ids already: token_file.h.)
#ifndef TRIT_TRAINING_DATA_TEXT_SOURCE_H_
#define TRIT_TRAINING_DATA_TEXT_SOURCE_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer.h"
#include "training/data/token_array.h"

namespace trit {

// Calls `use` for every document of the file, in order. Throws Error with the file, and the line
// where there is one, for other kinds of file and for lines that are not as above.
void ForEachDocument(const std::string& path, const std::function<void(std::string_view)>& use);

// Calls `use` for every line of a .jsonl file that is not empty, with "file:line" for messages.
void ForEachJsonLine(
    const std::string& path,
    const std::function<void(std::string_view json, const std::string& where)>& use);

// The text of such a line, {"text": "…"}. `where` goes into messages. Throws Error.
std::string ParseTextRecord(std::string_view json, const std::string& where);
// The same of a parsed record.
std::string TextOf(const nlohmann::json& record, const std::string& where);

// Appends the ids of a document, as document_encoder.h makes them.
void AppendDocument(const Tokenizer& tokenizer, std::string_view text, TokenArray& tokens);

// All ids of files of any kind, appended in their order, encoded with all threads. `tokenizer` is
// not needed for .bin and may be null then; without it, text throws Error.
void AppendFiles(std::span<const std::string> paths, const Tokenizer* tokenizer,
                 TokenArray& tokens);

// Bytes of text that each token stands for, by id; 0 for special tokens. vocab_size: at least the
// tokenizer's. What turns a loss per token into bits per byte.
std::vector<int32_t> TokenByteCounts(const Tokenizer& tokenizer, int64_t vocab_size);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_TEXT_SOURCE_H_
