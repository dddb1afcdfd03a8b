#include "engine/tokenizers/pre_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

#include "engine/error.h"
#include "engine/tokenizers/utf8.h"
#include "ternary_kernels/check.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace trit {

// A row of the table. The expressions are applied in order, each to the words the one before left.
struct PreTokenizer::Family {
  std::vector<std::string_view> names;
  std::vector<std::string_view> expressions;
  bool ignore_merges;
  bool add_bos;
};

namespace {

// \s and \S are written out before compiling: PCRE2's also take in U+180E, which is no white space
// since Unicode 6.3 and none to the engines these expressions come from.
constexpr std::string_view kWhiteSpace =
    R"(\t-\r\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kThreeDigits = "[0-9][0-9][0-9]";

std::string WriteOutWhiteSpace(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\') {
      if (pattern[i] == '[') in_class = true;
      if (pattern[i] == ']') in_class = false;
      out += pattern[i];
      continue;
    }
    ++i;
    if (pattern[i] == 's') {
      out += in_class ? std::string(kWhiteSpace) : '[' + std::string(kWhiteSpace) + ']';
    } else if (pattern[i] == 'S') {
      TRIT_CHECK(!in_class);
      out += "[^" + std::string(kWhiteSpace) + ']';
    } else {
      out += '\\';
      out += pattern[i];
    }
  }
  return out;
}

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct PreTokenizer::Expression {
  explicit Expression(std::string_view pattern) {
    const std::string text = WriteOutWhiteSpace(pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                         PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
    TRIT_CHECK(code != nullptr);
    // Where there is no JIT the same code is interpreted.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    context = pcre2_match_context_create(nullptr);
    if (context == nullptr) throw std::bad_alloc();
    // No pattern here backtracks more than once over what it matched, so the work is bounded by the
    // text; the library's limits would only fail long runs of spaces.
    pcre2_set_match_limit(context, UINT32_MAX);
    pcre2_set_depth_limit(context, UINT32_MAX);
  }
  ~Expression() {
    pcre2_match_context_free(context);
    pcre2_code_free(code);
  }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  // The first match in text[from, …): whether there is one, and its bounds.
  bool Find(std::string_view text, size_t from, pcre2_match_data* data, size_t* begin,
            size_t* end) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    // The text was found to be UTF-8; checking it again for every match would be quadratic.
    int count = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, data, context);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT) {
      count = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
                          context);
    }
    if (count == PCRE2_ERROR_NOMATCH) return false;
    if (count == PCRE2_ERROR_NOMEMORY || count == PCRE2_ERROR_HEAPLIMIT) throw std::bad_alloc();
    TRIT_CHECK(count > 0);
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data);
    *begin = bounds[0];
    *end = bounds[1];
    TRIT_CHECK(*begin >= from && *end > *begin);
    return true;
  }

  pcre2_code* code;
  pcre2_match_context* context;
};

namespace {

// Cuts `text` into runs that are UTF-8 and runs that are not.
struct Utf8Run {
  std::string_view text;
  bool valid;
};

std::vector<Utf8Run> SplitUtf8Runs(std::string_view text) {
  std::vector<Utf8Run> runs;
  size_t begin = 0;
  bool valid = true;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = DecodeUtf8(text.substr(i));
    const bool next_valid = next.status == Utf8Char::Status::kValid;
    if (next_valid != valid) {
      if (i > begin) runs.push_back({text.substr(begin, i - begin), valid});
      begin = i;
      valid = next_valid;
    }
    i += next.length;
  }
  if (begin < text.size()) runs.push_back({text.substr(begin), valid});
  return runs;
}

}  // namespace

const std::vector<PreTokenizer::Family>& PreTokenizer::Families() {
  static const std::vector<Family> kFamilies = {
      {{"default"}, {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", kThreeDigits}, false, false},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon_e", "falcon-h1", "pixtral", "lfm2"},
       {kLlama3},
       true,
       true},
      {{"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"}, {kQwen2}, false, false},
      {{"gpt-2", "phi-2", "roberta-bpe", "gigachat", "olmo", "mpt", "jais"}, {kGpt2}, false, false},
      {{"falcon"}, {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, kThreeDigits}, false, false},
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
       {R"(\p{N})", kGpt2},
       false,
       false},
  };
  return kFamilies;
}

const PreTokenizer::Family& PreTokenizer::FindFamily(std::string_view name,
                                                     const std::string& file) {
  if (name.empty()) name = "default";
  std::string known;
  for (const Family& family : Families()) {
    for (const std::string_view family_name : family.names) {
      if (family_name == name) return family;
      known += (known.empty() ? "" : ", ") + std::string(family_name);
    }
  }
  throw Error({.what = "unknown pre-tokenizer",
               .file = file,
               .key = "pre",
               .expected = "one of " + known,
               .found = std::string(name)});
}

std::optional<std::string> PreTokenizer::NameOf(std::span<const std::string> expressions) {
  for (const Family& family : Families()) {
    if (std::ranges::equal(family.expressions, expressions)) {
      return std::string(family.names.front());
    }
  }
  return std::nullopt;
}

std::vector<std::string> PreTokenizer::ExpressionsOf(std::string_view name,
                                                     const std::string& file) {
  const Family& family = FindFamily(name, file);
  return {family.expressions.begin(), family.expressions.end()};
}

std::string_view PreTokenizer::Gpt2Expression() { return kGpt2; }

PreTokenizer::PreTokenizer(std::string_view name, const std::string& file)
    : family_(&FindFamily(name, file)) {
  for (const std::string_view pattern : family_->expressions) {
    expressions_.push_back(std::make_unique<Expression>(pattern));
  }
}

PreTokenizer::PreTokenizer(PreTokenizer&& other) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

bool PreTokenizer::ignore_merges() const { return family_->ignore_merges; }
bool PreTokenizer::add_bos() const { return family_->add_bos; }

std::vector<std::string_view> PreTokenizer::Split(std::string_view text) const {
  std::vector<Utf8Run> words = SplitUtf8Runs(text);
  for (const auto& expression : expressions_) {
    const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(
        pcre2_match_data_create(1, nullptr));
    if (data == nullptr) throw std::bad_alloc();
    std::vector<Utf8Run> next;
    next.reserve(words.size());
    for (const Utf8Run& word : words) {
      size_t done = 0;
      size_t begin = 0;
      size_t end = 0;
      while (word.valid && done < word.text.size() &&
             expression->Find(word.text, done, data.get(), &begin, &end)) {
        if (begin > done) next.push_back({word.text.substr(done, begin - done), true});
        next.push_back({word.text.substr(begin, end - begin), true});
        done = end;
      }
      if (done < word.text.size()) next.push_back({word.text.substr(done), word.valid});
    }
    words = std::move(next);
  }
  std::vector<std::string_view> split(words.size());
  std::transform(words.begin(), words.end(), split.begin(),
                 [](const Utf8Run& word) { return word.text; });
  return split;
}

}  // namespace trit
