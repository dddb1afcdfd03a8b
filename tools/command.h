// The commands of `trit`: one list, which dispatch and help walk. A command's work stands in a file
// of its own, named after it.
#ifndef TRIT_TOOLS_COMMAND_H_
#define TRIT_TOOLS_COMMAND_H_

#include <span>
#include <string>
#include <string_view>

namespace trit {

struct Command {
  std::string_view group;  // title it stands under in `trit --help`
  std::string_view name;
  std::string_view summary;  // a sentence
  // arguments: what follows the command's name. Throws UsageError or Error.
  void (*run)(const Command& command, std::span<const std::string> arguments);
};

// By group.
std::span<const Command> Commands();

void RunData(const Command& command, std::span<const std::string> arguments);
void RunTrain(const Command& command, std::span<const std::string> arguments);
void RunReportCommand(const Command& command, std::span<const std::string> arguments);
void RunCompare(const Command& command, std::span<const std::string> arguments);
void RunExport(const Command& command, std::span<const std::string> arguments);
void RunQuantize(const Command& command, std::span<const std::string> arguments);
void RunConvert(const Command& command, std::span<const std::string> arguments);
void RunChat(const Command& command, std::span<const std::string> arguments);
void RunGenerate(const Command& command, std::span<const std::string> arguments);
void RunTokenize(const Command& command, std::span<const std::string> arguments);
void RunLogits(const Command& command, std::span<const std::string> arguments);
void RunEvaluate(const Command& command, std::span<const std::string> arguments);
void RunPerplexity(const Command& command, std::span<const std::string> arguments);
void RunBench(const Command& command, std::span<const std::string> arguments);
void RunInspect(const Command& command, std::span<const std::string> arguments);

}  // namespace trit

#endif  // TRIT_TOOLS_COMMAND_H_
