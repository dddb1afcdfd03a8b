#include "tools/demo_world/dialogues.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <utility>

#include "tools/demo_world/facts.h"

namespace trit::demo {
namespace {

// One in six facts belongs to the test, by the fact alone.
bool IsTestFact(const std::string& fact) {
  uint64_t hash = 1469598103934665603u;  // FNV-1a
  for (const char c : fact) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return (hash >> 17) % 6 == 0;
}

std::string Replace(std::string text, const std::string& mark, const std::string& value) {
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    text.replace(at, mark.size(), value);
    at += value.size();
  }
  return text;
}

std::string Fill(const std::string& text, const std::string& a, const std::string& b = "") {
  return Replace(Replace(text, "{a}", a), "{b}", b);
}

// "fox" -> "a fox", "owl" -> "an owl"
std::string WithArticle(const std::string& noun) {
  return (std::string("aeiou").find(noun[0]) != std::string::npos ? "an " : "a ") + noun;
}

// How often training asks a category: what must be worked out needs more examples than what must be
// known, and a story is seven times as long as any other answer.
int64_t TrainingShare(const std::string& category) {
  static const std::map<std::string, int64_t> shares = {
      {"greeting", 1},  {"identity", 2},     {"capital", 3}, {"colour", 3},     {"opposite", 3},
      {"counting", 6},  {kStoryCategory, 2}, {"sum", 7},     {"difference", 9}, {"spelling", 6},
      {"comparing", 9}, {"follow_up", 12},   {"unknown", 4}};
  return shares.at(category);
}

// Every category as often as its share.
const std::vector<std::string>& TrainingCategories() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> repeated;
    for (const std::string& category : Categories()) {
      repeated.insert(repeated.end(), static_cast<size_t>(TrainingShare(category)), category);
    }
    return repeated;
  }();
  return all;
}

// "What is 3 plus 4?" -> "what is 3 plus 4"
std::string InAHurry(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text.ends_with('?') || text.ends_with('.') || text.ends_with('!')) text.pop_back();
  return text;
}

int64_t CountOf(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

const std::vector<std::string>& Categories() {
  static const std::vector<std::string> all = {
      "greeting", "identity", "sum",       "difference",   "capital",   "colour", "opposite",
      "counting", "spelling", "comparing", kStoryCategory, "follow_up", "unknown"};
  return all;
}

int64_t DialogueWriter::Between(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random_.Below(draws_++, static_cast<uint64_t>(high - low + 1)));
}

Exchange DialogueWriter::Sum(Part part) {
  while (true) {
    const int64_t x = Between(0, 90);
    const int64_t y = Between(0, 9);
    const bool swapped = Between(0, 1) == 1;
    const std::string a = std::to_string(swapped ? y : x);
    const std::string b = std::to_string(swapped ? x : y);
    if (IsTestFact("sum " + a + " " + b) != (part == Part::kTest)) continue;
    return {"sum", Fill(Pick(SumQuestions()), a, b),
            a + " plus " + b + " is " + std::to_string(x + y) + "."};
  }
}

Exchange DialogueWriter::Difference(Part part) {
  while (true) {
    const int64_t x = Between(0, 99);
    const int64_t y = Between(0, std::min<int64_t>(x, 9));
    const std::string a = std::to_string(x);
    const std::string b = std::to_string(y);
    if (IsTestFact("difference " + a + " " + b) != (part == Part::kTest)) continue;
    return {"difference", Fill(Pick(DifferenceQuestions()), a, b),
            a + " minus " + b + " is " + std::to_string(x - y) + "."};
  }
}

Exchange DialogueWriter::Count(Part part) {
  while (true) {
    const int64_t first = Between(1, 90);
    const int64_t last = first + Between(2, 8);
    const std::string a = std::to_string(first);
    const std::string b = std::to_string(last);
    if (IsTestFact("count " + a + " " + b) != (part == Part::kTest)) continue;
    std::string answer;
    for (int64_t i = first; i <= last; ++i) answer += (i > first ? ", " : "") + std::to_string(i);
    return {"counting", Fill(Pick(CountQuestions()), a, b), answer + "."};
  }
}

