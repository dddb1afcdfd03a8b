// A model as a GGUF file, with the tensor types asked for.
#ifndef TRIT_ENGINE_FORMATS_GGUF_MODEL_WRITER_H_
#define TRIT_ENGINE_FORMATS_GGUF_MODEL_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/model.h"
#include "engine/tensors/integer_tensor.h"
#include "engine/tensors/tensor_type.h"

namespace trit {

// The smallest type that keeps codes of the span in rows of `cols`, their scales as they are or
// rounded to f16; nothing if none does.
std::optional<TensorType> GgufCodeType(CodeSpan span, int64_t cols, const WeightScales& scales);

struct GgufModelOptions {
  // i2_s, tq1_0, tq2_0, q2_0, iq1_bn, iq2_bn; or f32, f16, bf16, q8_0, q6_k; for matrices of
  // integers q2_0, q4_0, q4_1, q8_0, which keep the integers and round scales to f16. Nothing: of
  // each matrix the smallest of those that have it exactly (trits: i2_s, else iq2_bn, tq2_0, q2_0).
  std::optional<TensorType> linear_type;
  // Embeddings and head: f32, f16, bf16, q8_0 or q6_k. Nothing: what they are held as.
  std::optional<TensorType> embedding_type = TensorType::kF32;
  // With no type: codes are written as such even where f16 has not their scales, which are rounded
  // then.
  bool round_scales = false;
  // Further metadata, such as where the model came from: string keys only.
  std::vector<std::pair<std::string, std::string>> provenance;
};

// Writes atomically. Never re-rounds silently: throws UsageError where a type cannot hold the
// weights as they are (row lengths, several scales in i2_s); scales that become f16 in tq1_0/tq2_0
// and embeddings in a smaller type are what the caller asked for.
void WriteGgufModel(const Model& model, const std::string& path, const GgufModelOptions& options);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_GGUF_MODEL_WRITER_H_
