#include "training/config/nearest_name.h"

#include <algorithm>
#include <vector>

#include "ternary_kernels/check.h"

namespace trit {
namespace {

std::string_view LastPart(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  // rows[i % 3][j]: distance of the first i bytes of a from the first j of b.
  std::vector<size_t> rows[3];
  for (std::vector<size_t>& row : rows) row.resize(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::vector<size_t>& row = rows[i % 3];
    const std::vector<size_t>& above = rows[(i - 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

const std::string& NearestName(std::string_view name, std::span<const std::string> known) {
  TRIT_CHECK(!known.empty());
  const auto distance = [name](const std::string& candidate) {
    return std::min(EditDistance(name, candidate),
                    EditDistance(LastPart(name), LastPart(candidate)) + 1);
  };
  size_t best = 0;
  for (size_t i = 1; i < known.size(); ++i) {
    if (distance(known[i]) < distance(known[best])) best = i;
  }
  return known[best];
}

}  // namespace trit
