#include "training/data/token_file.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/error.h"
#include "engine/files/input_file.h"
#include "engine/files/little_endian.h"
#include "engine/files/output_file.h"

namespace trit {
namespace {

constexpr uint64_t kHeaderBytes = 256 * sizeof(int32_t);

struct Format {
  int32_t magic;
  int32_t version;
  uint64_t id_bytes;
};
constexpr Format kNarrow{20240520, 1, 2};
constexpr Format kWide{20240801, 7, 4};

// Where the ids of a file lie.
struct Layout {
  uint64_t first_byte;
  uint64_t id_bytes;
  uint64_t count;
};

Layout ReadLayout(const InputFile& file) {
  uint8_t header[12] = {};
  file.ReadAt(0, header, static_cast<size_t>(std::min<uint64_t>(sizeof(header), file.size())));
  const int32_t magic = LoadLittleEndian<int32_t>(header);
  const int32_t version = LoadLittleEndian<int32_t>(header + 4);
  const int32_t count = LoadLittleEndian<int32_t>(header + 8);

  if (magic != kNarrow.magic && magic != kWide.magic) {
    if (file.size() % kNarrow.id_bytes != 0) {
      throw Error(ErrorInfo{.what = "not a whole number of uint16 token ids",
                            .file = file.path(),
                            .expected = "an even number of bytes",
                            .found = std::to_string(file.size())});
    }
    return {0, kNarrow.id_bytes, file.size() / kNarrow.id_bytes};
  }
  const Format& format = magic == kNarrow.magic ? kNarrow : kWide;
  if (file.size() < kHeaderBytes) {
    throw Error(ErrorInfo{.what = "token file ends within its header",
                          .file = file.path(),
                          .expected = std::to_string(kHeaderBytes) + " bytes",
                          .found = std::to_string(file.size())});
  }
  if (version != format.version) {
    throw Error(ErrorInfo{.what = "unknown version of a token file (offset 4)",
                          .file = file.path(),
                          .expected = std::to_string(format.version),
                          .found = std::to_string(version)});
  }
  const uint64_t bytes = file.size() - kHeaderBytes;
  if (count < 0 || static_cast<uint64_t>(count) * format.id_bytes != bytes) {
    throw Error(ErrorInfo{.what = "the header's number of token ids (offset 8) is not the file's",
                          .file = file.path(),
                          .expected = std::to_string(bytes) + " bytes of " +
                                      std::to_string(format.id_bytes) +
                                      "-byte ids after the header",
                          .found = std::to_string(count) + " ids",
                          .hint = "the file may be incomplete"});
  }
  return {kHeaderBytes, format.id_bytes, static_cast<uint64_t>(count)};
}

void CheckIds(const std::string& path, const Layout& layout, const TokenArray& tokens,
              int64_t first) {
  for (int64_t i = first; i < tokens.size(); ++i) {
    const int32_t id = tokens[i];
    if (id >= 0 && id < tokens.vocab_size()) continue;
    const uint64_t offset = layout.first_byte + static_cast<uint64_t>(i - first) * layout.id_bytes;
    throw Error(ErrorInfo{.what = "token id out of range at offset " + std::to_string(offset),
                          .file = path,
                          .expected = "ids below vocab_size " + std::to_string(tokens.vocab_size()),
                          .found = std::to_string(static_cast<uint32_t>(id)),
                          .hint = "the file was made with another tokenizer, or is no token file"});
  }
}

}  // namespace

bool IsTokenFile(const std::string& path) { return path.ends_with(".bin"); }

void ReadTokenFile(const std::string& path, TokenArray& tokens) {
  const InputFile file(path);
  const Layout layout = ReadLayout(file);
  const int64_t first = tokens.size();
  const uint64_t memory_bytes = tokens.narrow() ? sizeof(uint16_t) : sizeof(int32_t);
  if (layout.id_bytes == memory_bytes) {
    uint8_t* out = tokens.Extend(static_cast<int64_t>(layout.count));
    file.ReadAt(layout.first_byte, out, static_cast<size_t>(layout.count * layout.id_bytes));
    CheckIds(path, layout, tokens, first);
    return;
  }
  if (layout.id_bytes > memory_bytes) {
    throw Error(ErrorInfo{
        .what = "token ids of four bytes",
        .file = path,
        .expected = "ids of two bytes for a vocabulary of " + std::to_string(tokens.vocab_size()),
        .hint = "the file was made with another tokenizer"});
  }
  // Two-byte ids, all of which a wide vocabulary has.
  std::vector<uint16_t> ids(layout.count);
  file.ReadAt(layout.first_byte, ids.data(), ids.size() * sizeof(uint16_t));
  const std::vector<int32_t> wide(ids.begin(), ids.end());
  tokens.Append(wide);
}

void WriteTokenFile(const std::string& path, const TokenArray& tokens) {
  const Format& format = tokens.narrow() ? kNarrow : kWide;
  if (tokens.size() > INT32_MAX) {
    throw Error(ErrorInfo{.what = "too many tokens for one token file",
                          .file = path,
                          .expected = "at most " + std::to_string(INT32_MAX),
                          .found = std::to_string(tokens.size()),
                          .hint = "write several files"});
  }
  uint8_t header[kHeaderBytes] = {};
  StoreLittleEndian(format.magic, header);
  StoreLittleEndian(format.version, header + 4);
  StoreLittleEndian(static_cast<int32_t>(tokens.size()), header + 8);
  OutputFile file(path);
  file.Write(header, sizeof(header));
  file.Write(tokens.Bytes().data(), tokens.Bytes().size());
  file.Commit();
}

}  // namespace trit
