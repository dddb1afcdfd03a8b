#include "tools/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cxxopts.hpp>
#include <limits>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"
#include "tools/output.h"
#include "training/config/nearest_name.h"

namespace trit {
namespace {

constexpr int64_t kMaxThreads = 1024;
constexpr char kTokenIdsPlaceholder[] = "1,5,9";

// "m,model" -> "model"
std::string MainName(const std::string& names) { return names.substr(names.find(',') + 1); }

std::string Dashed(const std::string& name) { return (name.size() == 1 ? "-" : "--") + name; }

// "m,model" -> "-m/--model"
std::string ShownNames(const std::string& names) {
  const size_t comma = names.find(',');
  if (comma == std::string::npos) return Dashed(names);
  return Dashed(names.substr(0, comma)) + "/" + Dashed(names.substr(comma + 1));
}

[[noreturn]] void ThrowValue(const std::string& option, const std::string& what,
                             const std::string& expected, const std::string& found) {
  throw UsageError(ErrorInfo{.what = what, .key = option, .expected = expected, .found = found});
}

int64_t ParseInteger(const std::string& option, const std::string& text, int64_t min, int64_t max) {
  const std::string expected = max == std::numeric_limits<int64_t>::max()
                                   ? fmt::format("an integer of at least {}", min)
                                   : fmt::format("an integer from {} to {}", min, max);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    ThrowValue(option, "not a number", expected, text);
  }
  if (error != std::errc() || value < min || value > max) {
    ThrowValue(option, "out of range", expected, text);
  }
  return value;
}

double ParseNumber(const std::string& option, const std::string& text, double min, double max) {
  const std::string expected = fmt::format("a number from {} to {}", min, max);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool blank = text.empty() || std::isspace(static_cast<unsigned char>(text[0]));
  if (blank || end != text.c_str() + text.size()) {
    ThrowValue(option, "not a number", expected, text);
  }
  if (!(value >= min && value <= max)) ThrowValue(option, "out of range", expected, text);
  return value;
}

std::vector<int32_t> ParseSomeTokenIds(const std::string& option, const std::string& text) {
  std::vector<int32_t> ids = ParseTokenIds(text, option);
  if (ids.empty()) {
    throw UsageError(ErrorInfo{.what = "no token ids", .key = option, .expected = "1,5,9"});
  }
  return ids;
}

void UseKernel(const std::string& name, const std::string& where) {
  if (!name.empty() && ForceMatmulKernel(name)) return;
  std::vector<std::string> names;
  for (const MatmulKernel& kernel : MatmulKernels()) names.emplace_back(kernel.name);
  throw UsageError(ErrorInfo{.what = "no such kernel",
                             .key = where,
                             .expected = fmt::format("one of {}", fmt::join(names, ", ")),
                             .found = name,
                             .hint = fmt::format("the nearest is {}", NearestName(name, names))});
}

// What cxxopts' message has between quotes.
std::string Quoted(const std::string& message) {
  const size_t begin = message.find(cxxopts::LQUOTE) + cxxopts::LQUOTE.size();
  return message.substr(begin, message.rfind(cxxopts::RQUOTE) - begin);
}

}  // namespace

std::vector<int32_t> ParseTokenIds(const std::string& text, const std::string& where) {
  constexpr std::string_view kSeparators = ", \t\r\n";
  std::vector<int32_t> ids;
  for (size_t begin = text.find_first_not_of(kSeparators); begin != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    ids.push_back(static_cast<int32_t>(ParseInteger(where, text.substr(begin, end - begin), 0,
                                                    std::numeric_limits<int32_t>::max())));
    begin = text.find_first_not_of(kSeparators, end);
  }
  return ids;
}

Options::Options(const Command& command, std::string example)
    : command_(command),
      example_(std::move(example)),
      parser_(std::make_unique<cxxopts::Options>(fmt::format("trit {}", command.name),
                                                 std::string(command.summary))),
      num_threads_(NumThreads()) {
  parser_->custom_help("[OPTION…]");
}

Options::~Options() = default;

void Options::Group(std::string title) { groups_.push_back(std::move(title)); }

void Options::Declare(const std::string& names, const std::string& placeholder,
                      const std::string* default_text, const std::string& help, Setter setter) {
  auto value = cxxopts::value<std::string>();
  if (default_text != nullptr) value->default_value(*default_text);
  parser_->add_options(groups_.back())(names, help, value, placeholder);
  Register(names, std::move(setter));
}

void Options::Register(const std::string& names, Setter setter) {
  setters_[MainName(names)] = std::move(setter);
  shown_[MainName(names)] = ShownNames(names);
}

