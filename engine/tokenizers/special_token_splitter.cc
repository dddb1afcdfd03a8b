#include "engine/tokenizers/special_token_splitter.h"

#include <algorithm>
#include <functional>

#include "engine/tokenizers/utf8.h"

namespace trit {
namespace {

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::binary_search(ids.begin(), ids.end(), id);
}

}  // namespace

void SpecialTokenSplitter::Table::Add(std::string_view text, int32_t id) {
  ids.emplace(text, id);
  lengths.push_back(text.size());
  begins_one[static_cast<uint8_t>(text[0])] = true;
}

void SpecialTokenSplitter::Table::Finish() {
  std::sort(lengths.begin(), lengths.end(), std::greater<>());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
}

SpecialTokenSplitter::Fragment SpecialTokenSplitter::Table::Match(std::string_view text) const {
  if (!begins_one[static_cast<uint8_t>(text[0])]) return {};
  for (const size_t length : lengths) {
    if (length > text.size()) continue;
    const auto found = ids.find(text.substr(0, length));
    if (found != ids.end()) return {text.substr(0, length), found->second};
  }
  return {};
}

SpecialTokenSplitter::SpecialTokenSplitter(const TokenizerData& data) : data_(data) {
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    const TokenType type = data.types[i];
    const int32_t id = static_cast<int32_t>(i);
    if (type == TokenType::kUserDefined) user_defined_.Add(data.tokens[i], id);
    if (type == TokenType::kUserDefined || type == TokenType::kControl ||
        type == TokenType::kUnknown) {
      all_.Add(data.tokens[i], id);
    }
  }
  user_defined_.Finish();
  all_.Finish();
}

std::vector<SpecialTokenSplitter::Fragment> SpecialTokenSplitter::Split(std::string_view text,
                                                                        bool parse_special) const {
  const Table& table = parse_special ? all_ : user_defined_;
  std::vector<Fragment> fragments;
  size_t begin = 0;  // of the text since the last special token
  for (size_t i = 0; i < text.size();) {
    const Fragment match = table.Match(text.substr(i));
    if (match.token < 0) {
      ++i;
      continue;
    }
    size_t from = i, to = i + match.text.size();
    if (Contains(data_.strip_left, match.token)) {
      from -= TrailingSpaceBytes(text.substr(begin, i - begin));
    }
    if (Contains(data_.strip_right, match.token)) to += LeadingSpaceBytes(text.substr(to));
    if (from > begin) fragments.push_back({text.substr(begin, from - begin), -1});
    fragments.push_back({text.substr(from, to - from), match.token});
    i = begin = to;
  }
  if (begin < text.size()) fragments.push_back({text.substr(begin), -1});
  return fragments;
}

}  // namespace trit
