#include "training/compare/step_records.h"

#include <cstdint>
#include <filesystem>
#include <utility>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/output_file.h"
#include "engine/files/strict_json.h"

namespace trit {

std::optional<nlohmann::json> StepRecords::Find(const std::string& step,
                                                const std::string& fingerprint) const {
  const std::string path = Path(step);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const nlohmann::json record = ParseStrictJson(ReadTextFile(path, uint64_t{1} << 30), path);
  const JsonFields fields(record, path);
  if (fields.String("fingerprint") != fingerprint) {
    throw UsageError(ErrorInfo{.what = "this step was done with another config or other data",
                               .file = path,
                               .hint = "name another directory, or remove this one"});
  }
  return fields.Require("result");
}

void StepRecords::Save(const std::string& step, const std::string& fingerprint,
                       nlohmann::ordered_json result) const {
  const nlohmann::ordered_json record = {{"fingerprint", fingerprint},
                                         {"result", std::move(result)}};
  WriteTextFile(Path(step), record.dump() + "\n");
}

}  // namespace trit
