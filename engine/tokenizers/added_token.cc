#include "engine/tokenizers/added_token.h"

#include <algorithm>
#include <vector>

namespace trit {
namespace {

void Insert(int32_t id, std::vector<int32_t>& ids) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id) ids.insert(place, id);
}

}  // namespace

AddedToken ReadAddedToken(const JsonFields& fields, int64_t id) {
  if (fields.Bool("single_word", false)) fields.ThrowUnsupported("single_word", "false");
  return {.id = id,
          .text = fields.String("content"),
          .special = fields.Bool("special", false),
          .strip_left = fields.Bool("lstrip", false),
          .strip_right = fields.Bool("rstrip", false)};
}

void MarkAdded(const AddedToken& token, TokenizerData& data) {
  data.types.resize(data.tokens.size(), TokenType::kNormal);
  data.types[static_cast<size_t>(token.id)] =
      token.special ? TokenType::kControl : TokenType::kUserDefined;
  const auto id = static_cast<int32_t>(token.id);
  if (token.strip_left) Insert(id, data.strip_left);
  if (token.strip_right) Insert(id, data.strip_right);
}

}  // namespace trit