std::string DialogueWriter::Word() {
  std::string word;
  if (Between(0, 3) == 0) {
    word = Pick(Words());
  } else {  // one that could be
    const std::string consonants = "bcdfghjklmnprstvwz";
    const std::string vowels = "aeiou";
    bool vowel = Between(0, 3) == 0;
    for (int64_t length = Between(3, 5); length > 0; --length) {
      const std::string& letters = vowel ? vowels : consonants;
      word += letters[static_cast<size_t>(Between(0, static_cast<int64_t>(letters.size()) - 1))];
      vowel = !vowel;
    }
  }
  for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return word;
}

Exchange DialogueWriter::Backwards(Part part) {
  while (true) {
    const std::string word = Word();
    if (IsTestFact("word " + word) != (part == Part::kTest)) continue;
    return {"spelling", Fill(Pick(BackwardsQuestions()), word),
            word + " backwards is " + std::string(word.rbegin(), word.rend()) + "."};
  }
}

Exchange DialogueWriter::Compare(Part part) {
  while (true) {
    const int64_t x = Between(0, 99);
    const int64_t y = Between(0, 99);
    const std::string a = std::to_string(x);
    const std::string b = std::to_string(y);
    if (x == y || IsTestFact("compare " + a + " " + b) != (part == Part::kTest)) continue;
    const bool bigger = Between(0, 1) == 1;
    const std::string& left = (x > y) == bigger ? a : b;
    const std::string& right = (x > y) == bigger ? b : a;
    return {"comparing", Fill(Pick(bigger ? BiggerQuestions() : SmallerQuestions()), a, b),
            left + (bigger ? " is bigger than " : " is smaller than ") + right + "."};
  }
}

Exchange DialogueWriter::Story(Part part) {
  while (true) {
    const Animal& animal = Pick(Animals());
    const Place& place = Pick(Places());
    if (IsTestFact("story " + animal.name + " " + place.name) != (part == Part::kTest)) continue;
    const std::string question =
        Fill(Pick(StoryQuestions()), WithArticle(animal.name), place.where);
    const std::string answer = "Once upon a time there was " + WithArticle(animal.name) + " " +
                               place.where + ". The " + animal.name + " " + animal.likes + ". " +
                               place.event + " The " + animal.name + " " + place.ending +
                               " The end.";
    return {kStoryCategory, question, answer};
  }
}

Exchange DialogueWriter::FollowUp(Part part) {
  switch (Between(0, 3)) {
    case 0:
      while (true) {
        const std::string& name = Pick(PersonNames());
        if (IsTestFact("name " + name) != (part == Part::kTest)) continue;
        return {
            "follow_up",
            Pick(NameQuestions()),
            "Your name is " + name + ".",
            {{"follow_up", Fill(Pick(NameStatements()), name), "Nice to meet you, " + name + "!"}},
            true};
      }
    case 1:
      while (true) {
        const FavouriteKind& favourite = Pick(FavouriteKinds());
        const std::string& kind = favourite.name;
        const std::string& thing = Pick(favourite.things);
        if (IsTestFact("favourite " + kind + " " + thing) != (part == Part::kTest)) continue;
        return {"follow_up",
                Fill(Pick(FavouriteQuestions()), kind),
                "Your favourite " + kind + " is " + thing + ".",
                {{"follow_up", "My favourite " + kind + " is " + thing + ".",
                  "I will remember that your favourite " + kind + " is " + thing + "."}},
                true};
      }
    case 2:
      while (true) {
        const Exchange sum = Sum(Part::kTraining);
        const size_t number = sum.answer.rfind(' ') + 1;
        const std::string result = sum.answer.substr(number, sum.answer.size() - number - 1);
        const std::string more = std::to_string(Between(1, 5));
        if (IsTestFact("more " + result + " " + more) != (part == Part::kTest)) continue;
        return {"follow_up",
                Fill(Pick(MoreQuestions()), more),
                result + " plus " + more + " is " +
                    std::to_string(std::stoi(result) + std::stoi(more)) + ".",
                {sum}};
      }
    default:
      while (true) {
        const Exchange before =
            Between(0, 1) == 0 ? Sum(Part::kTraining) : Compare(Part::kTraining);
        if (IsTestFact("repeat " + before.question) != (part == Part::kTest)) continue;
        return {"follow_up", Pick(RepeatQuestions()), "You asked: " + before.question, {before}};
      }
  }
}

