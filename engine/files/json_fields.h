// Members of a JSON object, read with checks. For source files only, as strict_json.h is.
#ifndef TRIT_ENGINE_FILES_JSON_FIELDS_H_
#define TRIT_ENGINE_FILES_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace trit {

// Everything throws Error with file, key, expected and found. A member that is null counts as
// absent. The object outlives this.
class JsonFields {
 public:
  // Throws if `object` is none. prefix: put before keys in messages, "quantization_config.".
  JsonFields(const nlohmann::json& object, std::string file, std::string prefix = "");

  const nlohmann::json* Find(const char* key) const;  // null if absent
  const nlohmann::json& Require(const char* key) const;

  int64_t Integer(const char* key) const;
  int64_t Integer(const char* key, int64_t otherwise) const;
  // A number, finite as all JSON numbers are.
  double Number(const char* key) const;
  double Number(const char* key, double otherwise) const;
  bool Bool(const char* key, bool otherwise) const;
  std::string String(const char* key) const;
  std::string String(const char* key, const std::string& otherwise) const;
  // A member that is an object; one without members if absent.
  JsonFields Object(const char* key) const;
  // `value` as the integer that `key` should be, or have in a list.
  int64_t AsInteger(const char* key, const nlohmann::json& value) const;

  [[noreturn]] void Throw(const char* key, const std::string& what, const std::string& expected,
                          const std::string& found = "") const;
  // Throws that the member has a legal value that Trit cannot do.
  [[noreturn]] void ThrowUnsupported(const char* key, const std::string& expected) const;

 private:
  const nlohmann::json& object_;
  std::string file_;
  std::string prefix_;
};

// A value as text for a message: short, ASCII, one line.
std::string ShownJson(const nlohmann::json& value);

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_JSON_FIELDS_H_
