#include "engine/error.h"

#include <utility>

namespace trit {
namespace {

// "model.gguf: token_embd.weight: what: expected 4, found 5 (hint)", control characters escaped so
// that the message stays one line whatever a file or a user put into a name.
std::string OneLine(const ErrorInfo& info) {
  std::string text;
  for (const std::string* where : {&info.file, &info.key, &info.tensor}) {
    if (!where->empty()) text += *where + ": ";
  }
  text += info.what;
  if (!info.expected.empty()) text += ": expected " + info.expected;
  if (!info.found.empty()) text += (info.expected.empty() ? ": found " : ", found ") + info.found;
  if (!info.hint.empty()) text += " (" + info.hint + ")";

  std::string line;
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 15];
    }
  }
  return line;
}

}  // namespace

Error::Error(ErrorInfo info) : std::runtime_error(OneLine(info)), info_(std::move(info)) {}

}  // namespace trit
