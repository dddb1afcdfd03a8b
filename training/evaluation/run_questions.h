// The questions a run is asked at its evaluations: config.evaluation's files, read once.
#ifndef TRIT_TRAINING_EVALUATION_RUN_QUESTIONS_H_
#define TRIT_TRAINING_EVALUATION_RUN_QUESTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/model.h"
#include "training/config/training_config.h"
#include "training/evaluation/exact_match.h"
#include "training/evaluation/multiple_choice.h"

namespace trit {

class RunQuestions {
 public:
  // Throws Error with the line if a file is not what it should be.
  explicit RunQuestions(const TrainingConfig& config);

  bool empty() const { return choices_.empty() && conversations_.empty(); }

  struct Score {
    std::optional<double> multiple_choice;  // share right, likelihood by byte; over all files
    std::optional<double> exact_match;      // share right; over all files
  };
  // model.tokenizer is there.
  Score Ask(const Model& model) const;

 private:
  std::string chat_template_;
  std::vector<MultipleChoiceItem> choices_;
  std::vector<ExactMatchItem> conversations_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_RUN_QUESTIONS_H_
