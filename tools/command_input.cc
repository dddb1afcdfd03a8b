#include "tools/command_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <system_error>

#include "engine/error.h"
#include "engine/formats/model_file.h"
#include "tools/options.h"
#include "tools/status_line.h"
#include "training/export_run.h"
#include "training/run_tokenizer.h"

namespace trit {
namespace {

constexpr int64_t kDefaultContext = 2048;  // tokens

// Whether a path is the directory of a run or a checkpoint, rather than a model from elsewhere.
bool IsTraining(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;  // what cannot be looked at cannot be opened either
  const fs::path root(path);
  return fs::is_directory(root, ignored) && (!fs::exists(root / "config.json", ignored) ||
                                             fs::exists(root / "trainer_state.json", ignored));
}

}  // namespace

void ModelSource::Declare(Options& options) {
  options.RequiredText("m,model", "FILE", path,
                       "GGUF file, Hugging Face directory or llama2.c checkpoint; or the directory "
                       "of a training run or a checkpoint");
  DeclareLayout(options);
}

void ModelSource::DeclareLayout(Options& options) {
  options.Choice("i2s-layout", i2s_layout, {"auto", "128", "64"},
                 "weights in a group of an i2_s tensor, which the file does not say: auto is 128, "
                 "or 64 if only those fit; bitnet.cpp built for ARM writes 64");
}

std::unique_ptr<Model> LoadModelFor(const ModelSource& source) {
  if (IsTraining(source.path)) {
    std::unique_ptr<Model> model = LoadTrainedModel(source.path);
    WarnOfShare(source.path);
    return model;
  }
  LoadOptions options{.tokenizer = source.tokenizer.value_or("")};
  if (source.i2s_layout == "128") options.i2s_layout = I2sLayout::k128;
  if (source.i2s_layout == "64") options.i2s_layout = I2sLayout::k64;
  StatusLine status;
  options.progress = [&](int64_t done, int64_t total) {
    const double share = static_cast<double>(done) / static_cast<double>(total);
    status.Update(fmt::format("loading {:.0f} %", 100 * share));
  };
  return LoadModel(source.path, options);
}

void WarnOfShare(const std::string& run_or_checkpoint) {
  const double share = TrainedShare(run_or_checkpoint);
  if (share == 1) return;
  std::cerr << fmt::format(
      "{}: fully quantized here, which training was to a share of {:.2g} (see "
      "quantizer.ramp_steps)\n",
      run_or_checkpoint, share);
}

std::shared_ptr<const Tokenizer> LoadTokenizerFor(const std::string& path) {
  return LoadTokenizer(IsTraining(path) ? (std::filesystem::path(path) / kTokenizerFile).string()
                                        : path);
}

void ScoringWindow::Declare(Options& options) {
  options.Integer("ctx", "N", ctx, 2, std::numeric_limits<int32_t>::max(),
                  fmt::format("tokens a window; each is read from its beginning (default: the "
                              "model's context, at most {})",
                              kDefaultContext));
}

int64_t ScoringWindow::For(const Model& model) const {
  const int64_t max_context = model.config.max_position_embeddings;
  const int64_t context = ctx.value_or(std::min(max_context, kDefaultContext));
  if (context >= 2 && context <= max_context) return context;
  throw UsageError(ErrorInfo{.what = "out of range",
                             .key = "--ctx",
                             .expected = fmt::format("2 to {}, the model's", max_context),
                             .found = std::to_string(context)});
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
