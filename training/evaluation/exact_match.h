// Conversations that a model has to continue as written: its answer, without temperature, must be
// the assistant's last message to the letter, but for blanks around it. A line of a .jsonl file is
// a conversation (chat_record.h); what follows that message in it is passed over.
#ifndef TRIT_TRAINING_EVALUATION_EXACT_MATCH_H_
#define TRIT_TRAINING_EVALUATION_EXACT_MATCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/model.h"

namespace trit {

struct ExactMatchItem {
  std::vector<ChatMessage> messages;  // before the answer
  std::string answer;
};

// The first max_items of the file; 0: all. Throws Error with the line if one is not as above.
std::vector<ExactMatchItem> ReadExactMatch(const std::string& path, int64_t max_items);

struct ExactMatchScore {
  int64_t num_items = 0;
  int64_t right = 0;
  int64_t unanswered = 0;  // not right: the question does not fit into the context
};

// model.tokenizer is there. `progress` gets the score so far after every conversation; may be
// empty.
ExactMatchScore ScoreExactMatch(const Model& model, const ChatTemplate& chat_template,
                                const std::vector<ExactMatchItem>& items,
                                const std::function<void(const ExactMatchScore&)>& progress = {});

}  // namespace trit

#endif  // TRIT_TRAINING_EVALUATION_EXACT_MATCH_H_
