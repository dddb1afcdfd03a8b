#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/output_file.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

namespace trit {
namespace {

using Names = std::vector<std::string>;

BOOST_AUTO_TEST_CASE(ReadsRanges) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a", "0123456789");
  const InputFile file(folder / "a");
  BOOST_TEST(file.size() == 10u);
  BOOST_TEST(file.path() == folder / "a");
  std::string text(4, ' ');
  file.ReadAt(3, text.data(), 4);
  BOOST_TEST(text == "3456");
  file.ReadAt(10, text.data(), 0);  // nothing, at the very end
  BOOST_TEST(text == "3456");
}

BOOST_AUTO_TEST_CASE(RefusesRangesOutsideTheFile) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a", "0123456789");
  const InputFile file(folder / "a");
  char buffer[16];
  for (const auto& range : std::vector<std::pair<uint64_t, size_t>>{
           {0, 11}, {10, 1}, {11, 0}, {UINT64_MAX, 1}, {UINT64_MAX - 3, 8}, {5, 6}}) {
    const std::string text = ErrorText([&] { file.ReadAt(range.first, buffer, range.second); });
    BOOST_TEST(Contains(text, "file ends too early"));
    BOOST_TEST(Contains(text, folder / "a"));
    BOOST_TEST(Contains(text, "offset " + std::to_string(range.first)));
  }
}

BOOST_AUTO_TEST_CASE(NoticesAFileThatShrinks) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a", "0123456789");
  const InputFile file(folder / "a");
  std::filesystem::resize_file(folder / "a", 4);
  char buffer[10];
  BOOST_TEST(Contains(ErrorText([&] { file.ReadAt(0, buffer, 10); }), "became shorter"));
}

BOOST_AUTO_TEST_CASE(RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  BOOST_TEST(Contains(ErrorText([&] { InputFile file(folder / "absent"); }), "No such file"));
  BOOST_TEST(Contains(ErrorText([&] { InputFile file(folder.path().string()); }), "a directory"));
  BOOST_REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  // Must not wait for a writer.
  BOOST_TEST(Contains(ErrorText([&] { InputFile file(folder / "pipe"); }), "a pipe"));
  BOOST_TEST(Contains(ErrorText([&] { InputFile file("/dev/null"); }), "a device"));
}

BOOST_AUTO_TEST_CASE(ReadsTextUpToALimit) {
  const TemporaryFolder folder;
  WriteBytes(folder / "a", "text");
  BOOST_TEST(ReadTextFile(folder / "a", 4) == "text");
  BOOST_TEST(Contains(ErrorText([&] { ReadTextFile(folder / "a", 3); }), "too large"));
}

BOOST_AUTO_TEST_CASE(AFileAppearsOnCommit) {
  const TemporaryFolder folder;
  OutputFile file(folder / "a");
  file.Write("abc", 3);
  // More than any buffer, so that both ways of writing are taken, in order.
  const std::string large(3 << 20, 'x');
  file.Write(large.data(), large.size());
  file.Write("def", 3);
  BOOST_TEST(file.size() == large.size() + 6);
  BOOST_TEST(!std::filesystem::exists(folder / "a"));
  file.Commit();
  BOOST_TEST((ReadBytes(folder / "a") == "abc" + large + "def"));
  BOOST_TEST(folder.Names() == Names{"a"});
}

BOOST_AUTO_TEST_CASE(WithoutCommitNothingRemains) {
  const TemporaryFolder folder;
  WriteTextFile(folder / "a", "old");
  {
    OutputFile file(folder / "a");
    file.Write("new", 3);
    OutputFile moved = std::move(file);
    moved.Write("er", 2);
    BOOST_TEST(folder.Names().size() == 2u);
  }
  BOOST_TEST(folder.Names() == Names{"a"});
  BOOST_TEST(ReadBytes(folder / "a") == "old");
  WriteTextFile(folder / "a", "new");
  BOOST_TEST(ReadBytes(folder / "a") == "new");
}

BOOST_AUTO_TEST_CASE(TwoWritersDoNotMeet) {
  const TemporaryFolder folder;
  OutputFile first(folder / "a");
  OutputFile second(folder / "a");
  first.Write("first", 5);
  second.Write("second", 6);
  second.Commit();
  first.Commit();
  BOOST_TEST(ReadBytes(folder / "a") == "first");
  BOOST_TEST(folder.Names() == Names{"a"});
}

BOOST_AUTO_TEST_CASE(FollowsLinks) {
  const TemporaryFolder folder;
  WriteTextFile(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  WriteTextFile(folder / "link", "new");
  BOOST_TEST(std::filesystem::is_symlink(folder / "link"));
  BOOST_TEST(ReadBytes(folder / "target") == "new");
}

BOOST_AUTO_TEST_CASE(RefusesTargetsThatAreNoRegularFiles) {
  const TemporaryFolder folder;
  BOOST_TEST(Contains(ErrorText([&] { OutputFile file(folder.path().string()); }), "a directory"));
  BOOST_TEST(Contains(ErrorText([&] { OutputFile file("/dev/null"); }), "a special file"));
  BOOST_TEST(Contains(ErrorText([&] { OutputFile file(folder / "absent" + "/a"); }),
                      "No such file or directory"));
}

// A limit on the size of files stands in for a full disk: the system refuses the bytes either way.
BOOST_AUTO_TEST_CASE(ReportsBytesThatTheSystemRefuses) {
  const TemporaryFolder folder;
  rlimit old_limit;
  BOOST_REQUIRE(getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old_limit;
  limit.rlim_cur = 100000;
  BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const std::string text = ErrorText([&] {
    OutputFile file(folder / "a");
    const std::string bytes(200000, 'x');
    file.Write(bytes.data(), bytes.size());
    file.Commit();
  });
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  BOOST_TEST(Contains(text, "cannot write the file"));
  BOOST_TEST(Contains(text, folder / "a"));
  BOOST_TEST(folder.Names().empty());
}

}  // namespace
}  // namespace trit
