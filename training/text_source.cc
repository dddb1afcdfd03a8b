#include "training/text_source.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/input_file.h"
#include "engine/strict_json.h"
#include "ternary_kernels/check.h"
#include "training/token_file.h"

namespace trit {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kPieceBytes = size_t{1} << 20;

// Calls use(line, line_number) for each line, without its end; the last one may have none.
void ForEachLine(const InputFile& file, const std::function<void(std::string_view, int64_t)>& use) {
  std::string buffer;  // what is not handed out yet
  int64_t line = 0;
  for (uint64_t offset = 0; offset < file.size();) {
    const size_t old_size = buffer.size();
    const size_t size = static_cast<size_t>(std::min<uint64_t>(kReadBytes, file.size() - offset));
    buffer.resize(old_size + size);
    file.ReadAt(offset, buffer.data() + old_size, size);
    offset += size;
    size_t begin = 0;
    // The part before old_size is known to have no line end.
    for (size_t end = buffer.find('\n', old_size); end != std::string::npos;
         end = buffer.find('\n', begin)) {
      use(std::string_view(buffer).substr(begin, end - begin), ++line);
      begin = end + 1;
    }
    buffer.erase(0, begin);
  }
  if (!buffer.empty()) use(buffer, ++line);
}

// The document that a line of a .jsonl file holds.
std::string RecordText(std::string_view json, const std::string& where) {
  const auto fail = [&](const std::string& what, const std::string& found) {
    throw Error(
        ErrorInfo{.what = what, .file = where, .expected = "{\"text\": \"...\"}", .found = found});
  };
  const nlohmann::json record = ParseStrictJson(json, where);
  if (!record.is_object()) fail("not an object", std::string(record.type_name()));
  const auto text = record.find("text");
  if (text == record.end()) {
    std::string keys;
    for (const auto& item : record.items()) keys += (keys.empty() ? "" : ", ") + item.key();
    fail("no text", keys.empty() ? "no keys" : "keys " + keys);
  }
  if (!text->is_string()) fail("the text is no string", std::string(text->type_name()));
  return text->get<std::string>();
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// The length of the next piece of a long text: to the end of the last line that begins in it, or
// all of a line longer than a piece up to a place between two UTF-8 characters.
size_t PieceLength(std::string_view text) {
  if (text.size() <= kPieceBytes) return text.size();
  const size_t line_end = text.rfind('\n', kPieceBytes - 1);
  if (line_end != std::string_view::npos) return line_end + 1;
  size_t length = kPieceBytes;
  const auto continues = [&](size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  // A character has at most four bytes; more of the kind is no UTF-8.
  for (int back = 0; back < 3 && continues(length); ++back) --length;
  return continues(length) ? kPieceBytes : length;
}

}  // namespace

void ForEachJsonLine(
    const std::string& path,
    const std::function<void(std::string_view json, const std::string& where)>& use) {
  ForEachLine(InputFile(path), [&](std::string_view line, int64_t number) {
    if (!IsBlank(line)) use(line, path + ":" + std::to_string(number));
  });
}

void ForEachDocument(const std::string& path, const std::function<void(std::string_view)>& use) {
  if (path.ends_with(".txt")) {
    const InputFile file(path);
    std::string text(static_cast<size_t>(file.size()), '\0');
    file.ReadAt(0, text.data(), text.size());
    use(text);
  } else if (path.ends_with(".jsonl")) {
    ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
      use(RecordText(json, where));
    });
  } else {
    throw Error(ErrorInfo{.what = "unknown kind of data file",
                          .file = path,
                          .expected = "a name that ends in .txt, .jsonl or .bin"});
  }
}

void AppendDocument(const Tokenizer& tokenizer, std::string_view text, TokenArray& tokens) {
  const SpecialTokens& special = tokenizer.special();
  if (special.add_bos && special.bos >= 0) tokens.Append({&special.bos, 1});
  while (!text.empty()) {
    const size_t length = PieceLength(text);
    tokens.Append(tokenizer.Encode(text.substr(0, length), /*parse_special=*/false));
    text.remove_prefix(length);
  }
  if (special.eos >= 0) tokens.Append({&special.eos, 1});
}

void AppendFile(const std::string& path, const Tokenizer* tokenizer, TokenArray& tokens) {
  if (IsTokenFile(path)) {
    ReadTokenFile(path, tokens);
    return;
  }
  if (tokenizer == nullptr) {
    throw Error(
        ErrorInfo{.what = "text needs a tokenizer", .file = path, .hint = "set data.tokenizer"});
  }
  ForEachDocument(path, [&](std::string_view text) { AppendDocument(*tokenizer, text, tokens); });
}

std::vector<int32_t> TokenByteCounts(const Tokenizer& tokenizer, int64_t vocab_size) {
  TRIT_CHECK(vocab_size >= tokenizer.vocab_size());
  std::vector<int32_t> counts(static_cast<size_t>(vocab_size), 0);
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    counts[static_cast<size_t>(id)] =
        static_cast<int32_t>(tokenizer.Decode(id, /*show_special=*/false).size());
  }
  return counts;
}

}  // namespace trit
