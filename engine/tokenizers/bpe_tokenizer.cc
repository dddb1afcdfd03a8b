#include "engine/tokenizers/bpe_tokenizer.h"

#include <queue>
#include <utility>

#include "engine/tokenizers/byte_alphabet.h"

namespace trit {
namespace {

// A token of the word so far, in a list linked by index; -1 ends it.
struct Symbol {
  int32_t id;  // -1: a byte without a token
  int32_t previous, next;
  bool merged_away;  // into the one before
};

// A pair that may be merged. It is stale if one of its symbols has meanwhile become another.
struct Candidate {
  int32_t rank;
  int32_t left;               // index of the left symbol
  int32_t left_id, right_id;  // of the two at the time
  int32_t merged;

  // The heap gives the greatest: lowest rank, then leftmost.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

}  // namespace

// Reused from word to word.
struct BpeTokenizer::Workspace {
  std::vector<Symbol> symbols;
  std::priority_queue<Candidate> candidates;
};

BpeTokenizer::BpeTokenizer(TokenizerData data, SpecialTokens special,
                           const std::vector<BpeMerge>& merges, PreTokenizer pre_tokenizer)
    : VocabularyTokenizer(std::move(data), std::move(special)),
      pre_tokenizer_(std::move(pre_tokenizer)) {
  byte_ids_.fill(-1);
  const std::vector<std::string>& tokens = this->data().tokens;
  token_bytes_.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int32_t id = static_cast<int32_t>(i);
    std::string bytes = tokens[i];
    if (type(id) == TokenType::kNormal) {
      // Added tokens may hold what the alphabet lacks (spaces, say); they are their own text.
      bytes = FromByteAlphabet(tokens[i]).value_or(tokens[i]);
      if (bytes.size() == 1) byte_ids_[static_cast<uint8_t>(bytes[0])] = id;
    } else if (type(id) == TokenType::kByte) {
      bytes = std::string(1, static_cast<char>(ParseByteToken(tokens[i])));
    }
    token_bytes_.push_back(std::move(bytes));
  }
  if (*this->data().ignore_merges) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const int32_t id = static_cast<int32_t>(i);
      if (type(id) == TokenType::kNormal) words_.emplace(token_bytes_[i], id);
    }
  }
  merges_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const BpeMerge& merge = merges[rank];
    merges_.emplace(PairKey(merge.left, merge.right),
                    Target{static_cast<int32_t>(rank), merge.merged});
  }
}

const BpeTokenizer::Target* BpeTokenizer::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeTokenizer::EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const {
  // Most words of a text have been there before: where their ids are is remembered.
  struct Range {
    size_t begin, end;
  };
  std::unordered_map<std::string_view, Range> known;
  Workspace workspace;
  for (const std::string_view word : pre_tokenizer_.Split(text)) {
    const auto [place, is_new] = known.try_emplace(word, Range{ids.size(), ids.size()});
    Range& range = place->second;
    if (is_new) {
      EncodeWord(word, workspace, ids);
      range.end = ids.size();
    } else {
      for (size_t i = range.begin; i < range.end; ++i) ids.push_back(ids[i]);
    }
  }
}

void BpeTokenizer::EncodeWord(std::string_view word, Workspace& workspace,
                              std::vector<int32_t>& ids) const {
  if (const auto whole = words_.find(word); whole != words_.end()) {
    ids.push_back(whole->second);
    return;
  }
  std::vector<Symbol>& symbols = workspace.symbols;
  std::priority_queue<Candidate>& candidates = workspace.candidates;
  const auto consider = [&](int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    const int32_t left_id = symbols[left].id;
    const int32_t right_id = symbols[symbols[left].next].id;
    if (const Target* target = FindMerge(left_id, right_id)) {
      candidates.push({target->rank, left, left_id, right_id, target->merged});
    }
  };

  symbols.clear();
  const int32_t size = static_cast<int32_t>(word.size());
  for (int32_t i = 0; i < size; ++i) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(word[static_cast<size_t>(i)])];
    symbols.push_back({id, i - 1, i + 1 < size ? i + 1 : -1, false});
  }
  for (int32_t i = 0; i < size; ++i) consider(i);

  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.left];
    // A merge makes a token longer, so an id never comes back to the same place.
    if (left.merged_away || left.id != best.left_id || left.next < 0 ||
        symbols[left.next].id != best.right_id) {
      continue;
    }
    Symbol& right = symbols[left.next];
    left.id = best.merged;
    left.next = right.next;
    right.merged_away = true;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }

  for (int32_t i = 0; i >= 0; i = symbols[i].next) {
    const int32_t id = symbols[i].id >= 0 ? symbols[i].id : special().unknown;
    if (id >= 0) ids.push_back(id);
  }
}

}  // namespace trit
