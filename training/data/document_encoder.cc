#include "training/data/document_encoder.h"

#include <algorithm>
#include <utility>

#include "ternary_kernels/parallel_for.h"
#include "training/data/parallel_map.h"

namespace trit {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kBytesPerThread = size_t{4} << 20;  // gathered before they are encoded
constexpr size_t kMaxPieces = 65536;

}  // namespace

size_t PieceLength(std::string_view text) {
  if (text.size() <= kPieceBytes) return text.size();
  const size_t line_end = text.rfind('\n', kPieceBytes - 1);
  if (line_end != std::string_view::npos) return line_end + 1;
  size_t length = kPieceBytes;
  const auto continues = [&](size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  // A character has at most four bytes; more of the kind is no UTF-8.
  for (int back = 0; back < 3 && continues(length); ++back) --length;
  return continues(length) ? kPieceBytes : length;
}

DocumentEncoder::DocumentEncoder(const Tokenizer& tokenizer,
                                 std::function<void(std::vector<int32_t>)> sink)
    : tokenizer_(tokenizer), sink_(std::move(sink)) {}

void DocumentEncoder::Add(std::string_view document) {
  bool begins = true;
  do {
    const size_t length = PieceLength(document);
    pieces_.push_back({std::string(document.substr(0, length)), begins, length == document.size()});
    begins = false;
    document.remove_prefix(length);
    bytes_ += length;
    if (bytes_ >= kBytesPerThread * static_cast<size_t>(NumThreads()) ||
        pieces_.size() >= kMaxPieces) {
      Flush();
    }
  } while (!document.empty());
}

std::vector<int32_t> DocumentEncoder::Encode(const Piece& piece) const {
  const SpecialTokens& special = tokenizer_.special();
  std::vector<int32_t> ids = tokenizer_.Encode(piece.text, /*parse_special=*/false);
  if (piece.begins && special.add_bos && special.bos >= 0) ids.insert(ids.begin(), special.bos);
  if (piece.ends && special.eos >= 0) ids.push_back(special.eos);
  return ids;
}

void DocumentEncoder::Flush() {
  std::vector<Piece> pieces = std::exchange(pieces_, {});
  bytes_ = 0;
  for (std::vector<int32_t>& ids : ParallelMap<std::vector<int32_t>>(
           pieces, [this](const Piece& piece) { return Encode(piece); })) {
    sink_(std::move(ids));
  }
}

}  // namespace trit
