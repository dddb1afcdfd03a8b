// A model as a Hugging Face directory: config.json, model.safetensors, and the tokenizer's files.
#ifndef TRIT_ENGINE_FORMATS_HF_MODEL_WRITER_H_
#define TRIT_ENGINE_FORMATS_HF_MODEL_WRITER_H_

#include <string>

#include "engine/model.h"

namespace trit {

// Nothing is rounded. Matrices of trits whose inputs are int8 are packed (uint8, with weight_scale
// in f32: quantization "bitnet", autobitlinear, offline); all others are F32, F16 or BF16,
// whichever they are held in or has every value. So integers whose inputs are floats become the
// weights they stand for: F32 has the product of a code and a scale exactly where the scale is of
// f16, as in files, else to its last bit. The directory is made if it is not there; each
// file is written atomically. Throws UsageError if the layout cannot say what the model computes:
// trits with several scales a matrix, integers or dense weights, where inputs are int8; rotary
// frequency factors.
void WriteHfModel(const Model& model, const std::string& directory);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_HF_MODEL_WRITER_H_
