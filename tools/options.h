// The options of one command. Each is declared once, with the variable it sets, whose value then is
// the default; from the declarations come parsing, range checks and --help. Every command also has
// --threads, --kernel and --help. Mistakes are UsageErrors.
#ifndef TRIT_TOOLS_OPTIONS_H_
#define TRIT_TOOLS_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/command.h"

namespace cxxopts {
class Options;
}

namespace trit {

class Options {
 public:
  // example: a command line that works as it stands but for file names.
  Options(const Command& command, std::string example);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // What is declared from here on stands under this title.
  void Group(std::string title);

  // names: "m,model" or "json". placeholder: what stands for the value in the help: "FILE". The
  // variables must outlive Parse.
  void Flag(const std::string& names, bool& value, const std::string& help);
  void Text(const std::string& names, const std::string& placeholder,
            std::optional<std::string>& value, const std::string& help);
  void RequiredText(const std::string& names, const std::string& placeholder, std::string& value,
                    const std::string& help);
  // min and max are included.
  void Integer(const std::string& names, const std::string& placeholder, int64_t& value,
               int64_t min, int64_t max, const std::string& help);
  void Integer(const std::string& names, const std::string& placeholder,
               std::optional<int64_t>& value, int64_t min, int64_t max, const std::string& help);
  // At least 0.
  void Unsigned(const std::string& names, const std::string& placeholder, uint64_t& value,
                const std::string& help);
  void Number(const std::string& names, const std::string& placeholder, double& value, double min,
              double max, const std::string& help);
  void Choice(const std::string& names, std::string& value, std::vector<std::string> choices,
              const std::string& help);
  void TokenIds(const std::string& names, std::optional<std::vector<int32_t>>& value,
                const std::string& help);
  // May be given several times.
  void TextList(const std::string& names, const std::string& placeholder,
                std::vector<std::string>& values, const std::string& help);
  // At least one id.
  void RequiredTokenIds(const std::string& names, std::vector<int32_t>& value,
                        const std::string& help);
  // An argument that is no option; several are taken in the order declared.
  void RequiredArgument(const std::string& placeholder, std::string& value,
                        const std::string& help);
  // One that may be left out; after the required ones.
  void OptionalArgument(const std::string& placeholder, std::optional<std::string>& value,
                        const std::string& help);
  // One or more arguments: all there are. Not together with RequiredArgument.
  void RequiredArguments(const std::string& placeholder, std::vector<std::string>& values,
                         const std::string& help);

  // How many threads read a prompt, where generating has another best number. It stays 0, which is
  // as many as --threads says, unless given.
  void PromptThreads(int64_t& value);

  // Text at the end of the help, under a title, its lines as they are.
  void Appendix(std::string title, std::string text);

  // Sets the variables, the number of threads and the kernel. Returns false after printing the
  // help, if that is what was asked for.
  bool Parse(std::span<const std::string> arguments);

 private:
  using Setter = std::function<void(const std::string& option, const std::string& text)>;
  // default_text: null if absent means something else than a value.
  void Declare(const std::string& names, const std::string& placeholder,
               const std::string* default_text, const std::string& help, Setter setter);
  void Register(const std::string& names, Setter setter);
  bool IsArgument(const std::string& name) const;
  void DeclareArgument(const std::string& placeholder, const std::string& shown,
                       const std::string& help, Setter setter);
  [[noreturn]] void ThrowUnknown(const std::string& option) const;
  void PrintHelp() const;

  const Command& command_;
  std::string example_;
  std::unique_ptr<cxxopts::Options> parser_;
  std::vector<std::string> groups_;
  std::string appendix_;
  std::map<std::string, Setter> setters_;  // by name without dashes, the long one if there is one
  std::map<std::string, std::string> shown_;  // by the same: "-m/--model"
  std::vector<std::string> required_;
  std::vector<std::string> arguments_;        // placeholders of the positional arguments
  std::vector<std::string> shown_arguments_;  // as the usage line has them
  size_t num_required_arguments_ = 0;         // the first of them
  std::string arguments_help_;
  std::vector<std::string>* rest_ = nullptr;  // RequiredArguments'
  std::string rest_placeholder_;
  int64_t num_threads_;
  std::optional<std::string> kernel_;
};

// "1,5,9" or "1 5 9": ids of at least 0. `where` goes into the UsageError.
std::vector<int32_t> ParseTokenIds(const std::string& text, const std::string& where);

}  // namespace trit

#endif  // TRIT_TOOLS_OPTIONS_H_
