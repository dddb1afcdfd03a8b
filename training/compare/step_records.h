// What finished steps of a comparison found out: a JSON file each, complete or not there.
#ifndef TRIT_TRAINING_COMPARE_STEP_RECORDS_H_
#define TRIT_TRAINING_COMPARE_STEP_RECORDS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace trit {

class StepRecords {
 public:
  explicit StepRecords(const std::string& directory) : directory_(directory) {}

  // fingerprint: of everything that the result of the step follows from. Nothing if the step has
  // not been done. Throws Error if the file is damaged, UsageError if the step was done with
  // another fingerprint.
  std::optional<nlohmann::json> Find(const std::string& step, const std::string& fingerprint) const;
  void Save(const std::string& step, const std::string& fingerprint,
            nlohmann::ordered_json result) const;
  std::string Path(const std::string& step) const { return directory_ + "/" + step + ".json"; }

 private:
  std::string directory_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_STEP_RECORDS_H_
