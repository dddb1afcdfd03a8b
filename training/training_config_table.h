// A training config out of a TOML table, for files that hold one among other things.
#ifndef TRIT_TRAINING_TRAINING_CONFIG_TABLE_H_
#define TRIT_TRAINING_TRAINING_CONFIG_TABLE_H_

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>

#include "training/training_config.h"

namespace trit {

// ParseTrainingConfig of a file that has been parsed. `file` is for errors that are no line's.
TrainingConfig TrainingConfigFromTable(toml::table root, const std::string& file,
                                       std::span<const std::string> overrides);

// The table of a file's text. Throws UsageError with file and line if it is not TOML.
toml::table ParseTomlFile(std::string_view toml, const std::string& file);

}  // namespace trit

#endif  // TRIT_TRAINING_TRAINING_CONFIG_TABLE_H_
