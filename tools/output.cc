#include "tools/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/error.h"
#include "engine/tokenizers/utf8_stream.h"

namespace trit {
namespace {

[[noreturn]] void ThrowWriteError(int error) {
  if (error == EPIPE) throw OutputClosed{};
  throw Error(std::string("cannot write to standard output: ") + std::strerror(error));
}

}  // namespace

void PrepareStandardStreams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free descriptor, which is this one; opened so that using it still fails.
    if (open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1) return;
  }
}

void Print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) ThrowWriteError(errno);
}

void FlushOutput() {
  if (std::fflush(stdout) != 0) ThrowWriteError(errno);
}

void PrintJson(const nlohmann::ordered_json& json) {
  Print(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void PrintColumns(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& align_right) {
  std::vector<size_t> widths(align_right.size(), 0);
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      line += "  ";
      line += align_right[c] ? fmt::format("{:>{}}", row[c], widths[c])
                             : fmt::format("{:<{}}", row[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    Print(line + "\n");
  }
}

std::string ShownText(std::string_view text, size_t max_bytes) {
  Utf8Stream stream;
  std::string valid = stream.Push(text.substr(0, max_bytes));
  if (text.size() <= max_bytes) valid += stream.Flush();
  std::string line;
  for (const char c : valid) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  if (text.size() > max_bytes) line += fmt::format("… ({} bytes)", text.size());
  return line;
}

}  // namespace trit
