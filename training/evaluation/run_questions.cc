#include "training/evaluation/run_questions.h"

#include <utility>

#include "engine/chat/chat_template.h"

namespace trit {
namespace {

double Share(int64_t right, int64_t all) {
  return static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace

RunQuestions::RunQuestions(const TrainingConfig& config)
    : chat_template_(config.data.chat_template) {
  const int64_t max_items = config.evaluation.max_items;
  for (const std::string& path : config.evaluation.multiple_choice) {
    for (MultipleChoiceItem& item : ReadMultipleChoice(path, max_items)) {
      choices_.push_back(std::move(item));
    }
  }
  for (const std::string& path : config.evaluation.exact_match) {
    for (ExactMatchItem& item : ReadExactMatch(path, max_items)) {
      conversations_.push_back(std::move(item));
    }
  }
}

RunQuestions::Score RunQuestions::Ask(const Model& model) const {
  Score score;
  if (!choices_.empty()) {
    const MultipleChoiceScore result = ScoreMultipleChoice(model, choices_);
    score.multiple_choice = Share(result.right_per_byte, result.num_items);
  }
  if (!conversations_.empty()) {
    const ExactMatchScore result =
        ScoreExactMatch(model, ChatTemplate::Named(chat_template_), conversations_);
    score.exact_match = Share(result.right, result.num_items);
  }
  return score;
}

}  // namespace trit
