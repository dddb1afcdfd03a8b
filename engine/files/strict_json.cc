#include "engine/files/strict_json.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "engine/error.h"

namespace trit {

nlohmann::json ParseStrictJson(std::string_view text, const std::string& file) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open, outermost first
  const auto check = [&](int depth, Event event, const nlohmann::json& parsed) {
    if (depth > kMaxJsonDepth) {
      throw Error(ErrorInfo{.what = "JSON is nested too deeply",
                            .file = file,
                            .expected = fmt::format("at most {} levels", kMaxJsonDepth)});
    }
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        throw Error(ErrorInfo{.what = "JSON key occurs twice", .file = file, .key = key});
      }
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), check);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorInfo{.what = "not valid JSON", .file = file, .found = error.what()});
  }
}

}  // namespace trit
