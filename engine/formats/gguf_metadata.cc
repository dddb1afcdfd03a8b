#include "engine/formats/gguf_metadata.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

#include "engine/error.h"

namespace trit {
namespace {

constexpr const char* kTypeNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                      "bool", "string", "array", "u64", "i64", "f64"};
static_assert(std::size(kTypeNames) == std::variant_size_v<GgufValue>);
static_assert(std::size(kTypeNames) == std::variant_size_v<GgufArray>);

constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kMaxAlignment = 65536;

// An integer type of the format; bool is none.
template <typename T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <typename T>
bool IsInRange(T value, int64_t min, int64_t max) {
  return std::cmp_greater_equal(value, min) && std::cmp_less_equal(value, max);
}

std::string IntegerRange(int64_t min, int64_t max) {
  return fmt::format("an integer from {} to {}", min, max);
}

}  // namespace

std::string GgufTypeName(const GgufValue& value) {
  const GgufArray* array = std::get_if<GgufArray>(&value);
  if (array != nullptr) return std::string("array of ") + kTypeNames[array->index()];
  return kTypeNames[value.index()];
}

bool GgufMetadata::Insert(std::string key, GgufValue value) {
  const auto [place, is_new] = index_.try_emplace(key, entries_.size());
  if (!is_new) return false;
  entries_.push_back({std::move(key), std::move(value)});
  return true;
}

void GgufMetadata::Set(std::string key, GgufValue value) {
  const auto [place, is_new] = index_.try_emplace(key, entries_.size());
  if (is_new) {
    entries_.push_back({std::move(key), std::move(value)});
  } else {
    entries_[place->second].value = std::move(value);
  }
}

const GgufValue* GgufMetadata::Find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].value;
}

void GgufMetadata::ThrowMissing(std::string_view key) const {
  throw Error(ErrorInfo{.what = "metadata key is missing", .file = file_, .key = std::string(key)});
}

void GgufMetadata::ThrowWrong(std::string_view key, const std::string& expected,
                              const std::string& found) const {
  throw Error(ErrorInfo{.what = "wrong metadata value",
                        .file = file_,
                        .key = std::string(key),
                        .expected = expected,
                        .found = found});
}

template <typename T>
const T* GgufMetadata::FindOf(std::string_view key, const char* expected) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return nullptr;
  const T* typed = std::get_if<T>(value);
  if (typed == nullptr) ThrowWrong(key, expected, GgufTypeName(*value));
  return typed;
}

template <typename T>
const std::vector<T>* GgufMetadata::FindArrayOf(std::string_view key, const char* expected) const {
  const GgufArray* array = FindOf<GgufArray>(key, expected);
  if (array == nullptr) return nullptr;
  const std::vector<T>* typed = std::get_if<std::vector<T>>(array);
  if (typed == nullptr) ThrowWrong(key, expected, GgufTypeName(*Find(key)));
  return typed;
}

const std::string* GgufMetadata::FindString(std::string_view key) const {
  return FindOf<std::string>(key, "string");
}

std::optional<bool> GgufMetadata::FindBool(std::string_view key) const {
  const bool* value = FindOf<bool>(key, "bool");
  if (value == nullptr) return std::nullopt;
  return *value;
}

std::optional<int64_t> GgufMetadata::FindInteger(std::string_view key, int64_t min,
                                                 int64_t max) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return std::visit(
      [&]<typename T>(const T& number) -> int64_t {
        if constexpr (kIsInteger<T>) {
          if (IsInRange(number, min, max)) return static_cast<int64_t>(number);
          ThrowWrong(key, IntegerRange(min, max), fmt::format("{}", number));
        } else {
          ThrowWrong(key, IntegerRange(min, max), GgufTypeName(*value));
        }
      },
      *value);
}

std::optional<float> GgufMetadata::FindFloat(std::string_view key, float min, float max) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  double number = 0.0;
  if (const float* single = std::get_if<float>(value)) {
    number = *single;
  } else if (const double* wide = std::get_if<double>(value)) {
    number = *wide;
  } else {
    ThrowWrong(key, "f32", GgufTypeName(*value));
  }
  if (!(number >= min && number <= max)) {  // false for NaN as well
    ThrowWrong(key, fmt::format("a number from {} to {}", min, max), fmt::format("{}", number));
  }
  return static_cast<float>(number);
}

const std::vector<std::string>* GgufMetadata::FindStrings(std::string_view key) const {
  return FindArrayOf<std::string>(key, "array of string");
}

const std::vector<float>* GgufMetadata::FindFloats(std::string_view key) const {
  const std::vector<float>* values = FindArrayOf<float>(key, "array of f32");
  if (values == nullptr) return nullptr;
  for (size_t i = 0; i < values->size(); ++i) {
    if (std::isfinite((*values)[i])) continue;
    ThrowWrong(key, "finite numbers", fmt::format("{} as element {}", (*values)[i], i));
  }
  return values;
}

std::optional<std::vector<int64_t>> GgufMetadata::FindIntegers(std::string_view key, int64_t min,
                                                               int64_t max) const {
  const GgufArray* array = FindOf<GgufArray>(key, "array of integers");
  if (array == nullptr) return std::nullopt;
  return std::visit(
      [&]<typename T>(const T& values) -> std::vector<int64_t> {
        if constexpr (!std::is_same_v<T, std::monostate>) {
          if constexpr (kIsInteger<typename T::value_type>) {
            std::vector<int64_t> integers;
            integers.reserve(values.size());
            for (const auto number : values) {
              if (!IsInRange(number, min, max)) {
                ThrowWrong(key, IntegerRange(min, max),
                           fmt::format("{} as element {}", number, integers.size()));
              }
              integers.push_back(static_cast<int64_t>(number));
            }
            return integers;
          }
        }
        ThrowWrong(key, "array of integers", GgufTypeName(*Find(key)));
      },
      *array);
}

const std::string& GgufMetadata::RequireString(std::string_view key) const {
  const std::string* value = FindString(key);
  if (value == nullptr) ThrowMissing(key);
  return *value;
}

int64_t GgufMetadata::RequireInteger(std::string_view key, int64_t min, int64_t max) const {
  const std::optional<int64_t> value = FindInteger(key, min, max);
  if (!value) ThrowMissing(key);
  return *value;
}

float GgufMetadata::RequireFloat(std::string_view key, float min, float max) const {
  const std::optional<float> value = FindFloat(key, min, max);
  if (!value) ThrowMissing(key);
  return *value;
}

const std::vector<std::string>& GgufMetadata::RequireStrings(std::string_view key) const {
  const std::vector<std::string>* value = FindStrings(key);
  if (value == nullptr) ThrowMissing(key);
  return *value;
}

uint32_t GgufMetadata::Alignment() const {
  constexpr std::string_view kKey = "general.alignment";
  const uint32_t* alignment = FindOf<uint32_t>(kKey, "u32");
  if (alignment == nullptr) return kDefaultAlignment;
  if (!std::has_single_bit(*alignment) || *alignment > kMaxAlignment) {
    ThrowWrong(kKey, "a power of two up to 65536", fmt::format("{}", *alignment));
  }
  return *alignment;
}

}  // namespace trit
