// Questions with given answers: the one that the model finds likeliest counts. A line of a .jsonl
// file is a question:
//   {"context": "The sky is", "choices": [" blue.", " a fish."], "answer": 0}
// answer: the right choice's place, from 0, or its text. What stands before a choice is the
// context, to the letter: the blank between two words belongs to one of them.
#ifndef TRIT_TRAINING_EVALUATION_MULTIPLE_CHOICE_H_
#define TRIT_TRAINING_EVALUATION_MULTIPLE_CHOICE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/model.h"

namespace trit {

struct MultipleChoiceItem {
  std::string context;
  std::vector<std::string> choices;  // two or more, none empty
  size_t answer = 0;
};

// The first max_items of the file; 0: all. Throws Error with the line if one is not as above.
std::vector<MultipleChoiceItem> ReadMultipleChoice(const std::string& path, int64_t max_items);

struct MultipleChoiceScore {
  int64_t num_items = 0;
  int64_t right = 0;           // by the choice's log-likelihood
  int64_t right_per_byte = 0;  // by log-likelihood / bytes of the choice: length does not matter
};

// model.tokenizer is there. A context that is too long loses its beginning. `progress` gets the
// score so far after every question; may be empty. Throws Error if a choice alone does not fit into
// the model's context.
MultipleChoiceScore ScoreMultipleChoice(
    const Model& model, const std::vector<MultipleChoiceItem>& items,
    const std::function<void(const MultipleChoiceScore&)>& progress = {});

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_MULTIPLE_CHOICE_H_
