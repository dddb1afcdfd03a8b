#include "engine/tokenizers/sentencepiece_model.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/error.h"
#include "engine/files/little_endian.h"

namespace trit {
namespace {

// One field of a protocol buffer message.
struct Field {
  enum Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  uint32_t number;
  Wire wire;
  uint64_t value;          // kVarint, kFixed64, kFixed32
  std::string_view bytes;  // kBytes
};

// Walks over the fields of a message; every length is checked against what is left.
class MessageReader {
 public:
  // `whole` is the file, of which `message` is a part.
  MessageReader(std::string_view message, std::string_view whole, const std::string& file)
      : rest_(message), whole_(whole), file_(file) {}

  bool AtEnd() const { return rest_.empty(); }

  Field Next() {
    const uint64_t tag = Varint();
    Field field{static_cast<uint32_t>(tag >> 3), static_cast<Field::Wire>(tag & 7), 0, {}};
    if (tag >> 32 != 0 || field.number == 0) Fail("a field without a number");
    switch (field.wire) {
      case Field::kVarint:
        field.value = Varint();
        break;
      case Field::kFixed64:
        field.value = LoadLittleEndian<uint64_t>(Take(8));
        break;
      case Field::kFixed32:
        field.value = LoadLittleEndian<uint32_t>(Take(4));
        break;
      case Field::kBytes: {
        const uint64_t size = Varint();
        if (size > rest_.size()) Fail("a field ends past the end of what it is in");
        field.bytes = {reinterpret_cast<const char*>(Take(static_cast<size_t>(size))),
                       static_cast<size_t>(size)};
        break;
      }
      default:
        Fail("a field of an unknown kind");
    }
    return field;
  }

  // Readers of a field of the kind it must have.
  uint64_t Integer(const Field& field) const {
    Expect(field, Field::kVarint);
    return field.value;
  }
  int32_t Int32(const Field& field) const {
    return static_cast<int32_t>(static_cast<uint32_t>(Integer(field)));
  }
  bool Bool(const Field& field) const { return Integer(field) != 0; }
  float Float(const Field& field) const {
    Expect(field, Field::kFixed32);
    uint8_t bytes[4];
    StoreLittleEndian(static_cast<uint32_t>(field.value), bytes);
    return LoadLittleEndian<float>(bytes);
  }
  std::string_view Bytes(const Field& field) const {
    Expect(field, Field::kBytes);
    return field.bytes;
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw Error({.what = "not a SentencePiece model: " + what + ", at byte " +
                         std::to_string(rest_.data() - whole_.data()),
                 .file = file_});
  }
  void Expect(const Field& field, Field::Wire wire) const {
    if (field.wire != wire) {
      Fail("field " + std::to_string(field.number) + " is of the wrong kind");
    }
  }

  const uint8_t* Take(size_t size) {
    if (size > rest_.size()) Fail("it ends inside a field");
    const auto* bytes = reinterpret_cast<const uint8_t*>(rest_.data());
    rest_.remove_prefix(size);
    return bytes;
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = *Take(1);
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    Fail("a number of more than 64 bits");
  }

