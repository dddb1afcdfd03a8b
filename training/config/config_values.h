// Single values of a TOML config, read with checks and written so that they read back the same.
// Everything thrown is a UsageError with file and line, key, expected and found.
#ifndef TRIT_TRAINING_CONFIG_CONFIG_VALUES_H_
#define TRIT_TRAINING_CONFIG_CONFIG_VALUES_H_

#include <toml++/toml.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

// The source path that overrides are parsed with; their line numbers mean nothing to a user.
inline constexpr std::string_view kOverrideSource = "--set";

// Allowed values, both ends included; high may be HUGE_VAL: any. above_low: `low` itself is not.
struct NumberRange {
  double low;
  double high;
  bool above_low = false;
};

[[noreturn]] void ThrowConfigError(const toml::node& node, const std::string& key,
                                   const std::string& what, const std::string& expected);
// That a name is none of those known, of which the nearest is offered.
[[noreturn]] void ThrowUnknownKey(const toml::node& node, const std::string& key,
                                  std::span<const std::string> known);
// "config.toml:12", or "--set".
std::string SourceLabel(const toml::source_region& source);

int64_t ReadInteger(const toml::node& node, const std::string& key, int64_t low, int64_t high);
double ReadNumber(const toml::node& node, const std::string& key, const NumberRange& range);
bool ReadBool(const toml::node& node, const std::string& key);
std::string ReadString(const toml::node& node, const std::string& key);
// One of the choices; its index.
size_t ReadChoice(const toml::node& node, const std::string& key,
                  std::span<const std::string> choices);
// A list of strings; a single string is a list of one.
std::vector<std::string> ReadStrings(const toml::node& node, const std::string& key);

// The shortest text that reads back as the same number; always with a point or an exponent.
std::string TomlNumber(double value);
std::string TomlNumber(float value);
std::string TomlString(std::string_view text);
std::string TomlStrings(std::span<const std::string> texts);

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_CONFIG_VALUES_H_
