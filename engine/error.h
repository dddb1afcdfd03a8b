// What a user can do wrong, as one exception type with one-line messages: where (file, key, tensor),
// what was expected, what was found, and what to do. A bug of ours is TRIT_CHECK's business.
#ifndef TRIT_ENGINE_ERROR_H_
#define TRIT_ENGINE_ERROR_H_

#include <stdexcept>
#include <string>

namespace trit {

// The fields of an error; empty ones are left out of the message.
struct ErrorInfo {
  std::string what;      // "tensor data ends past the end of the file"
  std::string file;      // path as the user gave it
  std::string key;       // metadata, config or option key
  std::string tensor;    // tensor name
  std::string expected;  // "at most 4"
  std::string found;     // "17"
  std::string hint;      // "convert it with trit convert"
};

// A failure at run time that a user can cause or mend: exit code 1.
class Error : public std::runtime_error {
 public:
  explicit Error(ErrorInfo info);
  explicit Error(const std::string& what) : Error(ErrorInfo{.what = what}) {}
  const ErrorInfo& info() const { return info_; }

 private:
  ErrorInfo info_;
};

// Wrong usage (an unknown key, an option out of range): exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace trit

#endif  // TRIT_ENGINE_ERROR_H_
