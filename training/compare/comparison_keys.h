// The keys that [compare] and [[method]] have beside the training config's, and how names that
// nobody knows are refused.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_KEYS_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_KEYS_H_

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensors/tensor_type.h"

namespace trit {

struct CompareSection {
  std::string config;  // empty: the training config stands in the same file
  std::vector<int64_t> seeds;
  TensorType embeddings = TensorType::kF32;
};

// What stands in the table, whether it goes together or not.
struct MethodTable {
  std::string name, how;
  bool from_full_precision = false;
  int64_t steps = 0;
};

// Throw UsageError with file and line, key, expected and found. quantizer_keys: what a method may
// have besides, which is not read here.
CompareSection ReadCompareSection(const toml::table& table);
MethodTable ReadMethodTable(const toml::table& table,
                            const std::vector<std::string>& quantizer_keys);

bool IsOneOf(const std::string& name, const std::vector<std::string>& names);
// Throws UsageError unless the name is one of those known; the prefix goes into the message.
void RequireKnown(const toml::node& node, const std::string& prefix, const std::string& name,
                  const std::vector<std::string>& known);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_KEYS_H_
