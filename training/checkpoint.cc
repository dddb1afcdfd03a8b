#include "training/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/output_file.h"
#include "engine/formats/safetensors.h"
#include "engine/tensors/float_codec.h"
#include "ternary_kernels/check.h"
#include "training/checkpoint_config.h"
#include "training/temporary_directory.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";
constexpr const char* kConfigFile = "config.json";
constexpr const char* kStateFile = "trainer_state.json";
constexpr uint64_t kMaxStateBytes = 1 << 20;
// PyTorch's names of the moments.
constexpr const char* kFirstMoment = ".exp_avg";
constexpr const char* kSecondMoment = ".exp_avg_sq";

[[noreturn]] void ThrowSystemError(const fs::path& path, const std::string& action,
                                   const std::error_code& cause) {
  throw Error(
      ErrorInfo{.what = "cannot " + action, .file = path.string(), .found = cause.message()});
}

fs::path CheckpointsDirectory(const std::string& run) { return fs::path(run) / "checkpoints"; }

std::string StepName(int64_t step) { return fmt::format("{}{:06}", kStepPrefix, step); }

// The step of a checkpoint's directory name; nothing if it is no such name.
std::optional<int64_t> ParseStepName(const std::string& name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const std::string_view digits = std::string_view(name).substr(kStepPrefix.size());
  int64_t step = -1;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (status != std::errc() || step < 0 || StepName(step) != name) {
    return std::nullopt;
  }
  return step;
}

void Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) ThrowSystemError(to, "rename a checkpoint", error);
}

void RemoveAll(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) ThrowSystemError(path, "remove an old checkpoint", error);
}

