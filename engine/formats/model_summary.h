// A model in a few numbers.
#ifndef TRIT_ENGINE_FORMATS_MODEL_SUMMARY_H_
#define TRIT_ENGINE_FORMATS_MODEL_SUMMARY_H_

#include <cstdint>
#include <string>

#include "engine/model.h"

namespace trit {

// Bytes of a weight in memory, its scales included.
int64_t WeightBytes(const ModelWeight& weight);
// Of all weights.
int64_t WeightBytes(const Model& model);

// Bytes read to generate one token: every weight once, but of the embeddings only one row where
// they are not the head too.
int64_t WeightBytesPerToken(const Model& model);
// Bytes of keys and values that a position takes in the cache, and that every later token reads.
int64_t CacheBytesPerPosition(const ModelConfig& config);

// "BitNet b1.58 2B4T: 2.41 B parameters, 30 layers of 2560, 128256 tokens, context 4096"
std::string DescribeModel(const Model& model);

// 2412820480 -> "2.41 B"
std::string ShortCount(int64_t count);

}  // namespace trit

#endif  // TRIT_ENGINE_FORMATS_MODEL_SUMMARY_H_
