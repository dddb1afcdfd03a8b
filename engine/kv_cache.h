// Keys and values of many sequences, in pages of 64 positions (ternary_kernels/attention.h). A fork
// shares pages until one side writes; pages of released sequences are used again.
#ifndef TRIT_ENGINE_KV_CACHE_H_
#define TRIT_ENGINE_KV_CACHE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/batch.h"
#include "engine/model_config.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/attention.h"

namespace trit {

class KvCache {
 public:
  // Holds at most max_pages pages; memory is taken page by page as sequences grow.
  KvCache(const ModelConfig& config, int64_t max_pages);

  static int64_t PagesFor(int64_t positions) {
    return (positions + kAttentionPage - 1) / kAttentionPage;
  }
  int64_t PageBytes() const;  // of all layers

  SequenceId Create();
  // A new sequence with the same contents.
  SequenceId Fork(SequenceId sequence);
  // Forgets positions from `length` on.
  void Truncate(SequenceId sequence, int64_t length);
  void Release(SequenceId sequence);
  int64_t Length(SequenceId sequence) const;

  // Makes room for positions [Length, Length + num_rows) and counts them as present; the caller
  // stores them. Throws Error (and changes nothing) if the pages do not suffice.
  void Append(SequenceId sequence, int64_t num_rows);

  // The pages of one layer, in order of position, for attention. The arrays stay valid until the
  // sequence next changes.
  std::vector<float*> KeyPages(SequenceId sequence, int64_t layer) const;
  std::vector<float*> ValuePages(SequenceId sequence, int64_t layer) const;

  int64_t PagesInUse() const;

 private:
  struct Page {
    AlignedBuffer<float> data;  // (layers, 2, PageFloats): keys, then values
    int32_t users = 0;
  };
  struct Sequence {
    bool live = false;
    int64_t length = 0;
    std::vector<int32_t> pages;
  };
  Sequence& Get(SequenceId sequence);
  const Sequence& Get(SequenceId sequence) const;
  int32_t TakePage();
  void DropPage(int32_t page);
  std::vector<float*> Pages(SequenceId sequence, int64_t offset) const;

  AttentionShape shape_;
  int64_t num_layers_;
  int64_t max_pages_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<int32_t> free_pages_;
  std::vector<Sequence> sequences_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_KV_CACHE_H_
