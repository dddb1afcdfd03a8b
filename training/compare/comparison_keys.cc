#include "training/compare/comparison_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "training/compare/comparison_config.h"
#include "training/config/config_values.h"

namespace trit {
namespace {

constexpr int64_t kMaxSteps = 1'000'000'000;
constexpr size_t kMaxSeeds = 100;
constexpr int64_t kMaxSeed = int64_t{1} << 62;  // leaves room for the seeds of continued runs

// A key that the tables of this file have beside the training config's.
template <typename Struct>
struct OwnKey {
  std::string name;
  std::function<void(Struct&, const toml::node&, const std::string& key)> read;
};

std::vector<int64_t> ReadSeeds(const toml::node& node, const std::string& key) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty() || list->size() > kMaxSeeds) {
    ThrowConfigError(node, key, "wrong type",
                     fmt::format("a list of 1 to {} numbers, such as [1, 2, 3]", kMaxSeeds));
  }
  std::vector<int64_t> seeds;
  for (const toml::node& element : *list) {
    seeds.push_back(ReadInteger(element, key, 0, kMaxSeed));
    if (std::count(seeds.begin(), seeds.end(), seeds.back()) > 1) {
      ThrowConfigError(element, key, "given twice", "different seeds");
    }
  }
  return seeds;
}

const std::vector<OwnKey<CompareSection>>& CompareKeys() {
  static const std::vector<OwnKey<CompareSection>> keys = {
      {"config", [](CompareSection& section, const toml::node& node,
                    const std::string& key) { section.config = ReadString(node, key); }},
      {"seeds", [](CompareSection& section, const toml::node& node,
                   const std::string& key) { section.seeds = ReadSeeds(node, key); }},
      {"embeddings",
       [](CompareSection& section, const toml::node& node, const std::string& key) {
         const std::string types[] = {"f32", "f16", "bf16", "q8_0", "q6_k"};
         section.embeddings = FindTensorType(types[ReadChoice(node, key, types)])->type;
       }},
  };
  return keys;
}

const std::vector<OwnKey<MethodTable>>& MethodKeys() {
  static const std::vector<OwnKey<MethodTable>> keys = {
      {"name",
       [](MethodTable& method, const toml::node& node, const std::string& key) {
         method.name = ReadString(node, key);
         if (method.name.empty() || method.name == kFullPrecision) {
           ThrowConfigError(node, key, "not a method's name",
                            fmt::format("any text but \"{}\"", kFullPrecision));
         }
       }},
      {"how",
       [](MethodTable& method, const toml::node& node, const std::string& key) {
         const std::string kinds[] = {MethodKindName(MethodKind::kAware),
                                      MethodKindName(MethodKind::kNearest)};
         method.how = kinds[ReadChoice(node, key, kinds)];
       }},
      {"start",
       [](MethodTable& method, const toml::node& node, const std::string& key) {
         const std::string starts[] = {"scratch", "full_precision"};
         method.from_full_precision = ReadChoice(node, key, starts) == 1;
       }},
      {"steps",
       [](MethodTable& method, const toml::node& node, const std::string& key) {
         method.steps = ReadInteger(node, key, 1, kMaxSteps);
       }},
  };
  return keys;
}

// Reads the keys that are the file's own; `others` are allowed, too.
template <typename Struct>
void ReadOwnKeys(const toml::table& table, const std::string& prefix,
                 const std::vector<OwnKey<Struct>>& keys, const std::vector<std::string>& others,
                 Struct& out) {
  std::vector<std::string> known = others;
  for (const OwnKey<Struct>& key : keys) known.push_back(key.name);
  for (const auto& [name, node] : table) {
    RequireKnown(node, prefix, std::string(name.str()), known);
  }
  for (const OwnKey<Struct>& key : keys) {
    const toml::node* node = table.get(key.name);
    if (node != nullptr) key.read(out, *node, prefix + key.name);
  }
}

}  // namespace

CompareSection ReadCompareSection(const toml::table& table) {
  CompareSection section;
  ReadOwnKeys(table, "compare.", CompareKeys(), {}, section);
  return section;
}

MethodTable ReadMethodTable(const toml::table& table,
                            const std::vector<std::string>& quantizer_keys) {
  MethodTable method;
  ReadOwnKeys(table, "method.", MethodKeys(), quantizer_keys, method);
  return method;
}

bool IsOneOf(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void RequireKnown(const toml::node& node, const std::string& prefix, const std::string& name,
                  const std::vector<std::string>& known) {
  if (IsOneOf(name, known)) return;
  std::vector<std::string> full;
  for (const std::string& key : known) full.push_back(prefix + key);
  ThrowUnknownKey(node, prefix + name, full);
}

}  // namespace trit
