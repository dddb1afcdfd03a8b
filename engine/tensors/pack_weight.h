// Makes a weight of a model from a tensor of a file: the one place where loaders of all formats
// check what a tensor holds and pack it.
#ifndef TRIT_ENGINE_TENSORS_PACK_WEIGHT_H_
#define TRIT_ENGINE_TENSORS_PACK_WEIGHT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/model.h"
#include "engine/tensors/tensor_type.h"
#include "engine/tensors/ternary_codec.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/packed_matrix.h"

namespace trit {

// A tensor that has not been read yet.
struct StoredTensor {
  TensorOrigin origin;
  TensorType type = TensorType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  // Reads all its bytes: TensorBytes of {cols, rows}.
  std::function<void(std::span<uint8_t> bytes)> read;
};

struct PackOptions {
  I2sLayout i2s_layout = I2sLayout::kAuto;
  // What projections were trained to see as their input: those of ternary types (and latent ones),
  // and those of the others, even if all their values are -s, 0 and s.
  ActivationQuantizer ternary_activations = ActivationQuantizer::kInt8PerToken;
  ActivationQuantizer dense_activations = ActivationQuantizer::kNone;
  // Block types of integers (integer_tensor.h) hold the integers a model was trained with, which
  // int8 activations are multiplied with; else their values are numbers like any.
  bool integers = false;
  // Projections are latent weights, which the model rounds to trits (ternarize.h).
  bool latent = false;
};

// The format that holds a tensor's rows byte for byte, if there is one.
std::optional<WeightFormat> DenseFormatOf(TensorType type);

// Projections become trits if their type, their values or the options say so, else keep their
// values exactly. Of wider types, values stay as stored, except that q4_0 and q2_0 become q8_0,
// which holds the same. Throws Error naming file and tensor if a type cannot be here, a value is
// not finite, or a code or scale is none.
void PackWeight(const WeightInfo& info, const StoredTensor& tensor, const PackOptions& options,
                ModelWeight& weight);

// A projection of trits (checked) that the caller decodes.
void PackTrits(int64_t rows, int64_t cols, WeightScales scales, const CodeSource& trits,
               ActivationQuantizer activations, ModelWeight& weight);

}  // namespace trit

#endif  // TRIT_ENGINE_TENSORS_PACK_WEIGHT_H_
