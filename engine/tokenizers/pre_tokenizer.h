// Cuts text into the words that byte-level BPE works on, with the regular expressions each family
// of models was trained with, under llama.cpp's names for them (GGUF: tokenizer.ggml.pre).
#ifndef TRIT_ENGINE_TOKENIZERS_PRE_TOKENIZER_H_
#define TRIT_ENGINE_TOKENIZERS_PRE_TOKENIZER_H_

#include <memory>
#include <optional>
#include <span>
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

  // The name of the family with these expressions, applied in order; nothing if there is none.
  // Other tokenizer files say what they cut with rather than a name.
  static std::optional<std::string> NameOf(std::span<const std::string> expressions);
  // The expressions of a family.
  static std::vector<std::string> ExpressionsOf(std::string_view name, const std::string& file);
  // GPT-2's own expression, which byte-level pre-tokenizers apply unless told otherwise.
  static std::string_view Gpt2Expression();

  // What models of this family do unless their files say otherwise.
  bool ignore_merges() const;
  bool add_bos() const;

  // Words that joined are `text`, any bytes. What no expression matches is a word of its own, so is
  // each run of bytes that are not UTF-8.
  std::vector<std::string_view> Split(std::string_view text) const;

 private:
  struct Family;
  struct Expression;
  static const std::vector<Family>& Families();
  static const Family& FindFamily(std::string_view name, const std::string& file);
  const Family* family_;
  std::vector<std::unique_ptr<Expression>> expressions_;
};

}  // namespace trit

#endif  // TRIT_ENGINE_TOKENIZERS_PRE_TOKENIZER_H_