// Entries of the directory, by name; none if it does not exist.
std::vector<fs::path> Entries(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator iterator(directory, error);
  while (!error && iterator != fs::directory_iterator()) {
    entries.push_back(iterator->path());
    iterator.increment(error);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    ThrowSystemError(directory, "list the checkpoints", error);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

void RemoveLeftovers(const fs::path& checkpoints) {
  for (const fs::path& entry : Entries(checkpoints)) {
    if (entry.filename().string().starts_with(kTemporaryPrefix)) RemoveAll(entry);
  }
}

// Renamed first, so that no half of it is ever under a checkpoint's name.
void RemoveCheckpoint(const fs::path& checkpoint) {
  const fs::path temporary =
      checkpoint.parent_path() / (std::string(kTemporaryPrefix) + checkpoint.filename().string());
  Rename(checkpoint, temporary);
  RemoveAll(temporary);
}

std::vector<int64_t> ShapeOf(const WeightInfo& weight) {
  if (weight.IsVector()) return {weight.NumElements()};
  return {weight.rows, weight.cols};
}

// What of the parameters a tensor holds, by the suffix of its name.
struct Part {
  const char* suffix;
  std::span<const float> (*get)(const Parameters&, WeightId);
};
constexpr Part kValuesPart{"", [](const Parameters& p, WeightId id) { return p.Values(id); }};
constexpr Part kFirstPart{kFirstMoment,
                          [](const Parameters& p, WeightId id) { return p.FirstMoments(id); }};
constexpr Part kSecondPart{kSecondMoment,
                           [](const Parameters& p, WeightId id) { return p.SecondMoments(id); }};

void WriteTensors(const fs::path& path, const Parameters& parameters, std::span<const Part> parts) {
  std::vector<SafetensorsInfo> tensors;
  for (const WeightInfo& weight : parameters.table().weights()) {
    for (const Part& part : parts) {
      SafetensorsInfo& tensor = tensors.emplace_back();
      tensor.name = weight.name + part.suffix;
      tensor.type = SafetensorsType::kF32;
      tensor.shape = ShapeOf(weight);
    }
  }
  // transformers refuses a file that does not say which framework's it is.
  TensorFileWriter writer = CreateSafetensors(path.string(), tensors, {{"format", "pt"}});
  for (const WeightInfo& weight : parameters.table().weights()) {
    for (const Part& part : parts) {
      const std::span<const float> values = part.get(parameters, weight.id);
      writer.WriteTensor(weight.name + part.suffix,
                         {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()});
    }
  }
  writer.Commit();
}

// Floats of a tensor of any floating-point type, checked.
void ReadFloats(const SafetensorsReader& reader, const SafetensorsInfo& tensor,
                std::span<float> out) {
  const AlignedBuffer<uint8_t> bytes = reader.ReadTensor(tensor);
  const TensorView view = reader.FloatView(tensor, bytes.span());
  CheckFinite(view);
  for (int64_t row = 0; row < view.rows; ++row) {
    DecodeFloats(view, row, out.data() + row * view.cols);
  }
}

void RequireShape(const SafetensorsReader& reader, const SafetensorsInfo& tensor,
                  const WeightInfo& weight) {
  const std::vector<int64_t> shape = ShapeOf(weight);
  if (tensor.shape == shape) return;
  throw Error(ErrorInfo{.what = "wrong shape",
                        .file = reader.PathOf(tensor),
                        .tensor = tensor.name,
                        .expected = fmt::format("[{}]", fmt::join(shape, ", ")),
                        .found = fmt::format("[{}]", fmt::join(tensor.shape, ", "))});
}

void RequireNothingElse(const SafetensorsReader& reader, const std::set<std::string>& known) {
  for (const SafetensorsInfo& tensor : reader.tensors()) {
    if (known.contains(tensor.name)) continue;
    throw Error(ErrorInfo{.what = "the model has no such tensor",
                          .file = reader.PathOf(tensor),
                          .tensor = tensor.name,
                          .hint = tensor.name == "lm_head.weight"
                                      ? "its own head needs model.tie_word_embeddings = false"
                                      : "compare the [model] section with the file's config"});
  }
}

void LoadMoments(const std::string& path, Parameters& parameters) {
  const SafetensorsReader reader(path);
  std::set<std::string> known;
  const auto load = [&](const WeightInfo& weight, const char* suffix, std::span<float> out) {
    const std::string name = weight.name + suffix;
    ReadFloats(reader, reader.RequireTensor(name, SafetensorsType::kF32, ShapeOf(weight)), out);
    known.insert(name);
  };
  for (const WeightInfo& weight : parameters.table().weights()) {
    load(weight, kFirstMoment, parameters.FirstMoments(weight.id));
    const std::span<float> second = parameters.SecondMoments(weight.id);
    load(weight, kSecondMoment, second);
    const auto negative = std::find_if(second.begin(), second.end(), [](float v) { return v < 0; });
    if (negative != second.end()) {
      throw Error(ErrorInfo{.what = "negative mean of squares at element " +
                                    std::to_string(negative - second.begin()),
                            .file = path,
                            .tensor = weight.name + kSecondMoment,
                            .expected = "0 or more",
                            .found = fmt::format("{}", *negative)});
    }
  }
  RequireNothingElse(reader, known);
}

}  // namespace

std::vector<std::string> ListCheckpoints(const std::string& run) {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const fs::path& entry : Entries(CheckpointsDirectory(run))) {
    std::error_code error;
    const std::optional<int64_t> step = ParseStepName(entry.filename().string());
    if (step && fs::is_directory(entry, error)) found.emplace_back(*step, entry.string());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::string CheckpointPath(const std::string& run, int64_t step) {
  return (CheckpointsDirectory(run) / StepName(step)).string();
}

std::string SaveCheckpoint(const std::string& run, const CheckpointContents& contents,
                           const Retention& retention) {
  const fs::path checkpoints = CheckpointsDirectory(run);
  const std::string name = StepName(contents.state.step);
  const fs::path target = checkpoints / name;
  std::error_code error;
  if (!fs::exists(checkpoints, error)) {
    fs::create_directories(checkpoints, error);
    if (error) ThrowSystemError(checkpoints, "create the directory", error);
    SyncDirectory(run);
  }
  RemoveLeftovers(checkpoints);
  if (!fs::exists(target, error)) {
    TemporaryDirectory incomplete(checkpoints / (std::string(kTemporaryPrefix) + name));
    const fs::path temporary = incomplete.path();
    WriteTensors(temporary / kModelFile, contents.parameters, {&kValuesPart, 1});
    const Part moments[] = {kFirstPart, kSecondPart};
    WriteTensors(temporary / kOptimizerFile, contents.parameters, moments);
    const fs::path config = temporary / kConfigFile;
    const float share =
        contents.quantizer.ramp.ShareAt(std::max<int64_t>(0, contents.state.step - 1));
    WriteTextFile(config.string(), CheckpointConfigJson({.model = contents.model,
                                                         .quantizer = contents.quantizer,
                                                         .quantized_share = share},
                                                        contents.special, config.string()));
    for (const NamedBytes& file : contents.files) {
      TRIT_CHECK(!file.name.empty() && fs::path(file.name).filename() == file.name);
      WriteTextFile((temporary / file.name).string(), file.bytes);
    }
    WriteTextFile((temporary / kStateFile).string(), TrainerStateToJson(contents.state));
    incomplete.RenameTo(target);
    SyncDirectory(checkpoints.string());
  }
  if (retention.latest > 0) {
    const std::vector<std::string> all = ListCheckpoints(run);
    const std::string best =
        retention.best_step ? CheckpointPath(run, *retention.best_step) : std::string();
    for (size_t i = 0; i + static_cast<size_t>(retention.latest) < all.size(); ++i) {
      if (all[i] != best) RemoveCheckpoint(all[i]);
    }
  }
  return target.string();
}

TrainerState LoadCheckpoint(const std::string& directory, Parameters& parameters) {
  const fs::path root(directory);
  const std::string state_path = (root / kStateFile).string();
  TrainerState state = ParseTrainerState(ReadTextFile(state_path, kMaxStateBytes), state_path);
  const std::string model_path = (root / kModelFile).string();
  const std::vector<WeightId> missing = LoadWeights(model_path, parameters);
  if (!missing.empty()) {
    throw Error(ErrorInfo{.what = "tensor is missing",
                          .file = model_path,
                          .tensor = parameters.table()[missing.front()].name});
  }
  LoadMoments((root / kOptimizerFile).string(), parameters);
  return state;
}

std::vector<WeightId> LoadWeights(const std::string& path, Parameters& parameters) {
  const SafetensorsReader reader(path);
  std::set<std::string> known;
  std::vector<WeightId> missing;
  for (const WeightInfo& weight : parameters.table().weights()) {
    const bool of_quantizer = weight.IsVector() && weight.kind != WeightKind::kNorm;
    if (of_quantizer && reader.FindTensor(weight.name) == nullptr) {
      missing.push_back(weight.id);
      continue;
    }
    const SafetensorsInfo& tensor = reader.RequireTensor(weight.name);
    RequireShape(reader, tensor, weight);
    ReadFloats(reader, tensor, parameters.Values(weight.id));
    known.insert(weight.name);
  }
  RequireNothingElse(reader, known);
  return missing;
}

}  // namespace trit
