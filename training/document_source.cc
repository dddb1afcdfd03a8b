#include "training/document_source.h"

#include "engine/strict_json.h"
#include "training/chat_record.h"
#include "training/text_source.h"

namespace trit {

MixedDocument ParseMixedRecord(std::string_view json, const std::string& where) {
  const nlohmann::json record = ParseStrictJson(json, where);
  if (record.is_object() && record.contains("text") && !IsChatRecord(record)) {
    return ParseTextRecord(json, where);
  }
  return ParseChatRecord(json, where);
}

void ForEachMixedDocument(const std::string& path,
                          const std::function<void(MixedDocument document, uint64_t bytes)>& use) {
  if (path.ends_with(".jsonl")) {
    ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
      use(ParseMixedRecord(json, where), json.size() + 1);
    });
    return;
  }
  ForEachDocument(path, [&](std::string_view text) { use(std::string(text), text.size()); });
}

}  // namespace trit
