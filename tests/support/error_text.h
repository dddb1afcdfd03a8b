// The message of the Error that a call throws, so that tests can say which one they expect.
#ifndef TRIT_TESTS_SUPPORT_ERROR_TEXT_H_
#define TRIT_TESTS_SUPPORT_ERROR_TEXT_H_

#include <string>
#include <string_view>

#include "engine/error.h"

namespace trit {

// Empty if nothing is thrown. An exception of another type is not caught: it fails the test.
template <typename Call>
std::string ErrorText(const Call& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return std::string("usage: ") + error.what();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace trit

#endif  // TRIT_TESTS_SUPPORT_ERROR_TEXT_H_
