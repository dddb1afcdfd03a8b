#include "training/logs/line_log.h"

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/json_fields.h"
#include "engine/files/output_file.h"
#include "engine/files/strict_json.h"

namespace trit {
namespace {

constexpr uint64_t kMaxLogBytes = uint64_t{1} << 32;

[[noreturn]] void ThrowSystemError(const std::string& path, const char* what) {
  throw Error(
      ErrorInfo{.what = what, .file = path, .found = std::generic_category().message(errno)});
}

int64_t StepOf(std::string_view line, bool csv, const std::string& place) {
  if (!csv) {
    const nlohmann::json parsed = ParseStrictJson(line, place);
    return JsonFields(parsed, place).Integer("step");
  }
  int64_t step = 0;
  const auto [end, status] = std::from_chars(line.data(), line.data() + line.size(), step);
  if (status != std::errc() || end == line.data() + line.size() || *end != ',') {
    throw Error(ErrorInfo{.what = "the first column is no step",
                          .file = place,
                          .found = std::string(line.substr(0, 40))});
  }
  return step;
}

// The lines of `text` that are before first_step.
std::string EarlierLines(const std::string& text, int64_t first_step, std::string_view header,
                         bool csv, const std::string& path) {
  std::string earlier;
  size_t begin = 0;
  for (int64_t number = 1; begin < text.size(); ++number) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // unfinished
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const bool is_header = csv && number == 1 && line == header;
    if (is_header || StepOf(line, csv, path + ":" + std::to_string(number)) < first_step) {
      earlier += line;
      earlier += '\n';
    }
  }
  return earlier;
}

}  // namespace

LineLog::LineLog(const std::string& path, int64_t first_step, std::string_view header)
    : path_(path) {
  const bool csv = path.ends_with(".csv");
  std::error_code error;
  std::string earlier;
  if (std::filesystem::exists(path, error)) {
    const std::string text = ReadTextFile(path, kMaxLogBytes);
    earlier = EarlierLines(text, first_step, header, csv, path);
    if (earlier != text) WriteTextFile(path, earlier);
  }
  file_.reset(std::fopen(path.c_str(), "ab"));
  if (file_ == nullptr) ThrowSystemError(path, "cannot open the file");
  if (csv && earlier.empty()) Append(header);
}

void LineLog::Append(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  if (std::fwrite(whole.data(), 1, whole.size(), file_.get()) != whole.size() ||
      std::fflush(file_.get()) != 0) {
    ThrowSystemError(path_, "cannot write the file");
  }
}

}  // namespace trit
