// Byte-level byte-pair encoding (GPT-2, Llama 3, Falcon 3, Qwen 2, …): a pre-tokenizer cuts the
// text into words, and in each word, starting from its bytes, the adjacent pair whose merge comes
// first in the list is joined (the leftmost of equal ones) until no pair is in the list.
#ifndef TRIT_ENGINE_TOKENIZERS_BPE_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_BPE_TOKENIZER_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizers/pre_tokenizer.h"
#include "engine/tokenizers/vocabulary_tokenizer.h"

namespace trit {

struct BpeMerge {
  int32_t left, right;  // adjacent tokens
  int32_t merged;       // that become this one
};

class BpeTokenizer : public VocabularyTokenizer {
 public:
  // `data` is checked and has every default filled in; merges: data.merges as ids, in order. A byte
  // that has no token becomes `special.unknown`, or nothing if there is none.
  BpeTokenizer(TokenizerData data, SpecialTokens special, const std::vector<BpeMerge>& merges,
               PreTokenizer pre_tokenizer);

 protected:
  void EncodeFragment(std::string_view text, std::vector<int32_t>& ids) const override;

 private:
  struct Target {
    int32_t rank;
    int32_t merged;
  };
  struct Workspace;
  void EncodeWord(std::string_view word, Workspace& workspace, std::vector<int32_t>& ids) const;
  // The merge of two adjacent tokens; null if there is none.
  const Target* FindMerge(int32_t left, int32_t right) const;

  const PreTokenizer pre_tokenizer_;
  std::array<int32_t, 256> byte_ids_;                    // -1: no token
  std::unordered_map<uint64_t, Target> merges_;          // by left << 32 | right
  std::unordered_map<std::string_view, int32_t> words_;  // by bytes; only if merges are ignored
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_BPE_TOKENIZER_H_
