#include "engine/tensors/ternary_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "engine/error.h"
#include "engine/files/little_endian.h"
#include "engine/tensors/float_codec.h"
#include "engine/tensors/scale_grid.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kRowsPerTask = 16;

const TernaryCodec* ChooseCodec(const TensorTypeInfo& info, int64_t cols, I2sLayout layout) {
  if (info.type != TensorType::kI2_S || layout == I2sLayout::k128) return info.ternary_codec;
  const bool fits_128 = cols % kI2_SCodec.block_elements == 0;
  return layout == I2sLayout::kAuto && fits_128 ? &kI2_SCodec : &kI2_S64Codec;
}

}  // namespace

TernaryTensor::TernaryTensor(TensorView view, I2sLayout layout) : view_(std::move(view)) {
  RequireDecodable(view_.type, view_.origin);
  const TensorTypeInfo& info = InfoOf(view_.type);
  if (info.ternary_codec == nullptr) {
    throw Error(ErrorInfo{.what = "wrong tensor type",
                          .file = view_.origin.file,
                          .tensor = view_.origin.tensor,
                          .expected = "a ternary type",
                          .found = std::string(info.name)});
  }
  const int64_t dims[] = {view_.cols, view_.rows};
  TRIT_CHECK(TensorBytes(view_.type, dims) == view_.bytes.size());
  codec_ = ChooseCodec(info, view_.cols, layout);
  if (view_.cols % codec_->block_elements != 0) {
    throw Error(ErrorInfo{.what = fmt::format("row length does not fit {}", info.name),
                          .file = view_.origin.file,
                          .tensor = view_.origin.tensor,
                          .expected = fmt::format("a multiple of {}", codec_->block_elements),
                          .found = fmt::format("{}", view_.cols)});
  }
  num_blocks_ = view_.cols / codec_->block_elements;
  row_bytes_ = RowBytes(view_.type, view_.cols);
  row_header_bytes_ = info.row_header_bytes;
}

const uint8_t* TernaryTensor::Block(int64_t row, int64_t block) const {
  return view_.bytes.data() + static_cast<uint64_t>(row) * row_bytes_ + row_header_bytes_ +
         static_cast<uint64_t>(block * codec_->block_bytes);
}

float TernaryTensor::StoredScale(int64_t row, int64_t block) const {
  const uint8_t* place = nullptr;
  switch (codec_->scale_storage) {
    case ScaleStorage::kBlock:
      place = Block(row, block);
      break;
    case ScaleStorage::kRow:
      place = view_.bytes.data() + static_cast<uint64_t>(row) * row_bytes_;
      break;
    case ScaleStorage::kTensor:
      place = view_.bytes.data() + static_cast<uint64_t>(view_.rows) * row_bytes_;
      break;
  }
  place += codec_->scale_offset;
  return codec_->scale_type == TensorType::kF16 ? F16ToF32(LoadLittleEndian<uint16_t>(place))
                                                : LoadLittleEndian<float>(place);
}

TernaryTensor::Fault TernaryTensor::CheckBlock(int64_t row, int64_t block,
                                               bool* any_nonzero) const {
  int8_t trits[kMaxTernaryBlock];
  if (!codec_->decode(Block(row, block), trits)) return Fault::kCode;
  int8_t bits = 0;
  for (int64_t i = 0; i < codec_->block_elements; ++i) bits = static_cast<int8_t>(bits | trits[i]);
  *any_nonzero = bits != 0;
  const float scale = StoredScale(row, block);
  if (!(scale >= 0.0f && std::isfinite(scale))) return Fault::kScale;
  return scale == 0.0f && *any_nonzero ? Fault::kZeroScale : Fault::kNone;
}

void TernaryTensor::ThrowFirstFault(int64_t row) const {
  bool any_nonzero = false;
  int64_t block = 0;
  Fault fault = CheckBlock(row, block, &any_nonzero);
  while (fault == Fault::kNone) fault = CheckBlock(row, ++block, &any_nonzero);

  const int64_t first_col = block * codec_->block_elements;
  const std::string place = fmt::format("row {}, columns {} to {}", row, first_col,
                                        first_col + codec_->block_elements - 1);
  ErrorInfo info{.file = view_.origin.file, .tensor = view_.origin.tensor};
  if (fault == Fault::kCode) {
    info.what = "code that stands for no trit in " + place;
    info.hint = "the file is damaged or of another layout than its types say";
  } else {
    info.what = "bad scale in " + place;
    info.expected = fault == Fault::kScale ? "a finite number, 0 or more"
                                           : "more than 0, since not all weights are 0";
    info.found = fmt::format("{}", StoredScale(row, block));
  }
  throw Error(std::move(info));
}

WeightScales TernaryTensor::CheckAndReadScales() const {
  const bool scale_in_block = codec_->scale_storage == ScaleStorage::kBlock;
  // A scale for several blocks is checked with each, but matters if any of them has a trit.
  ScaleGrid scales(view_.rows, scale_in_block ? num_blocks_ : 1);
  std::atomic<int64_t> first_bad_row{view_.rows};
  ParallelForBlocks(view_.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      bool row_used = false;
      for (int64_t block = 0; block < num_blocks_; ++block) {
        bool any_nonzero = false;
        if (CheckBlock(row, block, &any_nonzero) != Fault::kNone) {
          int64_t seen = first_bad_row;
          while (row < seen && !first_bad_row.compare_exchange_weak(seen, row)) {
          }
          return;
        }
        row_used |= any_nonzero;
        if (scale_in_block) scales.Set(row, block, StoredScale(row, block), any_nonzero);
      }
      if (!scale_in_block) scales.Set(row, 0, StoredScale(row, 0), row_used);
    }
  });
  if (first_bad_row < view_.rows) ThrowFirstFault(first_bad_row);
  return scales.Simplify(view_.cols);
}

bool TernaryTensor::HoldsTritsAlone() const {
  std::atomic<bool> all_trits{true};
  ParallelForBlocks(view_.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    int8_t trits[kMaxTernaryBlock];
    for (int64_t row = begin; row < end && all_trits; ++row) {
      for (int64_t block = 0; block < num_blocks_; ++block) {
        if (!codec_->decode(Block(row, block), trits)) all_trits = false;
      }
    }
  });
  return all_trits;
}

void TernaryTensor::DecodeTrits(int64_t row, int8_t* trits) const {
  for (int64_t block = 0; block < num_blocks_; ++block) {
    codec_->decode(Block(row, block), trits + block * codec_->block_elements);
  }
}

TritCounts TernaryTensor::CountTrits() const {
  std::atomic<int64_t> minus{0}, zero{0};
  ParallelForBlocks(view_.rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    int8_t trits[kMaxTernaryBlock];
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t block = 0; block < num_blocks_; ++block) {
        codec_->decode(Block(row, block), trits);
        minus += std::count(trits, trits + codec_->block_elements, -1);
        zero += std::count(trits, trits + codec_->block_elements, 0);
      }
    }
  });
  return {.minus = minus, .zero = zero, .plus = view_.rows * view_.cols - minus - zero};
}

void TernaryTensor::DecodeFloats(int64_t row, float* values) const {
  int8_t trits[kMaxTernaryBlock];
  for (int64_t block = 0; block < num_blocks_; ++block) {
    codec_->decode(Block(row, block), trits);
    const float scale = StoredScale(row, block);
    for (int64_t i = 0; i < codec_->block_elements; ++i) {
      *values++ = scale * static_cast<float>(trits[i]);
    }
  }
}

}  // namespace trit