Exchange DialogueWriter::Unknown(Part part) {
  while (true) {
    const std::string question = Fill(Pick(UnknownQuestions()), Pick(UnknownSubjects()));
    if (IsTestFact("unknown " + question) != (part == Part::kTest)) continue;
    return {"unknown", question, "I do not know that. I am only a small model."};
  }
}

Exchange DialogueWriter::Draw(const std::string& category, Part part) {
  Exchange exchange = DrawExact(category, part);
  // Letters matter in words to be spelled and in what is to be repeated.
  if (category != "spelling" && category != "follow_up" && Between(0, 5) == 0) {
    exchange.question = InAHurry(exchange.question);
  }
  return exchange;
}

Exchange DialogueWriter::DrawExact(const std::string& category, Part part) {
  const bool test = part == Part::kTest;
  if (category == "sum") return Sum(part);
  if (category == "difference") return Difference(part);
  if (category == "counting") return Count(part);
  if (category == "spelling") return Backwards(part);
  if (category == "comparing") return Compare(part);
  if (category == kStoryCategory) return Story(part);
  if (category == "follow_up") return FollowUp(part);
  if (category == "unknown") return Unknown(part);
  const KnownTopic& topic = Pick(category == "greeting"   ? Greetings()
                                 : category == "identity" ? Identity()
                                 : category == "capital"  ? Capitals()
                                 : category == "colour"   ? Colours()
                                                          : Opposites());
  const Wordings& wordings = *topic.wordings;
  return {category,
          Fill(Pick(test ? wordings.test : wordings.training), topic.subject),
          topic.answer,
          {}};
}

void DialogueWriter::Append(const Exchange& exchange, Dialogue& dialogue) {
  for (const Exchange& before : exchange.before) Append(before, dialogue);
  if (exchange.may_wait && Between(0, 2) == 0) {
    for (int64_t others = Between(1, 3); others > 0; --others) {
      const std::string* category = &Pick(Categories());
      while (*category == "follow_up") category = &Pick(Categories());
      Append(Draw(*category, Part::kTraining), dialogue);
    }
  }
  dialogue.exchanges.push_back(exchange);
  dialogue.exchanges.back().before.clear();
  dialogue.category = exchange.category;
}

Dialogue DialogueWriter::TrainingDialogue() {
  Dialogue dialogue;
  const int64_t length = Between(2, 12);
  while (static_cast<int64_t>(dialogue.exchanges.size()) < length) {
    Append(Draw(Pick(TrainingCategories()), Part::kTraining), dialogue);
  }
  return dialogue;
}

Dialogue DialogueWriter::TestDialogue(const std::string& category) {
  Dialogue dialogue;
  const int64_t before = Between(0, 4);
  while (static_cast<int64_t>(dialogue.exchanges.size()) < before) {
    Append(Draw(Pick(Categories()), Part::kTraining), dialogue);
  }
  Append(Draw(category, Part::kTest), dialogue);
  return dialogue;
}

bool IsStoryFor(const std::string& expected, const std::string& told) {
  const std::string opening = "Once upon a time there was a";
  if (!expected.starts_with(opening)) return false;
  for (const Animal& animal : Animals()) {
    for (const Place& place : Places()) {
      const std::string start =
          "Once upon a time there was " + WithArticle(animal.name) + " " + place.where + ".";
      if (!expected.starts_with(start)) continue;
      return told.starts_with("Once upon a time") && CountOf(told, animal.name) >= 2 &&
             CountOf(told, place.name) >= 1 && CountOf(told, ". ") >= 3 &&
             told.ends_with("The end.");
    }
  }
  return false;
}

}  // namespace trit::demo
