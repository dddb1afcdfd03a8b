// Makes a GGUF model of a given shape with random weights, for measuring: what a model of that size
// costs does not depend on what it has learned.
//
//   make_model 2b model.gguf [i2_s|tq1_0|tq2_0] [f32|f16|q8_0] [vocab_size]
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "engine/error.h"
#include "engine/formats/gguf_model_writer.h"
#include "engine/model.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/pack_matrix.h"
#include "ternary_kernels/parallel_for.h"
#include "training/config/model_presets.h"
#include "training/random.h"

namespace trit {
namespace {

constexpr int64_t kDefaultVocab = 128256;
constexpr float kScale = 0.02f;

PackedMatrix RandomTernary(const WeightInfo& info) {
  WeightScales scales;
  scales.values = AlignedBuffer<float>(1);
  scales.values[0] = kScale;
  const CounterRandom random(1, static_cast<uint64_t>(info.id));
  const WeightFormat format = PreferredTernaryFormat(info.rows, scales);
  return PackCodes(format, info.rows, info.cols, std::move(scales),
                   [&](int64_t row, int8_t* trits) {
                     for (int64_t c = 0; c < info.cols; ++c) {
                       const uint64_t index = static_cast<uint64_t>(row * info.cols + c);
                       trits[c] = static_cast<int8_t>(static_cast<int>(random.Below(index, 3)) - 1);
                     }
                   });
}

// As f16 in memory: half of f32's.
PackedMatrix RandomDense(const WeightInfo& info) {
  PackedMatrix matrix = AllocateDense(WeightFormat::kF16, info.rows, info.cols);
  const CounterRandom random(2, static_cast<uint64_t>(info.id));
  uint16_t* bits = reinterpret_cast<uint16_t*>(matrix.data.data());
  ParallelFor(info.rows, [&](int64_t row) {
    for (int64_t c = 0; c < info.cols; ++c) {
      const uint64_t draw = random.Bits(static_cast<uint64_t>(row * info.cols + c));
      // Sign, an exponent of 2^-6 or 2^-5, and a mantissa.
      bits[row * info.cols + c] =
          static_cast<uint16_t>((draw & 0x83ff) | (uint64_t{9} + (draw >> 32 & 1)) << 10);
    }
  });
  return matrix;
}

Model RandomModel(const std::string& preset, int64_t vocab_size) {
  ModelConfig config;
  if (!ApplyModelPreset(preset, config)) {
    throw UsageError(ErrorInfo{.what = "no such preset", .found = preset});
  }
  config.vocab_size = vocab_size;
  config.max_position_embeddings = 4096;
  config.rope_theta = 500000;
  Model model(config);
  model.name = "random " + preset;
  for (const WeightInfo& info : model.table.weights()) {
    ModelWeight& weight = model.weights[static_cast<size_t>(info.id)];
    if (info.IsVector()) {
      weight.vector = AlignedBuffer<float>(static_cast<size_t>(info.cols));
      std::fill(weight.vector.begin(), weight.vector.end(), 1.0f);
    } else if (info.kind == WeightKind::kLinear) {
      weight.matrix = RandomTernary(info);
      weight.activation_quantizer = ActivationQuantizer::kInt8PerToken;
    } else {
      weight.matrix = RandomDense(info);
    }
  }
  return model;
}

TensorType TypeNamed(const std::string& name) {
  const TensorTypeInfo* info = FindTensorType(name);
  if (info == nullptr) throw UsageError(ErrorInfo{.what = "no such tensor type", .found = name});
  return info->type;
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: make_model PRESET OUT.gguf [i2_s] [f16] [vocab_size]\n");
    return 2;
  }
  try {
    const int64_t vocab_size = argc > 5 ? std::atoll(argv[5]) : trit::kDefaultVocab;
    trit::WriteGgufModel(trit::RandomModel(argv[1], vocab_size), argv[2],
                         {.linear_type = trit::TypeNamed(argc > 3 ? argv[3] : "i2_s"),
                          .embedding_type = trit::TypeNamed(argc > 4 ? argv[4] : "f16"),
                          .provenance = {}});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_model: %s\n", error.what());
    return 1;
  }
  return 0;
}
