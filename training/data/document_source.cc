#include "training/data/document_source.h"

#include "engine/error.h"
#include "engine/files/strict_json.h"
#include "training/data/chat_record.h"
#include "training/data/text_source.h"
#include "training/data/token_file.h"

namespace trit {

namespace {

MixedDocument ParseLine(std::string_view json, const std::string& where) {
  const nlohmann::json record = ParseStrictJson(json, where);
  const bool is_text = record.is_object() && record.contains("text") && !IsChatRecord(record);
  if (is_text) return TextOf(record, where);
  return ConversationOf(record, where);
}

}  // namespace

void ForEachMixedDocument(const std::string& path,
                          const std::function<void(MixedDocument document, uint64_t bytes)>& use) {
  if (IsTokenFile(path)) {
    throw UsageError(ErrorInfo{.what = "token ids cannot stand beside conversations",
                               .file = path,
                               .expected = "a .txt or .jsonl file",
                               .hint = "ids are trained on without data.chat_template"});
  }
  if (path.ends_with(".jsonl")) {
    ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
      use(ParseLine(json, where), json.size() + 1);
    });
    return;
  }
  ForEachDocument(path, [&](std::string_view text) { use(std::string(text), text.size()); });
}

}  // namespace trit
