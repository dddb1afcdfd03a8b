#include "engine/files/json_fields.h"

#include <cmath>
#include <utility>

#include "engine/error.h"

namespace trit {

using nlohmann::json;

std::string ShownJson(const json& value) {
  constexpr size_t kMaxShown = 60;
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

JsonFields::JsonFields(const json& object, std::string file, std::string prefix)
    : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {
  if (object.is_object()) return;
  const std::string key = prefix_.substr(0, prefix_.empty() ? 0 : prefix_.size() - 1);
  throw Error(ErrorInfo{.what = "wrong type",
                        .file = file_,
                        .key = key,
                        .expected = "an object",
                        .found = ShownJson(object)});
}

void JsonFields::Throw(const char* key, const std::string& what, const std::string& expected,
                       const std::string& found) const {
  throw Error(ErrorInfo{
      .what = what, .file = file_, .key = prefix_ + key, .expected = expected, .found = found});
}

void JsonFields::ThrowUnsupported(const char* key, const std::string& expected) const {
  Throw(key, "not supported", expected, ShownJson(Require(key)));
}

const json* JsonFields::Find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const json& JsonFields::Require(const char* key) const {
  const json* value = Find(key);
  if (value == nullptr) Throw(key, "missing", "");
  return *value;
}

int64_t JsonFields::AsInteger(const char* key, const json& value) const {
  // An unsigned number beyond int64 is none that any member could be.
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
    Throw(key, "wrong type", "an integer", ShownJson(value));
  }
  return value.get<int64_t>();
}

int64_t JsonFields::Integer(const char* key) const { return AsInteger(key, Require(key)); }

int64_t JsonFields::Integer(const char* key, int64_t otherwise) const {
  const json* value = Find(key);
  return value == nullptr ? otherwise : AsInteger(key, *value);
}

double JsonFields::Number(const char* key) const {
  const json& value = Require(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    Throw(key, "wrong type", "a number", ShownJson(value));
  }
  return value.get<double>();
}

double JsonFields::Number(const char* key, double otherwise) const {
  return Find(key) == nullptr ? otherwise : Number(key);
}

bool JsonFields::Bool(const char* key, bool otherwise) const {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) Throw(key, "wrong type", "true or false", ShownJson(*value));
  return value->get<bool>();
}

std::string JsonFields::String(const char* key) const {
  const json& value = Require(key);
  if (!value.is_string()) Throw(key, "wrong type", "a string", ShownJson(value));
  return value.get<std::string>();
}

std::string JsonFields::String(const char* key, const std::string& otherwise) const {
  return Find(key) == nullptr ? otherwise : String(key);
}

JsonFields JsonFields::Object(const char* key) const {
  static const json empty = json::object();
  const json* value = Find(key);
  return JsonFields(value == nullptr ? empty : *value, file_, prefix_ + key + ".");
}

}  // namespace trit
