// A model ready to run: config, packed weights, tokenizer. Immutable once made; executors share it.
#ifndef TRIT_ENGINE_MODEL_H_
#define TRIT_ENGINE_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model_config.h"
#include "engine/tokenizers/tokenizer.h"
#include "engine/weight_table.h"
#include "ternary_kernels/aligned_buffer.h"
#include "ternary_kernels/packed_matrix.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {

// One weight as inference holds it: a matrix, or a norm's vector.
struct ModelWeight {
  PackedMatrix matrix;          // kLinear, kEmbedding, kHead
  AlignedBuffer<float> vector;  // kNorm: (cols)
  // What the matrix was trained to see as its input.
  ActivationQuantizer activation_quantizer = ActivationQuantizer::kNone;
  float activation_scale = 0;  // kInt8Static's a (StaticActivationScale); a matrix of its own each

  ActivationScheme activations() const { return {activation_quantizer, activation_scale}; }
};

struct Model {
  explicit Model(const ModelConfig& model_config) : config(model_config), table(model_config) {
    weights.resize(table.size());
  }

  ModelConfig config;
  WeightTable table;
  std::vector<ModelWeight> weights;            // by WeightId
  std::shared_ptr<const Tokenizer> tokenizer;  // null if the file has none
  std::string chat_template;                   // as the file has it; empty if none
  std::string name;                            // general.name or the directory's
};

}  // namespace trit

#endif  // TRIT_ENGINE_MODEL_H_
