#include "engine/tokenizers/spm_tokenizer.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "engine/tokenizers/utf8.h"

namespace trit {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

// A piece of the text so far, in a list linked by index; -1 ends it. Empty: merged into the one
// before.
struct Symbol {
  std::string_view text;
  int32_t previous, next;
};

// A pair that may be merged. It is stale if the two are no longer `size` bytes together.
struct Candidate {
  float score;
  int32_t left;  // index of the left symbol
  size_t size;

  // The heap gives the greatest: highest score, then leftmost.
  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

// The texts of two neighbours as one.
std::string_view Join(std::string_view left, std::string_view right) {
  return {left.data(), left.size() + right.size()};
}

std::string EscapeSpaces(std::string_view text, bool add_prefix) {
  std::string escaped(add_prefix ? kSpace : "");
  for (const char c : text) {
    if (c == ' ') {
      escaped += kSpace;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string UnescapeSpaces(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const size_t space = std::min(piece.find(kSpace), piece.size());
    text += piece.substr(0, space);
    piece.remove_prefix(space);
    if (piece.empty()) break;
    text += ' ';
    piece.remove_prefix(kSpace.size());
  }
  return text;
}

// The first place from `from` on where a U+2581 follows another character; npos if there is none.
size_t FindWordBreak(std::string_view text, size_t from) {
  for (size_t at = text.find(kSpace, from); at != std::string_view::npos;
       at = text.find(kSpace, at + kSpace.size())) {
    if (at > 0 && !text.substr(0, at).ends_with(kSpace)) return at;
  }
  return std::string_view::npos;
}

}  // namespace

// Reused from stretch to stretch.
struct SpmTokenizer::Workspace {
  std::vector<Symbol> symbols;
  std::priority_queue<Candidate> candidates;
  // Unused tokens may be passed through on the way to others; one that is left over falls apart
  // again into what it was last seen as.
  std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>> unused_parts;
};

SpmTokenizer::SpmTokenizer(TokenizerData data, SpecialTokens special)
    : VocabularyTokenizer(std::move(data), std::move(special)) {
  byte_ids_.fill(-1);
  const std::vector<std::string>& tokens = this->data().tokens;
  token_bytes_.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int32_t id = static_cast<int32_t>(i);
    switch (type(id)) {
      case TokenType::kNormal:
      case TokenType::kUserDefined:
      case TokenType::kUnused:
        pieces_.emplace(tokens[i], id);
        if (FindWordBreak(tokens[i], 0) != std::string_view::npos) words_are_separate_ = false;
        token_bytes_.push_back(UnescapeSpaces(tokens[i]));
        break;
      case TokenType::kByte: {
        const int32_t byte = ParseByteToken(tokens[i]);
        byte_ids_[static_cast<size_t>(byte)] = id;
        has_bytes_ = true;
        token_bytes_.push_back(std::string(1, static_cast<char>(byte)));
        break;
      }
      case TokenType::kUnknown:
      case TokenType::kControl:
        token_bytes_.push_back(tokens[i]);
        break;
    }
  }
}

std::string SpmTokenizer::DecodeNext(int32_t previous, int32_t token, bool show_special) const {
  std::string bytes = Decode(token, show_special);
  const auto is_special = [this](int32_t id) {
    const TokenType kind = type(id);
    return kind == TokenType::kControl || kind == TokenType::kUnknown ||
           kind == TokenType::kUserDefined;
  };
  const bool text_begins = (previous < 0 || is_special(previous)) && !is_special(token);
  if (*data().add_space_prefix && text_begins && bytes.starts_with(' ')) bytes.erase(0, 1);
  return bytes;
}

void SpmTokenizer::EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const {
  Workspace workspace;
  bool add_prefix = *data().add_space_prefix;
  while (true) {
    const size_t literal = has_bytes_ ? std::min(text.find(kSpace), text.size()) : text.size();
    EncodeEscaped(EscapeSpaces(text.substr(0, literal), add_prefix), workspace, ids);
    text.remove_prefix(literal);
    if (text.empty()) return;
    for (const char c : kSpace) ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
    text.remove_prefix(kSpace.size());
    add_prefix = false;
  }
}

void SpmTokenizer::EncodeEscaped(std::string_view rest, Workspace& workspace,
                                 std::vector<int32_t>& ids) const {
  while (!rest.empty()) {
    const size_t end =
        words_are_separate_ ? std::min(FindWordBreak(rest, 1), rest.size()) : rest.size();
    EncodeStretch(rest.substr(0, end), workspace, ids);
    rest.remove_prefix(end);
  }
}

void SpmTokenizer::EncodeStretch(std::string_view text, Workspace& workspace,
                                 std::vector<int32_t>& ids) const {
  std::vector<Symbol>& symbols = workspace.symbols;
  std::priority_queue<Candidate>& candidates = workspace.candidates;
  const auto consider = [&](int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    const std::string_view left_text = symbols[left].text;
    const std::string_view right_text = symbols[symbols[left].next].text;
    const auto piece = pieces_.find(Join(left_text, right_text));
    if (piece == pieces_.end()) return;
    const float score = data().scores[static_cast<size_t>(piece->second)];
    candidates.push({score, left, piece->first.size()});
    if (type(piece->second) == TokenType::kUnused) {
      workspace.unused_parts[piece->first] = {left_text, right_text};
    }
  };

  symbols.clear();
  for (size_t i = 0; i < text.size();) {
    const size_t length = DecodeUtf8(text.substr(i)).length;
    const int32_t index = static_cast<int32_t>(symbols.size());
    i += length;
    symbols.push_back(
        {text.substr(i - length, length), index - 1, i < text.size() ? index + 1 : -1});
  }
  const int32_t num_symbols = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < num_symbols; ++i) consider(i);

  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.left];
    if (left.text.empty() || left.next < 0 ||
        left.text.size() + symbols[left.next].text.size() != best.size) {
      continue;
    }
    Symbol& right = symbols[left.next];
    left.text = Join(left.text, right.text);
    right.text = {};
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }

  for (int32_t i = 0; i >= 0; i = symbols[i].next) EmitSymbol(symbols[i].text, workspace, ids);
  workspace.unused_parts.clear();
}

void SpmTokenizer::EmitSymbol(std::string_view symbol, const Workspace& workspace,
                              std::vector<int32_t>& ids) const {
  std::vector<std::string_view> stack = {symbol};
  while (!stack.empty()) {
    const std::string_view text = stack.back();
    stack.pop_back();
    if (const auto parts = workspace.unused_parts.find(text);
        parts != workspace.unused_parts.end()) {
      stack.push_back(parts->second.second);
      stack.push_back(parts->second.first);
    } else if (const auto piece = pieces_.find(text); piece != pieces_.end()) {
      ids.push_back(piece->second);
    } else if (has_bytes_) {
      for (const char c : text) ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
    } else if (ids.empty() || ids.back() != special().unknown) {
      // One for a run of unknown characters, as SentencePiece does.
      ids.push_back(special().unknown);
    }
  }
}

}  // namespace trit