void Options::Flag(const std::string& names, bool& value, const std::string& help) {
  parser_->add_options(groups_.back())(names, help, cxxopts::value<bool>());
  Register(names, [&value](const std::string& option, const std::string& text) {
    if (text != "true" && text != "false") ThrowValue(option, "not a flag's value", "none", text);
    value = text == "true";
  });
}

void Options::Text(const std::string& names, const std::string& placeholder,
                   std::optional<std::string>& value, const std::string& help) {
  Declare(names, placeholder, nullptr, help,
          [&value](const std::string&, const std::string& text) { value = text; });
}

void Options::RequiredText(const std::string& names, const std::string& placeholder,
                           std::string& value, const std::string& help) {
  Declare(names, placeholder, nullptr, help,
          [&value](const std::string&, const std::string& text) { value = text; });
  required_.push_back(MainName(names));
}

void Options::Integer(const std::string& names, const std::string& placeholder, int64_t& value,
                      int64_t min, int64_t max, const std::string& help) {
  const std::string default_text = std::to_string(value);
  Declare(names, placeholder, &default_text, help,
          [&value, min, max](const std::string& option, const std::string& text) {
            value = ParseInteger(option, text, min, max);
          });
}

void Options::Integer(const std::string& names, const std::string& placeholder,
                      std::optional<int64_t>& value, int64_t min, int64_t max,
                      const std::string& help) {
  Declare(names, placeholder, nullptr, help,
          [&value, min, max](const std::string& option, const std::string& text) {
            value = ParseInteger(option, text, min, max);
          });
}

void Options::Unsigned(const std::string& names, const std::string& placeholder, uint64_t& value,
                       const std::string& help) {
  const std::string default_text = std::to_string(value);
  Declare(names, placeholder, &default_text, help,
          [&value](const std::string& option, const std::string& text) {
            value = static_cast<uint64_t>(
                ParseInteger(option, text, 0, std::numeric_limits<int64_t>::max()));
          });
}

void Options::Number(const std::string& names, const std::string& placeholder, double& value,
                     double min, double max, const std::string& help) {
  const std::string default_text = fmt::format("{}", value);
  Declare(names, placeholder, &default_text, help,
          [&value, min, max](const std::string& option, const std::string& text) {
            value = ParseNumber(option, text, min, max);
          });
}

void Options::Choice(const std::string& names, std::string& value, std::vector<std::string> choices,
                     const std::string& help) {
  const std::string list = fmt::format("{}", fmt::join(choices, "|"));
  const std::string default_text = value;
  Declare(names, list, &default_text, help,
          [&value, choices = std::move(choices), list](const std::string& option,
                                                       const std::string& text) {
            if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
              ThrowValue(option, "no such choice", list, text);
            }
            value = text;
          });
}

void Options::TokenIds(const std::string& names, std::optional<std::vector<int32_t>>& value,
                       const std::string& help) {
  Declare(names, kTokenIdsPlaceholder, nullptr, help,
          [&value](const std::string& option, const std::string& text) {
            value = ParseSomeTokenIds(option, text);
          });
}

void Options::RequiredTokenIds(const std::string& names, std::vector<int32_t>& value,
                               const std::string& help) {
  Declare(names, kTokenIdsPlaceholder, nullptr, help,
          [&value](const std::string& option, const std::string& text) {
            value = ParseSomeTokenIds(option, text);
          });
  required_.push_back(MainName(names));
}

void Options::TextList(const std::string& names, const std::string& placeholder,
                       std::vector<std::string>& values, const std::string& help) {
  Declare(names, placeholder, nullptr, help,
          [&values](const std::string&, const std::string& text) { values.push_back(text); });
}

void Options::DeclareArgument(const std::string& placeholder, const std::string& shown,
                              const std::string& help, Setter setter) {
  arguments_.push_back(placeholder);
  shown_arguments_.push_back(shown);
  arguments_help_ += fmt::format("\n  {}  {}", placeholder, help);
  parser_->custom_help(
      fmt::format("[OPTION…] {}\n{}", fmt::join(shown_arguments_, " "), arguments_help_));
  setters_[placeholder] = std::move(setter);
  shown_[placeholder] = placeholder;
}

void Options::RequiredArgument(const std::string& placeholder, std::string& value,
                               const std::string& help) {
  DeclareArgument(placeholder, placeholder, help,
                  [&value](const std::string&, const std::string& text) { value = text; });
  num_required_arguments_ = arguments_.size();
}

void Options::OptionalArgument(const std::string& placeholder, std::optional<std::string>& value,
                               const std::string& help) {
  DeclareArgument(placeholder, "[" + placeholder + "]", help,
                  [&value](const std::string&, const std::string& text) { value = text; });
}

