#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

namespace trit {
namespace {

// Length of the longest end of `text` that `stop` begins with.
size_t PartialMatch(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, std::string());
}

std::string StopStrings::Push(std::string_view text) {
  if (found_) return "";
  pending_ += text;
  size_t end = std::string::npos;
  size_t held_back = 0;
  for (const std::string& stop : strings_) {
    end = std::min(end, pending_.find(stop));
    held_back = std::max(held_back, PartialMatch(pending_, stop));
  }
  found_ = end != std::string::npos;
  std::string shown = pending_.substr(0, found_ ? end : pending_.size() - held_back);
  pending_.erase(0, found_ ? pending_.size() : shown.size());
  return shown;
}

std::string StopStrings::Flush() { return std::exchange(pending_, ""); }

}  // namespace trit
