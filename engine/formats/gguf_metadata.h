// The key-value part of a GGUF file: typed values in the order of the file, and getters that say
// which key of which file is missing or of the wrong type.
#ifndef TRIT_ENGINE_FORMATS_GGUF_METADATA_H_
#define TRIT_ENGINE_FORMATS_GGUF_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace trit {

// An array, all elements of one type. The index of an alternative is its id in the file; 9 would be
// an array of arrays, which nobody writes and readers refuse.
using GgufArray =
    std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
                 std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>,
                 std::vector<float>, std::vector<bool>, std::vector<std::string>, std::monostate,
                 std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;

// A value; again the index of an alternative is its id in the file.
using GgufValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                               std::string, GgufArray, uint64_t, int64_t, double>;

inline constexpr size_t kGgufArrayId = 9;

// "u32", "string", "array of f32".
std::string GgufTypeName(const GgufValue& value);

class GgufMetadata {
 public:
  struct Entry {
    std::string key;
    GgufValue value;
  };

  GgufMetadata() = default;
  // `file` goes into the messages of errors.
  explicit GgufMetadata(std::string file) : file_(std::move(file)) {}

  const std::vector<Entry>& entries() const { return entries_; }

  // Appends; returns false, changing nothing, if the key is there already.
  bool Insert(std::string key, GgufValue value);
  // Replaces the value of a key in its place, or appends.
  void Set(std::string key, GgufValue value);

  const GgufValue* Find(std::string_view key) const;  // null if absent

  // Nothing (null) if the key is absent. Throw Error if it is of another type or out of range. An
  // integer of any width will do for another; a number may be f32 or f64 and must be finite.
  const std::string* FindString(std::string_view key) const;
  std::optional<bool> FindBool(std::string_view key) const;
  std::optional<int64_t> FindInteger(std::string_view key, int64_t min, int64_t max) const;
  std::optional<float> FindFloat(std::string_view key,
                                 float min = std::numeric_limits<float>::lowest(),
                                 float max = std::numeric_limits<float>::max()) const;
  const std::vector<std::string>* FindStrings(std::string_view key) const;
  const std::vector<float>* FindFloats(std::string_view key) const;
  std::optional<std::vector<int64_t>> FindIntegers(std::string_view key, int64_t min,
                                                   int64_t max) const;

  // The same, and Error if the key is absent.
  const std::string& RequireString(std::string_view key) const;
  int64_t RequireInteger(std::string_view key, int64_t min, int64_t max) const;
  float RequireFloat(std::string_view key, float min, float max) const;
  const std::vector<std::string>& RequireStrings(std::string_view key) const;

  // general.alignment, or 32. Throws Error unless it is u32 and a power of two up to 64 KiB.
  uint32_t Alignment() const;

 private:
  [[noreturn]] void ThrowMissing(std::string_view key) const;
  [[noreturn]] void ThrowWrong(std::string_view key, const std::string& expected,
                               const std::string& found) const;
  // Null if absent; throws Error if of another alternative than T.
  template <typename T>
  const T* FindOf(std::string_view key, const char* expected) const;
  template <typename T>
  const std::vector<T>* FindArrayOf(std::string_view key, const char* expected) const;

  std::string file_;
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> index_;  // ordered: no hash for a file to attack
};

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_METADATA_H_
