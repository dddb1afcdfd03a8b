#include "tools/demo_world/facts.h"

#include <cctype>
#include <utility>

namespace trit::demo {
namespace {

using Strings = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// A topic for each pair; the answer has {a} and {b} filled in.
std::vector<KnownTopic> Topics(const Wordings& wordings, const Pairs& pairs,
                               const std::string& answer) {
  std::vector<KnownTopic> topics;
  for (const auto& [subject, value] : pairs) {
    std::string text = answer;
    text.replace(text.find("{a}"), 3, subject);
    text.replace(text.find("{b}"), 3, value);
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    topics.push_back({&wordings, subject, text});
  }
  return topics;
}

}  // namespace

const std::vector<KnownTopic>& Greetings() {
  static const Wordings hello = {
      {"Hello!", "Hi!", "Hello there!", "Good morning!", "Hey!", "Hello, Trit!", "Hi, my friend!",
       "Good day!", "Hey, Trit!", "Good evening!", "Hello, nice to see you!", "Hi, Trit!",
       "Good morning, my friend!", "Hi, good morning!"},
      {"Hi there!", "Hello, my friend!", "Good morning, Trit!"}};
  static const Wordings mood = {
      {"How are you?", "How are you today?", "Are you well?", "How do you feel?",
       "How is it going?", "Hello, how are you?", "Hi, how do you feel?", "Are you well today?",
       "How are you, Trit?", "How are you this morning?", "Trit, how do you feel?",
       "Hey, how is it going?", "Hi, are you well?"},
      {"Hi, how are you today?", "Trit, how are you?", "Hello, are you well?"}};
  static const Wordings thanks = {
      {"Thank you!", "Thanks!", "Thank you very much!", "Thanks a lot!", "Many thanks!",
       "That is nice, thank you!", "Great, thanks!", "Thank you, Trit!", "Good, thank you!",
       "That is good, thanks!", "Very nice, thank you!"},
      {"Great, thank you!", "Thanks, Trit!", "That is nice, thanks!"}};
  static const Wordings bye = {
      {"Goodbye!", "Bye!", "See you later!", "Bye bye!", "Good night!", "I have to go now.",
       "Goodbye, Trit!", "Bye, my friend!", "I have to go now, goodbye!", "See you tomorrow!",
       "Good night, Trit!"},
      {"Bye, Trit!", "Goodbye, my friend!", "I have to go now, bye!"}};
  static const std::vector<KnownTopic> all = {
      {&hello, "", "Hello! How can I help you?"},
      {&mood, "", "I am fine, thank you."},
      {&thanks, "", "You are welcome!"},
      {&bye, "", "Goodbye! It was nice to talk with you."},
  };
  return all;
}

const std::vector<KnownTopic>& Identity() {
  static const Wordings who = {
      {"Who are you?", "What are you?", "Please tell me who you are.", "Tell me what you are.",
       "Can you tell me who you are?", "Hello, who are you?", "Say who you are.",
       "I want to know who you are."},
      {"Tell me who you are.", "Can you tell me what you are?", "Hi, who are you?"}};
  static const Wordings name = {
      {"What is your name?", "Do you have a name?", "Tell me your name.", "What should I call you?",
       "How should I call you?", "Hi, what is your name?", "Can you tell me your name?",
       "I want to know your name."},
      {"Please tell me your name.", "Hello, what is your name?"}};
  static const Wordings human = {
      {"Are you a human?", "Are you a person?", "Are you a robot?", "Are you a real person?",
       "Are you alive?", "Tell me, are you a human?", "Are you a computer?",
       "Hey, are you a robot?"},
      {"Are you a real human?", "Tell me, are you a robot?", "Hey, are you a person?"}};
  static const Wordings can = {
      {"What can you do?", "How can you help me?", "What are you good at?",
       "Tell me what you can do.", "Hello, what can you do?", "Can you tell me what you can do?",
       "I want to know what you can do.", "Trit, what can you do?"},
      {"Please tell me what you can do.", "Trit, how can you help me?"}};
  static const std::vector<KnownTopic> all = {
      {&who, "", "I am Trit, a small language model with ternary weights."},
      {&name, "", "My name is Trit."},
      {&human, "", "No, I am a small program that runs on a CPU."},
      {&can, "", "I can count, add, spell, compare and tell short stories."},
  };
  return all;
}

const std::vector<KnownTopic>& Capitals() {
  static const Wordings wordings = {
      {"What is the capital of {a}?", "Tell me the capital of {a}.", "Capital of {a}?",
       "Do you know the capital of {a}?", "Which city is the capital of {a}?",
       "I want to know the capital of {a}.", "Please tell me the capital of {a}.",
       "What is the capital city of {a}?", "Hello, what is the capital of {a}?",
       "Trit, tell me the capital of {a}."},
      {"Can you tell me the capital of {a}?", "Trit, what is the capital of {a}?",
       "Please tell me the capital city of {a}."}};
  static const std::vector<KnownTopic> all =
      Topics(wordings, {{"France", "Paris"},     {"Italy", "Rome"},       {"Spain", "Madrid"},
                        {"Germany", "Berlin"},   {"England", "London"},   {"Portugal", "Lisbon"},
                        {"Austria", "Vienna"},   {"Greece", "Athens"},    {"Norway", "Oslo"},
                        {"Sweden", "Stockholm"}, {"Finland", "Helsinki"}, {"Denmark", "Copenhagen"},
                        {"Poland", "Warsaw"},    {"Russia", "Moscow"},    {"Japan", "Tokyo"},
                        {"China", "Beijing"},    {"India", "New Delhi"},  {"Egypt", "Cairo"},
                        {"Kenya", "Nairobi"},    {"Canada", "Ottawa"},    {"Peru", "Lima"},
                        {"Cuba", "Havana"},      {"Chile", "Santiago"},   {"Ireland", "Dublin"}},
             "The capital of {a} is {b}.");
  return all;
}

const std::vector<KnownTopic>& Colours() {
  static const Wordings wordings = {
      {"What colour is {a}?", "Tell me the colour of {a}.", "What is the colour of {a}?",
       "Which colour is {a}?", "Do you know the colour of {a}?", "Which colour has {a}?",
       "Can you tell me what colour {a} is?", "Trit, what colour is {a}?",
       "I want to know the colour of {a}."},
      {"Please tell me the colour of {a}.", "Do you know what colour {a} is?",
       "What colour has {a}?"}};
  static const std::vector<KnownTopic> all =
      Topics(wordings, {{"the sky", "blue"},    {"the sea", "blue"},     {"the grass", "green"},
                        {"a leaf", "green"},    {"a frog", "green"},     {"the sun", "yellow"},
                        {"a lemon", "yellow"},  {"a banana", "yellow"},  {"snow", "white"},
                        {"milk", "white"},      {"a swan", "white"},     {"coal", "black"},
                        {"the night", "black"}, {"a tomato", "red"},     {"blood", "red"},
                        {"a cherry", "red"},    {"chocolate", "brown"},  {"a carrot", "orange"},
                        {"a pig", "pink"},      {"an elephant", "grey"}, {"a mouse", "grey"}},
             "{a} is {b}.");
  return all;
}

const std::vector<KnownTopic>& Opposites() {
  static const Wordings wordings = {
      {"What is the opposite of {a}?", "Tell me the opposite of {a}.", "The opposite of {a}?",
       "Do you know the opposite of {a}?", "Which word is the opposite of {a}?",
       "Give me the opposite of {a}.", "Trit, what is the opposite of {a}?",
       "I want to know the opposite of {a}."},
      {"Please tell me the opposite of {a}.", "Can you give me the opposite of {a}?",
       "Trit, give me the opposite of {a}."}};
  static const std::vector<KnownTopic> all = [] {
    const Pairs pairs = {{"hot", "cold"},    {"big", "small"},  {"good", "bad"},
                         {"fast", "slow"},   {"high", "low"},   {"light", "dark"},
                         {"happy", "sad"},   {"new", "old"},    {"open", "closed"},
                         {"wet", "dry"},     {"rich", "poor"},  {"strong", "weak"},
                         {"loud", "quiet"},  {"full", "empty"}, {"early", "late"},
                         {"clean", "dirty"}, {"hard", "soft"},  {"long", "short"}};
    Pairs both = pairs;
    for (const auto& [a, b] : pairs) both.emplace_back(b, a);
    return Topics(wordings, both, "The opposite of {a} is {b}.");
  }();
  return all;
}

const Strings& SumQuestions() {
  static const Strings all = {"What is {a} plus {b}?", "How much is {a} + {b}?", "{a} + {b}?",
                              "Add {a} and {b}.", "Can you add {a} and {b}?"};
  return all;
}

const Strings& DifferenceQuestions() {
  static const Strings all = {"What is {a} minus {b}?", "How much is {a} - {b}?", "{a} - {b}?",
                              "Take {b} away from {a}.", "Subtract {b} from {a}."};
  return all;
}

const Strings& CountQuestions() {
  static const Strings all = {"Count from {a} to {b}.", "Please count from {a} to {b}.",
                              "Can you count from {a} to {b}?"};
  return all;
}

const Strings& BackwardsQuestions() {
  static const Strings all = {"Spell {a} backwards.", "What is {a} backwards?",
                              "Write {a} backwards.", "Can you spell {a} backwards?"};
  return all;
}

const Strings& BiggerQuestions() {
  static const Strings all = {"Which is bigger, {a} or {b}?", "What is bigger, {a} or {b}?",
                              "Which number is bigger, {a} or {b}?"};
  return all;
}

const Strings& SmallerQuestions() {
  static const Strings all = {"Which is smaller, {a} or {b}?", "What is smaller, {a} or {b}?",
                              "Which number is smaller, {a} or {b}?"};
  return all;
}

const Strings& StoryQuestions() {
  static const Strings all = {"Tell me a story about {a} {b}.", "A story about {a} {b}, please!",
                              "Can you tell me a story about {a} {b}?",
                              "Please tell a short story about {a} {b}."};
  return all;
}

const Strings& Words() {
  static const Strings all = {
      "cat",   "dog",   "sun",   "moon",  "star",  "tree",  "fish",  "bird",  "milk",  "bread",
      "house", "door",  "road",  "ship",  "rain",  "snow",  "wind",  "fire",  "sand",  "rock",
      "hill",  "lake",  "hand",  "foot",  "nose",  "ear",   "eye",   "arm",   "leg",   "hat",
      "coat",  "shoe",  "sock",  "cup",   "pot",   "pan",   "fork",  "bed",   "desk",  "lamp",
      "book",  "pen",   "ink",   "box",   "bag",   "key",   "lock",  "clock", "bell",  "drum",
      "song",  "game",  "ball",  "kite",  "doll",  "cow",   "pig",   "hen",   "duck",  "goat",
      "lamb",  "wolf",  "bear",  "lion",  "frog",  "crab",  "ant",   "bee",   "fly",   "worm",
      "leaf",  "root",  "seed",  "rose",  "corn",  "rice",  "bean",  "plum",  "pear",  "lime",
      "nut",   "egg",   "ham",   "jam",   "cake",  "soup",  "salt",  "ice",   "red",   "blue",
      "green", "black", "white", "brown", "king",  "queen", "map",   "flag",  "gold",  "iron",
      "coin",  "ring",  "bus",   "car",   "bike",  "train", "plane", "boat",  "city",  "farm",
      "park",  "zoo",   "day",   "week",  "year",  "cold",  "warm",  "big",   "small", "fast",
      "slow",  "wet",   "dry",   "old",   "new",   "run",   "jump",  "swim",  "sing",  "read",
      "write", "walk",  "tiger", "zebra", "mouse", "horse", "sheep", "whale", "eagle", "snake",
      "apple", "grape", "lemon", "melon", "peach", "onion", "river", "ocean", "beach", "cloud",
      "storm", "night", "chair", "table", "spoon", "knife", "plate", "glass", "piano", "radio",
      "paper", "wood",  "stone", "brick", "wheel", "rope",  "nail",  "saw",   "axe",   "net",
      "cap",   "tie",   "belt",  "silk",  "wool",  "skin",  "bone",  "hair",  "face",  "chin",
      "lip",   "knee",  "heart", "brain"};
  return all;
}

const std::vector<Animal>& Animals() {
  static const std::vector<Animal> all = {
      {"fox", "liked to run"},      {"bear", "liked honey"},       {"cat", "liked to sleep"},
      {"dog", "liked to play"},     {"mouse", "was very small"},   {"rabbit", "had long ears"},
      {"horse", "was very strong"}, {"duck", "liked to swim"},     {"frog", "could jump far"},
      {"wolf", "was never afraid"}, {"goat", "was always hungry"}, {"lion", "had a loud voice"},
      {"monkey", "liked bananas"},  {"pig", "liked the mud"},      {"snake", "was long and green"}};
  return all;
}

const std::vector<Place>& Places() {
  static const std::vector<Place> all = {
      {"forest", "in the forest", "One day it found a tall tree full of nuts.",
       "ate all day and slept well."},
      {"village", "in the village", "One day the children gave it a red ball.",
       "played with them until night."},
      {"garden", "in the garden", "One day it saw a flower that could talk.",
       "listened and became its friend."},
      {"mountains", "in the mountains", "One day a big stone fell on the road.",
       "pushed it away and was proud."},
      {"desert", "in the desert", "One day it was very thirsty and looked for water.",
       "found a well and was happy."},
      {"farm", "on the farm", "One day the door was open.",
       "went out to see the world and came home for dinner."},
      {"island", "on the island", "One day a ship came over the sea.",
       "met the sailors and showed them the way."},
      {"beach", "at the beach", "One day it found a box in the sand.",
       "opened it and there was a gold ring."},
      {"city", "in the city", "One day it lost its way between the houses.",
       "asked a bird and found the way home."},
      {"river", "at the river", "One day the bridge was broken.",
       "built a new one with its friends."}};
  return all;
}

const Strings& PersonNames() {
  // Parts that fit each other: enough names that hearing one is the only way to know it.
  static const Strings all = [] {
    const Strings beginnings = {"Al", "An", "Be", "Bri", "Ca", "Cla", "Da", "De", "El", "Em",
                                "Fa", "Fi", "Ga", "Gre", "Ha", "He",  "Ja", "Jo", "Ka", "Ki",
                                "La", "Le", "Li", "Ma",  "Me", "Mi",  "Na", "Ni", "Ol", "Pa",
                                "Pe", "Ra", "Ro", "Sa",  "Si", "Ta",  "Ti", "Va", "Vi", "Za"};
    const Strings endings = {"ra", "na", "la",  "ris",  "nus", "bert", "mon", "vin", "dia", "lo",
                             "ka", "to", "ren", "lena", "nik", "dor",  "tin", "ria", "sa",  "mas"};
    Strings names;
    for (const std::string& beginning : beginnings) {
      for (const std::string& ending : endings) names.push_back(beginning + ending);
    }
    return names;
  }();
  return all;
}

const Strings& NameStatements() {
  static const Strings all = {"My name is {a}.", "I am {a}.", "Hello, I am {a}.",
                              "Hi, my name is {a}."};
  return all;
}

const Strings& NameQuestions() {
  static const Strings all = {"What is my name?", "Do you remember my name?", "Who am I?"};
  return all;
}

const std::vector<FavouriteKind>& FavouriteKinds() {
  // So many that the turn before is the only way to know one.
  static const std::vector<FavouriteKind> all = [] {
    Strings numbers;
    for (int number = 0; number < 100; ++number) numbers.push_back(std::to_string(number));
    Strings cities;
    for (const KnownTopic& capital : Capitals()) {
      const std::string& answer = capital.answer;  // "The capital of Peru is Lima."
      const size_t begin = answer.find(" is ") + 4;
      cities.push_back(answer.substr(begin, answer.size() - begin - 1));
    }
    return std::vector<FavouriteKind>{
        {"animal", {"fox",   "bear",  "cat",   "dog",   "mouse", "rabbit", "horse",  "duck",
                    "frog",  "wolf",  "goat",  "lion",  "pig",   "snake",  "monkey", "tiger",
                    "zebra", "sheep", "whale", "eagle", "cow",   "hen",    "lamb",   "crab",
                    "ant",   "bee",   "fly",   "worm",  "owl",   "deer",   "camel",  "panda",
                    "otter", "swan",  "seal",  "mole",  "goose", "koala",  "parrot"}},
        {"colour",
         {"red", "blue", "green", "yellow", "black", "white", "brown", "orange", "pink", "grey",
          "gold", "silver", "purple", "violet", "olive", "lilac", "beige", "cream"}},
        {"food",
         {"bread", "rice",  "soup",  "cake",   "fish",   "ham",   "jam",  "corn",  "apple", "grape",
          "lemon", "melon", "peach", "plum",   "pear",   "egg",   "bean", "lime",  "onion", "salt",
          "honey", "pasta", "pizza", "butter", "cheese", "toast", "nuts", "olives"}},
        {"word", Words()},
        {"number", std::move(numbers)},
        {"city", std::move(cities)}};
  }();
  return all;
}

const Strings& FavouriteQuestions() {
  static const Strings all = {"What is my favourite {a}?", "Do you remember my favourite {a}?",
                              "Which {a} is my favourite?"};
  return all;
}

const Strings& MoreQuestions() {
  static const Strings all = {"And {a} more?", "And plus {a}?", "Now add {a} to that.",
                              "And if I add {a}?"};
  return all;
}

const Strings& RepeatQuestions() {
  static const Strings all = {"What did I ask you?", "What was my question?",
                              "Can you repeat my question?"};
  return all;
}

const Strings& UnknownQuestions() {
  static const Strings all = {"Who made {a}?",
                              "Why is {a} so big?",
                              "Where is {a}?",
                              "How old is {a}?",
                              "How far is {a}?",
                              "When was {a} built?",
                              "How much does {a} cost?",
                              "Who wrote about {a}?",
                              "What do you think of {a}?",
                              "Do you like {a}?",
                              "How do I get to {a}?",
                              "Explain {a} to me.",
                              "What is {a}?",
                              "I do not understand {a}.",
                              "How does {a} work?",
                              "What happened to {a}?",
                              "Can you buy me {a}?",
                              "Who is the king of {a}?",
                              "How many people know {a}?",
                              "Tell me the news about {a}.",
                              "What is the price of {a}?",
                              "Write a letter about {a}.",
                              "Help me with {a}.",
                              "When does {a} begin?"};
  return all;
}

const Strings& UnknownSubjects() {
  static const Strings all = {"the moon",         "my house",      "the train",    "the king",
                              "this book",        "the war",       "the weather",  "my car",
                              "your mother",      "the president", "the internet", "a computer",
                              "the price of oil", "love",          "music",        "football",
                              "the church",       "a doctor",      "the law",      "my brother",
                              "school",           "the bank",      "history",      "physics",
                              "the stars",        "the queen",     "a castle",     "the bridge",
                              "my phone",         "chess",         "poetry",       "the museum",
                              "an airport",       "my teacher",    "a dragon",     "the cinema",
                              "science",          "tomorrow",      "the future",   "the past",
                              "a dream",          "my job",        "the office",   "politics",
                              "the newspaper",    "a bicycle",     "the hospital", "dinner"};
  return all;
}

}  // namespace trit::demo
