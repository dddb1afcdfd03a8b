#include "engine/tokenizers/utf8_stream.h"

#include "engine/tokenizers/utf8.h"

namespace trit {

std::string Utf8Stream::Push(std::string_view bytes) {
  pending_ += bytes;
  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8Char next = DecodeUtf8(rest);
    if (next.status == Utf8Char::Status::kIncomplete) break;
    text += next.status == Utf8Char::Status::kValid ? rest.substr(0, next.length)
                                                    : kReplacementCharacter;
    rest.remove_prefix(next.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Utf8Stream::Flush() {
  if (pending_.empty()) return {};
  pending_.clear();
  return std::string(kReplacementCharacter);
}

}  // namespace trit
