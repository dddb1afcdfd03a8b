// How seeds become files, and files parts of seeds.
#ifndef TRIT_TESTS_FUZZ_SEED_FILES_H_
#define TRIT_TESTS_FUZZ_SEED_FILES_H_

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace trit {

inline std::string ReadSeed(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteSeed(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// The bytes after their length as u32.
inline std::string WithLength(const std::string& bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + bytes;
}

// `from` occurs in the text.
inline std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace trit

#endif  // TRIT_TESTS_FUZZ_SEED_FILES_H_
