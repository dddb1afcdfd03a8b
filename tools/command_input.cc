#include "tools/command_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "engine/error.h"
#include "engine/model_file.h"
#include "tools/status_line.h"
#include "training/export_run.h"
#include "training/run_tokenizer.h"

namespace trit {
namespace {

bool IsDirectory(const std::string& path) {
  std::error_code ignored;  // what cannot be looked at cannot be opened either
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace

std::unique_ptr<Model> LoadModelFor(const std::string& path) {
  if (IsDirectory(path)) return LoadTrainedModel(path);
  StatusLine status;
  return LoadModel(path, {.progress = [&](int64_t done, int64_t total) {
                     const double share = static_cast<double>(done) / static_cast<double>(total);
                     status.Update(fmt::format("loading {:.0f} %", 100 * share));
                   }});
}

std::shared_ptr<const Tokenizer> LoadTokenizerFor(const std::string& path) {
  return LoadTokenizer(IsDirectory(path) ? (std::filesystem::path(path) / kTokenizerFile).string()
                                         : path);
}

std::string ReadStandardInput(const std::string& what) {
  if (isatty(STDIN_FILENO) != 0) {
    std::fprintf(stderr, "Type %s; Ctrl-D on a new line ends it.\n", what.c_str());
  }
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      throw Error(std::string("cannot read standard input: ") + std::strerror(errno));
    }
  }
}

void CheckTokenIds(const Model& model, std::span<const int32_t> ids, const std::string& option) {
  for (const int32_t id : ids) {
    if (id >= 0 && id < model.config.vocab_size) continue;
    throw UsageError(ErrorInfo{.what = "no such token",
                               .key = option,
                               .expected = fmt::format("0 to {}", model.config.vocab_size - 1),
                               .found = std::to_string(id)});
  }
}

}  // namespace trit
