#include "training/data/mixed_encoder.h"

#include <string>
#include <utility>
#include <variant>

#include "engine/chat/chat_encoding.h"
#include "training/data/document_encoder.h"
#include "training/data/parallel_map.h"

namespace trit {
namespace {

constexpr size_t kDocumentsAtOnce = 8192;
// A text from here on is encoded by itself, its pieces with all threads.
constexpr size_t kLongText = size_t{1} << 20;

}  // namespace

MixedEncoder::MixedEncoder(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                           std::function<void(EncodedDocument)> sink)
    : chat_template_(chat_template), tokenizer_(tokenizer), sink_(std::move(sink)) {}

void MixedEncoder::Add(MixedDocument document) {
  const std::string* text = std::get_if<std::string>(&document);
  if (text != nullptr && text->size() >= kLongText) {
    Flush();
    sink_(Encode(document));
    return;
  }
  documents_.push_back(std::move(document));
  if (documents_.size() == kDocumentsAtOnce) Flush();
}

void MixedEncoder::Flush() {
  const auto encode = [&](const MixedDocument& document) { return Encode(document); };
  for (EncodedDocument& document : ParallelMap<EncodedDocument>(documents_, encode)) {
    sink_(std::move(document));
  }
  documents_.clear();
}

EncodedDocument MixedEncoder::Encode(const MixedDocument& document) const {
  const std::string* text = std::get_if<std::string>(&document);
  if (text == nullptr) {
    ChatTokens chat = EncodeChat(chat_template_, tokenizer_, std::get<1>(document), false);
    return {false, std::move(chat.tokens), std::move(chat.loss)};
  }
  EncodedDocument result{.is_text = true};
  DocumentEncoder encoder(tokenizer_, [&](const std::vector<int32_t>& ids) {
    result.tokens.insert(result.tokens.end(), ids.begin(), ids.end());
  });
  encoder.Add(*text);
  encoder.Flush();
  result.learned.assign(result.tokens.size(), true);
  return result;
}

}  // namespace trit