void Options::RequiredArguments(const std::string& placeholder, std::vector<std::string>& values,
                                const std::string& help) {
  arguments_help_ += fmt::format("\n  {}  {}", placeholder, help);
  parser_->custom_help(fmt::format("[OPTION…] {}\n{}", placeholder, arguments_help_));
  shown_[placeholder] = placeholder;
  rest_ = &values;
  rest_placeholder_ = placeholder;
}

void Options::PromptThreads(int64_t& value) {
  Declare("prompt-threads", "N", nullptr,
          "threads to read prompts with, if generation is better off with another number (default: "
          "as --threads)",
          [&value](const std::string& option, const std::string& text) {
            value = ParseInteger(option, text, 1, kMaxThreads);
          });
}

void Options::Appendix(std::string title, std::string text) {
  appendix_ += fmt::format("\n{}:\n{}", title, text);
}

bool Options::Parse(std::span<const std::string> arguments) {
  bool help = false;
  Group("General");
  Integer("t,threads", "N", num_threads_, 1, kMaxThreads, "threads to compute with");
  Text("kernel", "NAME", kernel_,
       "matmul kernel to use wherever it fits, for comparing (also: TRIT_KERNEL in the "
       "environment)");
  Flag("h,help", help, "print this help");

  std::vector<const char*> argv = {"trit"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::vector<std::string> strays;
  std::vector<cxxopts::KeyValue> given;
  try {
    const cxxopts::ParseResult result = parser_->parse(static_cast<int>(argv.size()), argv.data());
    strays = result.unmatched();
    given = result.arguments();
  } catch (const cxxopts::exceptions::no_such_option& error) {
    ThrowUnknown(Dashed(Quoted(error.what())));
  } catch (const cxxopts::exceptions::invalid_option_syntax& error) {
    ThrowUnknown(Quoted(error.what()));
  } catch (const cxxopts::exceptions::missing_argument& error) {
    throw UsageError(ErrorInfo{.what = "a value is missing", .key = Dashed(Quoted(error.what()))});
  } catch (const cxxopts::exceptions::incorrect_argument_type& error) {  // of a flag
    throw UsageError(ErrorInfo{.what = "a flag takes no value", .found = Quoted(error.what())});
  }

  const auto asks_for_help = [](const auto& option) { return option.key() == "help"; };
  if (std::any_of(given.begin(), given.end(), asks_for_help)) {
    PrintHelp();
    return false;
  }
  for (const cxxopts::KeyValue& option : given) {
    setters_.at(option.key())(shown_.at(option.key()), option.value());
  }
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const std::string& argument = arguments_[i];
    if (!strays.empty()) {
      setters_.at(argument)(argument, strays.front());
      strays.erase(strays.begin());
    } else if (i < num_required_arguments_) {
      required_.push_back(argument);
    }
  }
  if (rest_ != nullptr) {
    *rest_ = std::exchange(strays, {});
    if (rest_->empty()) required_.push_back(rest_placeholder_);
  }
  if (!strays.empty()) {
    throw UsageError(ErrorInfo{
        .what = "an argument too many",
        .found = strays.front(),
        .hint = fmt::format("text with blanks needs quotes; see trit {} --help", command_.name)});
  }
  for (const std::string& name : required_) {
    const auto is_it = [&name](const auto& option) { return option.key() == name; };
    if (std::none_of(given.begin(), given.end(), is_it)) {
      throw UsageError(ErrorInfo{.what = "missing",
                                 .key = shown_.at(name),
                                 .hint = fmt::format("for example: {}", example_)});
    }
  }
  SetNumThreads(static_cast<int>(num_threads_));
  const char* from_environment = std::getenv("TRIT_KERNEL");
  if (kernel_) {
    UseKernel(*kernel_, "--kernel");
  } else if (from_environment != nullptr) {
    UseKernel(from_environment, "TRIT_KERNEL");
  }
  return true;
}

bool Options::IsArgument(const std::string& name) const {
  return std::find(arguments_.begin(), arguments_.end(), name) != arguments_.end();
}

void Options::ThrowUnknown(const std::string& option) const {
  std::vector<std::string> known;
  for (const auto& [name, setter] : setters_) {
    if (!IsArgument(name)) known.push_back(Dashed(name));
  }
  const std::string name = option.substr(0, option.find('='));
  // One letter is near to any other.
  const std::string nearest =
      name.size() > 2 ? fmt::format("the nearest is {}; ", NearestName(name, known)) : "";
  throw UsageError(ErrorInfo{.what = "unknown option",
                             .found = option,
                             .hint = fmt::format("{}see trit {} --help", nearest, command_.name)});
}

void Options::PrintHelp() const {
  Print(parser_->help(groups_));
  Print(fmt::format("\nExample:\n  {}\n{}", example_, appendix_));
}

}  // namespace trit
