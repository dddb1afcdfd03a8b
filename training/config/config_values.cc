#include "training/config/config_values.h"

#include <fmt/format.h>

#include <sstream>

#include "engine/error.h"
#include "training/config/nearest_name.h"

namespace trit {
namespace {

// What the user wrote, cut to a length that fits into a message.
std::string Shown(const toml::node& node) {
  constexpr size_t kMaxShown = 60;
  std::ostringstream text;
  text << toml::toml_formatter{node};
  std::string shown = text.str();
  if (shown.size() > kMaxShown) shown = shown.substr(0, kMaxShown) + "...";
  return shown;
}

std::string RangeText(const NumberRange& range) {
  if (range.high == HUGE_VAL) {
    return fmt::format("a number {} {}", range.above_low ? "above" : "from", range.low) +
           (range.above_low ? "" : " up");
  }
  return fmt::format("a number {} {} {} {}", range.above_low ? "above" : "from", range.low,
                     range.above_low ? "up to" : "to", range.high);
}

std::string WithPoint(std::string number) {
  return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
}

}  // namespace

std::string SourceLabel(const toml::source_region& source) {
  const std::string path = source.path ? *source.path : std::string();
  if (path == kOverrideSource || source.begin.line == 0) return path;
  return path + ":" + std::to_string(source.begin.line);
}

void ThrowConfigError(const toml::node& node, const std::string& key, const std::string& what,
                      const std::string& expected) {
  throw UsageError(ErrorInfo{.what = what,
                             .file = SourceLabel(node.source()),
                             .key = key,
                             .expected = expected,
                             .found = Shown(node)});
}

void ThrowUnknownKey(const toml::node& node, const std::string& key,
                     std::span<const std::string> known) {
  throw UsageError(ErrorInfo{.what = "unknown key",
                             .file = SourceLabel(node.source()),
                             .key = key,
                             .hint = "did you mean " + NearestName(key, known) + "?"});
}

int64_t ReadInteger(const toml::node& node, const std::string& key, int64_t low, int64_t high) {
  const std::string expected = fmt::format("an integer from {} to {}", low, high);
  if (!node.is_integer()) ThrowConfigError(node, key, "wrong type", expected);
  const int64_t value = node.as_integer()->get();
  if (value < low || value > high) ThrowConfigError(node, key, "value out of range", expected);
  return value;
}

double ReadNumber(const toml::node& node, const std::string& key, const NumberRange& range) {
  double value;
  if (node.is_floating_point()) {
    value = node.as_floating_point()->get();
  } else if (node.is_integer()) {
    value = static_cast<double>(node.as_integer()->get());
  } else {
    ThrowConfigError(node, key, "wrong type", RangeText(range));
  }
  // Written so that NaN fails; infinity is above every range's end but HUGE_VAL.
  const bool above = range.above_low ? value > range.low : value >= range.low;
  if (!(above && value <= range.high && value < HUGE_VAL)) {
    ThrowConfigError(node, key, "value out of range", RangeText(range));
  }
  return value;
}

bool ReadBool(const toml::node& node, const std::string& key) {
  if (!node.is_boolean()) ThrowConfigError(node, key, "wrong type", "true or false");
  return node.as_boolean()->get();
}

std::string ReadString(const toml::node& node, const std::string& key) {
  if (!node.is_string()) ThrowConfigError(node, key, "wrong type", "a string");
  return node.as_string()->get();
}

size_t ReadChoice(const toml::node& node, const std::string& key,
                  std::span<const std::string> choices) {
  std::string expected;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (node.is_string() && node.as_string()->get() == choices[i]) return i;
    expected += (expected.empty() ? "" : " or ") + TomlString(choices[i]);
  }
  ThrowConfigError(node, key, "not one of the choices", expected);
}

std::vector<std::string> ReadStrings(const toml::node& node, const std::string& key) {
  if (node.is_string()) return {ReadString(node, key)};
  if (!node.is_array()) ThrowConfigError(node, key, "wrong type", "a list of strings");
  std::vector<std::string> texts;
  for (const toml::node& element : *node.as_array()) {
    if (!element.is_string()) ThrowConfigError(element, key, "wrong type", "a list of strings");
    texts.push_back(element.as_string()->get());
  }
  return texts;
}

std::string TomlNumber(double value) { return WithPoint(fmt::format("{}", value)); }

std::string TomlNumber(float value) { return WithPoint(fmt::format("{}", value)); }

std::string TomlString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string TomlStrings(std::span<const std::string> texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    if (list.size() > 1) list += ", ";
    list += TomlString(text);
  }
  return list + "]";
}

}  // namespace trit
