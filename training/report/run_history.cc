#include "training/report/run_history.h"

#include <filesystem>
#include <functional>
#include <limits>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"
#include "training/run_files.h"

namespace trit {
namespace {

constexpr const char* kMatrixNumbers[] = {"zero_share", "flip_rate", "scale"};
constexpr const char* kLayerNumbers[] = {"residual_max", "attention_max", "gated_max"};

// use(object, fields) for every whole line; none if there is no such file.
void ForEachObject(
    const std::string& path,
    const std::function<void(const nlohmann::json& object, const JsonFields& fields)>& use) {
  if (!std::filesystem::exists(path)) return;
  const std::string text = ReadTextFile(path, uint64_t{1} << 32);
  size_t begin = 0;
  for (int64_t line = 1; begin < text.size(); ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const std::string where = path + ":" + std::to_string(line);
    const nlohmann::json object =
        ParseStrictJson(std::string_view(text).substr(begin, end - begin), where);
    use(object, JsonFields(object, where));
    begin = end + 1;
  }
}

std::vector<double> Numbers(const JsonFields& fields, const char* key, size_t size) {
  const nlohmann::json& list = fields.Require(key);
  if (!list.is_array() || list.size() != size) {
    fields.Throw(key, "wrong length", std::to_string(size) + " numbers", ShownJson(list));
  }
  std::vector<double> numbers;
  for (const nlohmann::json& item : list) {
    numbers.push_back(item.is_number() ? item.get<double>()
                                       : std::numeric_limits<double>::quiet_NaN());
  }
  return numbers;
}

void AddRows(const std::vector<std::string>& rows, double step, std::vector<double> values,
             RowsOverSteps& out) {
  if (out.rows.empty()) out.rows = rows;
  if (out.rows != rows) return;  // of another model: not this run's
  out.steps.push_back(step);
  out.values.push_back(std::move(values));
}

void AddLayers(const JsonFields& fields, RunHistory& history) {
  const double step = static_cast<double>(fields.Integer("step"));
  std::vector<std::string> matrices;
  const nlohmann::json& names = fields.Require("matrices");
  if (!names.is_array()) fields.Throw("matrices", "wrong type", "a list", ShownJson(names));
  for (const nlohmann::json& name : names) {
    if (!name.is_string()) fields.Throw("matrices", "wrong type", "names", ShownJson(name));
    matrices.push_back(name.get<std::string>());
  }
  for (const char* key : kMatrixNumbers) {
    AddRows(matrices, step, Numbers(fields, key, matrices.size()), history.layers[key]);
  }
  const nlohmann::json& first = fields.Require(kLayerNumbers[0]);
  std::vector<std::string> layers;
  for (size_t i = 0; i < first.size(); ++i) layers.push_back("layers." + std::to_string(i));
  for (const char* key : kLayerNumbers) {
    AddRows(layers, step, Numbers(fields, key, layers.size()), history.layers[key]);
  }
}

}  // namespace

const StepSeries& RunHistory::Metric(const std::string& name) const {
  static const StepSeries none;
  const auto found = metrics.find(name);
  return found == metrics.end() ? none : found->second;
}

RunHistory ReadRunHistory(const std::string& run) {
  const std::string metrics_path = run + "/" + kMetricsFile;
  if (!std::filesystem::exists(metrics_path)) {
    throw Error(ErrorInfo{.what = "no run here",
                          .file = run,
                          .expected = std::string("a directory with ") + kMetricsFile});
  }
  RunHistory history;
  const std::filesystem::path directory = std::filesystem::path(run) / "";
  history.name = directory.parent_path().filename().string();
  try {
    history.config = ReadTrainingConfig(run + "/" + kRunConfigFile, {});
  } catch (const Error&) {
    // Of another version, or not there yet: the curves can be shown without it.
  }
  ForEachObject(metrics_path, [&](const nlohmann::json& object, const JsonFields& fields) {
    const double step = static_cast<double>(fields.Integer("step"));
    for (const auto& [key, value] : object.items()) {
      if (!value.is_number() || key == "step") continue;
      StepSeries& series = history.metrics[key];
      series.steps.push_back(step);
      series.values.push_back(value.get<double>());
    }
  });
  ForEachObject(run + "/" + kLayersFile, [&](const nlohmann::json&, const JsonFields& fields) {
    AddLayers(fields, history);
  });
  ForEachObject(run + "/" + kSamplesFile, [&](const nlohmann::json&, const JsonFields& fields) {
    history.samples.push_back(
        {fields.Integer("step"), fields.String("prompt"), fields.String("text")});
  });
  return history;
}

}  // namespace trit
