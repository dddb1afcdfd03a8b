// Standard output, for results: a write that fails is an error, so that a full disk does not go
// unnoticed. (Progress and diagnostics go to stderr, whose failures nobody could be told of.)
#ifndef TRIT_TOOLS_OUTPUT_H_
#define TRIT_TOOLS_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

// The reader of our output has gone ("trit … | head"): the program ends without a word.
struct OutputClosed {};

// Once, first thing in main. Writing to a pipe that nobody reads then throws OutputClosed instead
// of killing the process, so that unfinished files are cleaned up on the way out. Standard streams
// that the caller closed are taken up, lest the next file opened be written to as if it were one.
void PrepareStandardStreams();

// Throw Error, or OutputClosed. Print may keep text back until FlushOutput or the end.
void Print(std::string_view text);
void FlushOutput();
// On one line; text in it that is not UTF-8 is mended.
void PrintJson(const nlohmann::ordered_json& json);

// Columns as wide as they have to be; the last is not padded.
void PrintColumns(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& align_right);

// A text of unknown origin, such as a name in a file, as one line of UTF-8 that leaves the terminal
// alone; of a longer one its beginning and its length.
std::string ShownText(std::string_view text, size_t max_bytes = SIZE_MAX);

}  // namespace trit

#endif  // TRIT_TOOLS_OUTPUT_H_
