// Joins token bytes into text that is only handed out in whole UTF-8 sequences, for streaming.
// Invalid bytes become U+FFFD, one for each longest beginning of a sequence, as the Unicode
// standard recommends. The text does not depend on where the bytes were cut.
#ifndef TRIT_ENGINE_TOKENIZERS_UTF8_STREAM_H_
#define TRIT_ENGINE_TOKENIZERS_UTF8_STREAM_H_

#include <string>
#include <string_view>

namespace trit {

class Utf8Stream {
 public:
  // Takes the next bytes; returns the text that is complete by now.
  std::string Push(std::string_view bytes);
  // What is left, an incomplete sequence as U+FFFD.
  std::string Flush();

 private:
  std::string pending_;  // an incomplete sequence
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_UTF8_STREAM_H_
