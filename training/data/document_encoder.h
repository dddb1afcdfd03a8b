// Documents to token ids with all threads: documents, and long ones in pieces, are gathered until
// there is work for everyone, encoded at once and handed on in order.
#ifndef TRIT_TRAINING_DATA_DOCUMENT_ENCODER_H_
#define TRIT_TRAINING_DATA_DOCUMENT_ENCODER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizers/tokenizer.h"

namespace trit {

class DocumentEncoder {
 public:
  // `sink` gets the ids of each document in the order of the documents: bos if the tokenizer adds
  // it, the text, eos if the tokenizer has one; a long document's in parts. Special tokens spelled
  // out in the text are text. `tokenizer` outlives this.
  DocumentEncoder(const Tokenizer& tokenizer, std::function<void(std::vector<int32_t>)> sink);

  void Add(std::string_view document);
  // Hands on what is left; to be called after the last document.
  void Flush();

 private:
  struct Piece {
    std::string text;
    bool begins = false;  // a document
    bool ends = false;
  };
  std::vector<int32_t> Encode(const Piece& piece) const;

  const Tokenizer& tokenizer_;
  std::function<void(std::vector<int32_t>)> sink_;
  std::vector<Piece> pieces_;
  size_t bytes_ = 0;  // of pieces_
};

// The length of the next piece of a long text: to the end of the last line that begins in its first
// MiB, or all of a line longer than that up to a place between two UTF-8 characters.
size_t PieceLength(std::string_view text);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DOCUMENT_ENCODER_H_
