// JSON from files of strangers: no duplicate keys, no bottomless nesting, and errors that name the
// file. For source files only, so that users of the engine need no JSON library.
#ifndef TRIT_ENGINE_FILES_STRICT_JSON_H_
#define TRIT_ENGINE_FILES_STRICT_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace trit {

inline constexpr int kMaxJsonDepth = 64;

// Throws Error naming `file` if `text` is not one JSON value in UTF-8, if an object has a key
// twice, or if it is nested deeper than kMaxJsonDepth.
nlohmann::json ParseStrictJson(std::string_view text, const std::string& file);

}  // namespace trit

#endif  // TRIT_ENGINE_FILES_STRICT_JSON_H_
