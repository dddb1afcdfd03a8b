// A training config out of a TOML table, for files that hold one among other things.
#ifndef TRIT_TRAINING_CONFIG_TRAINING_CONFIG_TABLE_H_
#define TRIT_TRAINING_CONFIG_TRAINING_CONFIG_TABLE_H_

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>

#include "training/config/training_config.h"

namespace trit {

// ParseTrainingConfig of a file that has been parsed. `file` is for errors that are no line's.
TrainingConfig TrainingConfigFromTable(toml::table root, const std::string& file,
                                       std::span<const std::string> overrides);

// Its quantizers alone, as they stand in the table: defaults that depend on other keys stay open,
// and what goes together is not checked. The table may lack all other sections.
QuantizationConfig QuantizersFromTable(toml::table root, std::span<const std::string> overrides);

// A table that has `text` under "value": as TOML or else, being a bare word, as a string. Throws
// UsageError with the key.
toml::table ParseOverrideValue(const std::string& key, const std::string& text);

// The table of a file's text. Throws UsageError with file and line if it is not TOML.
toml::table ParseTomlFile(std::string_view toml, const std::string& file);

}  // namespace trit

#endif  // TRIT_TRAINING_CONFIG_TRAINING_CONFIG_TABLE_H_
