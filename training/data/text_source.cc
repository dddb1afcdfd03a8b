#include "training/data/text_source.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/strict_json.h"
#include "ternary_kernels/check.h"
#include "training/data/chat_record.h"
#include "training/data/document_encoder.h"
#include "training/data/token_file.h"

namespace trit {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

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

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::string ParseTextRecord(std::string_view json, const std::string& where) {
  return TextOf(ParseStrictJson(json, where), where);
}

std::string TextOf(const nlohmann::json& record, const std::string& where) {
  const auto fail = [&](const std::string& what, const std::string& found) {
    throw Error(
        ErrorInfo{.what = what, .file = where, .expected = "{\"text\": \"...\"}", .found = found});
  };
  if (!record.is_object()) fail("not an object", std::string(record.type_name()));
  const auto text = record.find("text");
  if (text == record.end()) {
    std::string keys;
    for (const auto& item : record.items()) keys += (keys.empty() ? "" : ", ") + item.key();
    throw Error(
        ErrorInfo{.what = "no text",
                  .file = where,
                  .expected = "{\"text\": \"...\"}",
                  .found = keys.empty() ? "no keys" : "keys " + keys,
                  .hint = IsChatRecord(record) ? "conversations need data.chat_template" : ""});
  }
  if (!text->is_string()) fail("the text is no string", std::string(text->type_name()));
  return text->get<std::string>();
}

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
      use(ParseTextRecord(json, where));
    });
  } else {
    throw Error(ErrorInfo{.what = "unknown kind of data file",
                          .file = path,
                          .expected = "a name that ends in .txt, .jsonl or .bin"});
  }
}

void AppendDocument(const Tokenizer& tokenizer, std::string_view text, TokenArray& tokens) {
  DocumentEncoder encoder(tokenizer, [&](const std::vector<int32_t>& ids) { tokens.Append(ids); });
  encoder.Add(text);
  encoder.Flush();
}

void AppendFiles(std::span<const std::string> paths, const Tokenizer* tokenizer,
                 TokenArray& tokens) {
  std::optional<DocumentEncoder> encoder;
  if (tokenizer != nullptr) {
    encoder.emplace(*tokenizer, [&](const std::vector<int32_t>& ids) { tokens.Append(ids); });
  }
  for (const std::string& path : paths) {
    if (IsTokenFile(path)) {
      if (encoder) encoder->Flush();
      ReadTokenFile(path, tokens);
      continue;
    }
    if (!encoder) {
      throw Error(
          ErrorInfo{.what = "text needs a tokenizer", .file = path, .hint = "set data.tokenizer"});
    }
    ForEachDocument(path, [&](std::string_view text) { encoder->Add(text); });
  }
  if (encoder) encoder->Flush();
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
