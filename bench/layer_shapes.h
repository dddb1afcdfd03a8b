// Layers of real models: what kernels are measured on.
#ifndef TRIT_BENCH_LAYER_SHAPES_H_
#define TRIT_BENCH_LAYER_SHAPES_H_

#include <cstdint>

namespace trit {

struct LayerShape {
  const char* name;
  int64_t rows, cols;  // out_features, in_features
};

// BitNet b1.58 2B-4T, each matrix of a layer once.
inline constexpr LayerShape kLayer2B[] = {
    {"2b_q", 2560, 2560},    {"2b_k", 640, 2560},   {"2b_v", 640, 2560},    {"2b_o", 2560, 2560},
    {"2b_gate", 6912, 2560}, {"2b_up", 6912, 2560}, {"2b_down", 2560, 6912}};

inline constexpr LayerShape kLayerShapes[] = {
    {"2b_qo", 2560, 2560},
    {"2b_kv", 640, 2560},
    {"2b_gate", 6912, 2560},
    {"2b_down", 2560, 6912},
    {"0.7b_qkvo", 1536, 1536},  // bitnet_b1_58-large
    {"0.7b_gate", 4096, 1536},
    {"0.7b_down", 1536, 4096},
    {"3b_qkvo", 3200, 3200},  // bitnet_b1_58-3B
    {"3b_gate", 8640, 3200},
    {"3b_down", 3200, 8640},
    {"8b_qo", 4096, 4096},  // Llama3-8B-1.58
    {"8b_kv", 1024, 4096},
    {"8b_gate", 14336, 4096},
    {"8b_down", 4096, 14336},
    {"falcon3_7b_qo", 3072, 3072},
    {"falcon3_7b_kv", 1024, 3072},
    {"falcon3_7b_gate", 23040, 3072},
    {"falcon3_7b_down", 3072, 23040},
    {"odd_down", 2048, 5460},  // divisible by neither 16 nor 256
};

}  // namespace trit

#endif  // TRIT_BENCH_LAYER_SHAPES_H_
