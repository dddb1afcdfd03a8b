// What the demo's world knows, and how its people put their questions.
#ifndef TRIT_TOOLS_DEMO_WORLD_FACTS_H_
#define TRIT_TOOLS_DEMO_WORLD_FACTS_H_

#include <string>
#include <vector>

namespace trit::demo {

// {a} stands for the subject or the first of two, {b} for the second.
struct Wordings {
  std::vector<std::string> training;
  std::vector<std::string> test;
};

// Something that must be known.
struct KnownTopic {
  const Wordings* wordings;
  std::string subject;
  std::string answer;
};

const std::vector<KnownTopic>& Greetings();
const std::vector<KnownTopic>& Identity();
const std::vector<KnownTopic>& Capitals();
const std::vector<KnownTopic>& Colours();
const std::vector<KnownTopic>& Opposites();

const std::vector<std::string>& SumQuestions();
const std::vector<std::string>& DifferenceQuestions();
const std::vector<std::string>& CountQuestions();
const std::vector<std::string>& BackwardsQuestions();
const std::vector<std::string>& BiggerQuestions();
const std::vector<std::string>& SmallerQuestions();
const std::vector<std::string>& StoryQuestions();
const std::vector<std::string>& Words();  // of three to five letters

struct Animal {
  std::string name;
  std::string likes;  // "liked to sing"
};
struct Place {
  std::string name;
  std::string where;   // "in the forest"
  std::string event;   // a sentence
  std::string ending;  // what the animal did then, with a full stop
};
const std::vector<Animal>& Animals();
const std::vector<Place>& Places();

const std::vector<std::string>& PersonNames();
const std::vector<std::string>& NameStatements();
const std::vector<std::string>& NameQuestions();
struct FavouriteKind {
  std::string name;  // "animal"
  std::vector<std::string> things;
};
const std::vector<FavouriteKind>& FavouriteKinds();
const std::vector<std::string>& FavouriteQuestions();
const std::vector<std::string>& MoreQuestions();
const std::vector<std::string>& RepeatQuestions();

// What nobody in this world knows.
const std::vector<std::string>& UnknownQuestions();
const std::vector<std::string>& UnknownSubjects();

}  // namespace trit::demo

#endif  // TRIT_TOOLS_DEMO_WORLD_FACTS_H_
