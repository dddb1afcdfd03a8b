#include "training/data/data_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "engine/error.h"
#include "training/data/token_file.h"

namespace trit {
namespace {

namespace fs = std::filesystem;

bool IsDataFile(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".txt" || extension == ".jsonl" || extension == ".bin";
}

std::vector<std::string> FilesBelow(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator iterator(directory, error);
  while (!error && iterator != fs::recursive_directory_iterator()) {
    if (iterator->is_regular_file() && IsDataFile(iterator->path())) {
      files.push_back(iterator->path().string());
    }
    iterator.increment(error);
  }
  if (error) {
    throw Error(ErrorInfo{
        .what = "cannot list the directory", .file = directory, .found = error.message()});
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    throw Error(ErrorInfo{.what = "no data files in the directory",
                          .file = directory,
                          .expected = "names in .txt, .jsonl or .bin"});
  }
  return files;
}

std::vector<std::string> Matches(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found = {};
  // By bytes whatever the locale, for the same order everywhere.
  if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

void Expand(const std::string& name, std::vector<std::string>& files) {
  std::error_code error;
  if (fs::is_directory(name, error)) {
    const std::vector<std::string> below = FilesBelow(name);
    files.insert(files.end(), below.begin(), below.end());
    return;
  }
  const bool is_pattern = name.find_first_of("*?[") != std::string::npos;
  if (fs::exists(name, error) || !is_pattern) {
    files.push_back(name);  // whoever opens it says what is wrong with it
    return;
  }
  const std::vector<std::string> matches = Matches(name);
  if (matches.empty()) {
    throw Error(ErrorInfo{.what = "no file matches the pattern", .file = name});
  }
  for (const std::string& match : matches) Expand(match, files);
}

}  // namespace

std::vector<std::string> ExpandDataFiles(std::span<const std::string> names) {
  std::vector<std::string> files;
  for (const std::string& name : names) Expand(name, files);
  return files;
}

bool AllTokenFiles(std::span<const std::string> names) {
  for (const std::string& name : names) {
    std::vector<std::string> files = {name};
    try {
      files = ExpandDataFiles({&name, 1});
    } catch (const Error&) {
      // Told when the data is read.
    }
    if (!std::all_of(files.begin(), files.end(), IsTokenFile)) return false;
  }
  return true;
}

}  // namespace trit
