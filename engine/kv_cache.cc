#include "engine/kv_cache.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "ternary_kernels/check.h"

namespace trit {

KvCache::KvCache(const ModelConfig& config, int64_t max_pages)
    : shape_{config.num_attention_heads, config.num_key_value_heads, config.head_dim},
      num_layers_(config.num_hidden_layers),
      max_pages_(max_pages) {}

int64_t KvCache::PageBytes() const {
  return num_layers_ * 2 * shape_.PageFloats() * static_cast<int64_t>(sizeof(float));
}

KvCache::Sequence& KvCache::Get(SequenceId sequence) {
  TRIT_CHECK(sequence >= 0 && static_cast<size_t>(sequence) < sequences_.size());
  TRIT_CHECK(sequences_[static_cast<size_t>(sequence)].live);
  return sequences_[static_cast<size_t>(sequence)];
}

const KvCache::Sequence& KvCache::Get(SequenceId sequence) const {
  return const_cast<KvCache*>(this)->Get(sequence);
}

SequenceId KvCache::Create() {
  size_t slot = 0;
  while (slot < sequences_.size() && sequences_[slot].live) ++slot;
  if (slot == sequences_.size()) sequences_.emplace_back();
  sequences_[slot].live = true;
  return static_cast<SequenceId>(slot);
}

SequenceId KvCache::Fork(SequenceId sequence) {
  const SequenceId fork = Create();
  const Sequence& from = Get(sequence);
  Sequence& to = Get(fork);
  to.length = from.length;
  to.pages = from.pages;
  for (const int32_t page : to.pages) ++pages_[static_cast<size_t>(page)]->users;
  return fork;
}

void KvCache::Truncate(SequenceId sequence, int64_t length) {
  Sequence& s = Get(sequence);
  TRIT_CHECK(length >= 0 && length <= s.length);
  s.length = length;
  const size_t keep = static_cast<size_t>(PagesFor(length));
  for (size_t i = keep; i < s.pages.size(); ++i) DropPage(s.pages[i]);
  s.pages.resize(keep);
}

void KvCache::Release(SequenceId sequence) {
  Truncate(sequence, 0);
  Get(sequence).live = false;
}

int64_t KvCache::Length(SequenceId sequence) const { return Get(sequence).length; }

void KvCache::Append(SequenceId sequence, int64_t num_rows) {
  Sequence& s = Get(sequence);
  if (num_rows == 0) return;
  // A partly filled last page that another sequence also uses is copied before it is written.
  const bool partial = s.length % kAttentionPage != 0;
  const bool copy = partial && pages_[static_cast<size_t>(s.pages.back())]->users > 1;
  const int64_t new_pages =
      PagesFor(s.length + num_rows) - static_cast<int64_t>(s.pages.size()) + (copy ? 1 : 0);
  if (PagesInUse() + new_pages > max_pages_) {
    throw Error(ErrorInfo{.what = "the context is full",
                          .expected = "at most " + std::to_string(max_pages_ * kAttentionPage) +
                                      " positions in all sequences",
                          .found = std::to_string((PagesInUse() + new_pages) * kAttentionPage),
                          .hint = "allow a longer context or shorten the prompt"});
  }
  if (copy) {
    const int32_t shared = s.pages.back();
    const int32_t own = TakePage();
    std::copy(pages_[static_cast<size_t>(shared)]->data.begin(),
              pages_[static_cast<size_t>(shared)]->data.end(),
              pages_[static_cast<size_t>(own)]->data.begin());
    DropPage(shared);
    s.pages.back() = own;
  }
  s.length += num_rows;
  while (static_cast<int64_t>(s.pages.size()) < PagesFor(s.length)) s.pages.push_back(TakePage());
}

int32_t KvCache::TakePage() {
  int32_t index;
  if (free_pages_.empty()) {
    index = static_cast<int32_t>(pages_.size());
    pages_.push_back(std::make_unique<Page>());
    pages_.back()->data =
        AlignedBuffer<float>(static_cast<size_t>(num_layers_ * 2 * shape_.PageFloats()));
  } else {
    index = free_pages_.back();
    free_pages_.pop_back();
  }
  pages_[static_cast<size_t>(index)]->users = 1;
  return index;
}

void KvCache::DropPage(int32_t page) {
  if (--pages_[static_cast<size_t>(page)]->users == 0) free_pages_.push_back(page);
}

std::vector<float*> KvCache::Pages(SequenceId sequence, int64_t offset) const {
  std::vector<float*> pointers;
  for (const int32_t page : Get(sequence).pages) {
    pointers.push_back(pages_[static_cast<size_t>(page)]->data.data() + offset);
  }
  return pointers;
}

std::vector<float*> KvCache::KeyPages(SequenceId sequence, int64_t layer) const {
  return Pages(sequence, (2 * layer) * shape_.PageFloats());
}

std::vector<float*> KvCache::ValuePages(SequenceId sequence, int64_t layer) const {
  return Pages(sequence, (2 * layer + 1) * shape_.PageFloats());
}

int64_t KvCache::PagesInUse() const {
  return static_cast<int64_t>(pages_.size() - free_pages_.size());
}

}  // namespace trit
