// The files that names in a config or on a command line stand for.
#ifndef TRIT_TRAINING_DATA_DATA_FILES_H_
#define TRIT_TRAINING_DATA_DATA_FILES_H_

#include <span>
#include <string>
#include <vector>

namespace trit {

// A file is itself. A directory is every .txt, .jsonl and .bin file in it and below, by path. A
// name with *, ? or [ that is no file is a pattern (glob(7)): what it matches, by path, files and
// directories. Throws Error if a name is nothing that exists, or a directory or pattern gives no
// file.
std::vector<std::string> ExpandDataFiles(std::span<const std::string> names);

// Whether the names stand for token files alone; what does not exist goes by its name.
bool AllTokenFiles(std::span<const std::string> names);

}  // namespace trit

#endif  // TRIT_TRAINING_DATA_DATA_FILES_H_
