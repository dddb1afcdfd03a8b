// Writes the dialogues that the demo trains on: a small world of greetings, sums, capitals,
// colours, opposites, counting, spelling, comparing, stories, questions about what was said before,
// and questions from outside, to which the answer is that it is not known.
//
// What a test asks was not in training. Where an answer follows from the question, the facts
// differ: the pair of numbers, the word, the animal in that place. Where it must be known
// (capitals, colours, opposites, who the assistant is), the wording differs, and the turns before
// it. Some questions are typed in a hurry: small letters, no mark at the end.
#ifndef TRIT_TOOLS_DEMO_WORLD_DIALOGUES_H_
#define TRIT_TOOLS_DEMO_WORLD_DIALOGUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "training/random.h"

namespace trit::demo {

// One question and its answer. A follow-up needs what was said before it: `before` comes first,
// just before it or, if it `may_wait`, some exchanges earlier.
struct Exchange {
  std::string category;
  std::string question;
  std::string answer;
  std::vector<Exchange> before = {};  // at most one
  bool may_wait = false;
};

struct Dialogue {
  std::string category;  // of the last exchange
  std::vector<Exchange> exchanges;
};

// Names of all categories; the story category's answers are judged by a rule, not letter by letter.
const std::vector<std::string>& Categories();
inline constexpr const char* kStoryCategory = "story";

// Draws dialogues; the same seed gives the same ones.
class DialogueWriter {
 public:
  explicit DialogueWriter(uint64_t seed) : random_(seed, 0) {}

  // Two to twelve exchanges of any categories, with facts and wordings of the training part.
  Dialogue TrainingDialogue();
  // An exchange of the test part, after none to four of the training part.
  Dialogue TestDialogue(const std::string& category);

 private:
  enum class Part { kTraining, kTest };
  Exchange Draw(const std::string& category, Part part);
  Exchange DrawExact(const std::string& category, Part part);
  // Between what a question is about and the question there may be other exchanges.
  void Append(const Exchange& exchange, Dialogue& dialogue);

  Exchange Sum(Part part);
  Exchange Difference(Part part);
  Exchange Count(Part part);
  Exchange Backwards(Part part);
  Exchange Compare(Part part);
  Exchange Story(Part part);
  Exchange FollowUp(Part part);
  Exchange Unknown(Part part);

  // In capitals, so that a tokenizer leaves its letters apart.
  std::string Word();
  int64_t Between(int64_t low, int64_t high);
  template <typename T>
  const T& Pick(const std::vector<T>& all) {
    return all[static_cast<size_t>(Between(0, static_cast<int64_t>(all.size()) - 1))];
  }

  CounterRandom random_;
  uint64_t draws_ = 0;
};

// Whether a told story is one, for this question: it begins with "Once upon a time", names the
// animal at least twice and the place, has three sentences at least, and ends with "The end."
bool IsStoryFor(const std::string& expected, const std::string& told);

}  // namespace trit::demo

#endif  // TRIT_TOOLS_DEMO_WORLD_DIALOGUES_H_
