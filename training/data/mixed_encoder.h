// Texts and conversations to token ids with all threads, in their order.
#ifndef TRIT_TRAINING_DATA_MIXED_ENCODER_H_
#define TRIT_TRAINING_DATA_MIXED_ENCODER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/tokenizers/tokenizer.h"
#include "training/data/document_source.h"

namespace trit {

struct EncodedDocument {
  bool is_text = false;  // else a conversation
  std::vector<int32_t> tokens;
  std::vector<bool> learned;  // one a token
};

class MixedEncoder {
 public:
  // `sink` gets each document. Of a text (with bos and eos as document_encoder.h says) all tokens
  // are learned, of a conversation (chat_encoding.h) those the assistant says. Template and
  // tokenizer outlive this.
  MixedEncoder(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
               std::function<void(EncodedDocument)> sink);

  void Add(MixedDocument document);
  // Hands on what is left; to be called after the last document.
  void Flush();

 private:
  EncodedDocument Encode(const MixedDocument& document) const;

  const ChatTemplate& chat_template_;
  const Tokenizer& tokenizer_;
  std::function<void(EncodedDocument)> sink_;
  std::vector<MixedDocument> documents_;  // not encoded yet
};

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_MIXED_ENCODER_H_
