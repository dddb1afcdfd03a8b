// A token beyond a vocabulary's own, as Hugging Face's tokenizer.json and tokenizer_config.json have
// them: {"content": "<|im_end|>", "special": true, "lstrip": false, "rstrip": false, …}
#ifndef TRIT_ENGINE_TOKENIZERS_ADDED_TOKEN_H_
#define TRIT_ENGINE_TOKENIZERS_ADDED_TOKEN_H_

#include <cstdint>
#include <string>

#include "engine/files/json_fields.h"
#include "engine/tokenizers/tokenizer_data.h"

namespace trit {

struct AddedToken {
  int64_t id = 0;
  std::string text;
  bool special = true;  // text only becomes it when special tokens are asked for
  bool strip_left = false, strip_right = false;
};

// Throws Error, also for what is not supported.
AddedToken ReadAddedToken(const JsonFields& fields, int64_t id);

// The kind of a token that the vocabulary has, and the white space that it takes along.
void MarkAdded(const AddedToken& token, TokenizerData& data);

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_ADDED_TOKEN_H_
