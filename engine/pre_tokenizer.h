// Cuts text into the words that byte-level BPE works on, with the regular expressions each family
// of models was trained with, under llama.cpp's names for them (GGUF: tokenizer.ggml.pre).
#ifndef TRIT_ENGINE_PRE_TOKENIZER_H_
#define TRIT_ENGINE_PRE_TOKENIZER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

class PreTokenizer {
 public:
  // Throws Error that lists the known names if there is no such one; empty means "default".
  PreTokenizer(std::string_view name, const std::string& file);
  PreTokenizer(PreTokenizer&& other) noexcept;
  ~PreTokenizer();

  // What models of this family do unless their files say otherwise.
  bool ignore_merges() const;
  bool add_bos() const;

  // Words that joined are `text`, any bytes. What no expression matches is a word of its own, so is
  // each run of bytes that are not UTF-8.
  std::vector<std::string_view> Split(std::string_view text) const;

 private:
  struct Family;
  struct Expression;
  const Family* family_;
  std::vector<std::unique_ptr<Expression>> expressions_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_PRE_TOKENIZER_H_
