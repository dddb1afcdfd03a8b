// Files that are sound but for one thing, and what is said about that.
#ifndef TRIT_TESTS_SUPPORT_SPOILED_FILE_H_
#define TRIT_TESTS_SUPPORT_SPOILED_FILE_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {

template <typename File>
struct SpoiledFile {
  const char* name;
  std::function<void(File&)> spoil;
  const char* expected;  // part of the message
};

// Spoils a sound file in each way, writes it and loads it: the message must begin with its path.
template <typename File>
void CheckSpoiled(const std::vector<SpoiledFile<File>>& cases, const std::function<File()>& sound,
                  const std::function<void(const File&, const std::string& path)>& write,
                  const std::function<void(const std::string& path)>& load) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  for (const SpoiledFile<File>& c : cases) {
    BOOST_TEST_CONTEXT(c.name) {
      File file = sound();
      c.spoil(file);
      write(file, path);
      const std::string text = ErrorText([&] { load(path); });
      BOOST_TEST(Contains(text, c.expected), text);
      BOOST_TEST(text.starts_with(path + ": "), text);
    }
  }
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_SPOILED_FILE_H_