  std::string_view rest_;
  std::string_view whole_;
  const std::string& file_;
};

// Which piece begins, ends and pads a text. The values are those of a model that does not say.
struct TrainerSpec {
  int64_t model_type = 1;
  bool treat_whitespace_as_suffix = false;
  int32_t bos = 1, eos = 2, padding = -1;  // ids; -1: none
};

TrainerSpec ParseTrainerSpec(MessageReader reader) {
  TrainerSpec spec;
  while (!reader.AtEnd()) {
    const Field field = reader.Next();
    switch (field.number) {
      case 3:
        spec.model_type = reader.Int32(field);
        break;
      case 24:
        spec.treat_whitespace_as_suffix = reader.Bool(field);
        break;
      case 41:
        spec.bos = reader.Int32(field);
        break;
      case 42:
        spec.eos = reader.Int32(field);
        break;
      case 43:
        spec.padding = reader.Int32(field);
        break;
      default:
        break;
    }
  }
  return spec;
}

struct NormalizerSpec {
  std::string name;
  bool has_rules = false;  // a table of replacements
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

NormalizerSpec ParseNormalizerSpec(MessageReader reader) {
  NormalizerSpec spec;
  while (!reader.AtEnd()) {
    const Field field = reader.Next();
    switch (field.number) {
      case 1:
        spec.name = std::string(reader.Bytes(field));
        break;
      case 2:
        spec.has_rules = !reader.Bytes(field).empty();
        break;
      case 3:
        spec.add_dummy_prefix = reader.Bool(field);
        break;
      case 4:
        spec.remove_extra_whitespaces = reader.Bool(field);
        break;
      case 5:
        spec.escape_whitespaces = reader.Bool(field);
        break;
      default:
        break;
    }
  }
  return spec;
}

void ParsePiece(MessageReader reader, TokenizerData& data) {
  std::string piece;
  float score = 0;
  int32_t type = static_cast<int32_t>(TokenType::kNormal);
  while (!reader.AtEnd()) {
    const Field field = reader.Next();
    if (field.number == 1) piece = std::string(reader.Bytes(field));
    if (field.number == 2) score = reader.Float(field);
    if (field.number == 3) type = reader.Int32(field);
  }
  data.tokens.push_back(std::move(piece));
  data.scores.push_back(score);
  data.types.push_back(static_cast<TokenType>(type));  // MakeTokenizer checks the range
}

[[noreturn]] void Refuse(const std::string& file, const char* key, const char* expected,
                         const std::string& found) {
  throw Error({.what = "a SentencePiece model that cannot be run exactly",
               .file = file,
               .key = key,
               .expected = expected,
               .found = found});
}

void CheckTrainerSpec(const TrainerSpec& spec, const std::string& file) {
  constexpr int64_t kBpe = 2;
  if (spec.model_type != kBpe) {
    constexpr const char* kNames[] = {"unigram", "bpe", "word", "char"};
    const bool known = spec.model_type >= 1 && spec.model_type <= 4;
    Refuse(file, "model_type", "bpe",
           known ? kNames[spec.model_type - 1] : std::to_string(spec.model_type));
  }
  if (spec.treat_whitespace_as_suffix) {
    Refuse(file, "treat_whitespace_as_suffix", "false", "true");
  }
}

void CheckNormalizerSpec(const NormalizerSpec& spec, const std::string& file) {
  if (spec.has_rules) Refuse(file, "normalizer", "identity", '"' + spec.name.substr(0, 60) + '"');
  if (spec.remove_extra_whitespaces) Refuse(file, "remove_extra_whitespaces", "false", "true");
  if (!spec.escape_whitespaces) Refuse(file, "escape_whitespaces", "true", "false");
}

}  // namespace

TokenizerData ParseSentencePieceModel(std::string_view serialized, const std::string& file) {
  TokenizerData data;
  data.model = "llama";
  TrainerSpec trainer;
  NormalizerSpec normalizer;
  MessageReader reader(serialized, serialized, file);
  while (!reader.AtEnd()) {
    const Field field = reader.Next();
    const auto message = [&] { return MessageReader(reader.Bytes(field), serialized, file); };
    switch (field.number) {
      case 1:
        ParsePiece(message(), data);
        break;
      case 2:
        trainer = ParseTrainerSpec(message());
        break;
      case 3:
        normalizer = ParseNormalizerSpec(message());
        break;
      default:
        break;
    }
  }
  CheckTrainerSpec(trainer, file);
  CheckNormalizerSpec(normalizer, file);
  data.add_space_prefix = normalizer.add_dummy_prefix;
  data.bos = trainer.bos;
  data.eos = trainer.eos;
  data.padding = trainer.padding;
  for (size_t i = 0; i < data.types.size(); ++i) {
    if (data.types[i] == TokenType::kUnknown) data.unknown = static_cast<int32_t>(i);
  }
  if (!data.unknown) Refuse(file, "pieces", "an unknown piece", "none");
  return data;
}

namespace {

// Appends fields of a protocol buffer message.
class MessageWriter {
 public:
  void Integer(uint32_t field, int64_t value) {
    Varint(field << 3 | Field::kVarint);
    Varint(static_cast<uint64_t>(value));  // a negative int32 takes ten bytes
  }
  void Float(uint32_t field, float value) {
    Varint(field << 3 | Field::kFixed32);
    uint8_t bytes[4];
    StoreLittleEndian(value, bytes);
    bytes_.append(reinterpret_cast<const char*>(bytes), sizeof(bytes));
  }
  void Bytes(uint32_t field, std::string_view value) {
    Varint(field << 3 | Field::kBytes);
    Varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(0x80 | (value & 0x7F));
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace

std::string SerializeSentencePieceModel(const TokenizerData& data) {
  MessageWriter model;
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    MessageWriter piece;
    piece.Bytes(1, data.tokens[i]);
    piece.Float(2, data.scores[i]);
    piece.Integer(3, static_cast<int64_t>(data.types[i]));
    model.Bytes(1, piece.bytes());
  }
  MessageWriter trainer;
  trainer.Integer(3, 2);  // BPE
  trainer.Integer(4, static_cast<int64_t>(data.tokens.size()));
  trainer.Integer(35, 1);  // bytes for what has no piece
  trainer.Integer(40, data.unknown.value_or(-1));
  trainer.Integer(41, data.bos.value_or(-1));
  trainer.Integer(42, data.eos.value_or(-1));
  trainer.Integer(43, data.padding.value_or(-1));
  MessageWriter normalizer;
  normalizer.Bytes(1, "identity");
  normalizer.Integer(3, data.add_space_prefix.value_or(true) ? 1 : 0);
  normalizer.Integer(4, 0);  // spaces stay as they are
  normalizer.Integer(5, 1);  // written as U+2581
  model.Bytes(2, trainer.bytes());
  model.Bytes(3, normalizer.bytes());
  return model.bytes();
}

}  // namespace trit
