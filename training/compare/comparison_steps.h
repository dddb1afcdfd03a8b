// Names and fingerprints of a comparison's steps: what their records are found by.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_STEPS_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_STEPS_H_

#include <cstddef>
#include <string>

#include "engine/tensors/tensor_type.h"
#include "training/compare/comparison_plan.h"

namespace trit {

std::string RecordsDirectory(const std::string& directory);
std::string TrainStepName(const PlannedRun& run);
std::string MeasureStepName(const PlannedModel& model);

// Whether every run would train a tokenizer of its own.
bool TrainsTokenizer(const TrainingConfig& config);

// Of what all steps read: the user's tokenizer, initial weights and conversation format, and the
// data, by its files' names and sizes.
std::string InputsFingerprint(const TrainingConfig& config);
// Of all else that a step's result follows from, but not of where the comparison lies.
std::string RunFingerprint(const ComparisonPlan& plan, size_t run);
std::string ModelFingerprint(const ComparisonPlan& plan, size_t model, TensorType embeddings);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_STEPS_H_
