// Files of token ids, .bin. Two kinds, told apart by the first four bytes:
//
//   llm.c    int32[256] header, then the ids. header[0] = 20240520, header[1] = 1, header[2] =
//   number
//            of ids, ids uint16; or header[0] = 20240801, header[1] = 7, ids uint32 (vocabularies
//            of more than 65536 tokens). The rest of the header is 0.
//   raw      uint16 ids from the first byte on (nanoGPT)
//
// All little-endian.
#ifndef TRIT_TRAINING_DATA_TOKEN_FILE_H_
#define TRIT_TRAINING_DATA_TOKEN_FILE_H_

#include <string>

#include "training/data/token_array.h"

namespace trit {

// Whether a data file holds token ids, by its name: else it is text.
bool IsTokenFile(const std::string& path);

// Appends the file's ids. Throws Error, with the byte offset where there is one, if the file is no
// whole number of ids, has another number of them than its header says, is of an unknown version,
// or has an id that is not below tokens.vocab_size().
void ReadTokenFile(const std::string& path, TokenArray& tokens);

// Writes the llm.c kind that fits the vocabulary.
void WriteTokenFile(const std::string& path, const TokenArray& tokens);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_TOKEN_FILE_H_
