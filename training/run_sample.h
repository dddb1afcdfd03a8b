// A text written during training, as inference would write it.
#ifndef TRIT_TRAINING_RUN_SAMPLE_H_
#define TRIT_TRAINING_RUN_SAMPLE_H_

#include <cstdint>
#include <string>

#include "engine/model.h"

namespace trit {

// model.tokenizer is there. Goes on from the prompt, or from nothing (bos, else a line end) if it
// is empty. max_tokens and the prompt must fit into context_length. Valid UTF-8 if the prompt is.
std::string WriteSample(const Model& model, const std::string& prompt, int64_t context_length,
                        int64_t max_tokens, uint64_t seed);

// A line of samples.jsonl, without a line end: {"step":500,"prompt":"…","text":"…"}, the text being
// what came after the prompt.
std::string SampleToJson(int64_t step, const std::string& prompt, const std::string& text);

}  // namespace trit

#endif  // TRIT_TRAINING_RUN_SAMPLE_H_
