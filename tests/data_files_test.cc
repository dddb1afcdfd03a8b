#include "training/data/data_files.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using Paths = std::vector<std::string>;

struct Tree : TemporaryFolder {
  Tree() {
    std::filesystem::create_directories(path() / "a/deep");
    std::filesystem::create_directories(path() / "empty");
    for (const char* name : {"b.txt", "a/2.jsonl", "a/10.txt", "a/deep/1.txt", "a/notes.md",
                             "a/deep/x.bin", "odd[1].txt"}) {
      WriteBytes(*this / name, "x");
    }
  }
  // Paths in the tree, without its path.
  Paths Expand(const Paths& names) const {
    Paths full;
    for (const std::string& name : names) full.push_back(*this / name);
    Paths files;
    for (const std::string& file : ExpandDataFiles(full)) {
      files.push_back(file.substr(path().string().size() + 1));
    }
    return files;
  }
};

BOOST_AUTO_TEST_CASE(names_directories_and_patterns) {
  const Tree tree;
  const auto check = [&](const Paths& names, const Paths& expected) {
    BOOST_TEST(tree.Expand(names) == expected, boost::test_tools::per_element());
  };
  check({"b.txt", "b.txt"}, {"b.txt", "b.txt"});
  check({"a"}, {"a/10.txt", "a/2.jsonl", "a/deep/1.txt", "a/deep/x.bin"});
  check({"a/*.txt"}, {"a/10.txt"});
  check({"?.txt", "a/*.jsonl"}, {"b.txt", "a/2.jsonl"});
  check({"*/deep"}, {"a/deep/1.txt", "a/deep/x.bin"});
  check({"a/[0-9]*.*"}, {"a/10.txt", "a/2.jsonl"});
  check({"odd[1].txt"}, {"odd[1].txt"});  // a file of that very name
  check({"absent.txt"}, {"absent.txt"});  // told when it is opened
}

BOOST_AUTO_TEST_CASE(what_gives_no_file_is_refused) {
  const Tree tree;
  BOOST_TEST(Contains(ErrorText([&] { tree.Expand({"*.json"}); }), "no file matches"));
  BOOST_TEST(Contains(ErrorText([&] { tree.Expand({"empty"}); }), "no data files"));
}

BOOST_AUTO_TEST_CASE(token_files_alone) {
  const Tree tree;
  const auto all_tokens = [&](const char* name) {
    const std::string path = tree / name;
    return AllTokenFiles({&path, 1});
  };
  BOOST_TEST(all_tokens("a/deep/*.bin"));
  BOOST_TEST(all_tokens("absent.bin"));
  BOOST_TEST(!all_tokens("a/deep"));
  BOOST_TEST(!all_tokens("b.txt"));
}

}  // namespace
}  // namespace trit
