#include "training/data/tokenizer_training.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/tokenizers/make_tokenizer.h"
#include "engine/tokenizers/sentencepiece_model.h"
#include "tests/support/error_text.h"
#include "tests/support/small_vocabulary.h"

namespace trit {
namespace {

using Ids = std::vector<int32_t>;

// A text of its own: words of two to four syllables, lines, numbers, some Greek and emoji.
std::string MadeUpText(uint32_t seed, size_t num_words) {
  constexpr std::string_view kSyllables[] = {"ka", "to", "mi", "ren", "sol", "va", "the", "ing",
                                             "ér", "lo", "πα", "νι",  "x",   "qu", "st",  "'s"};
  std::mt19937 random(seed);
  std::string text;
  for (size_t i = 0; i < num_words; ++i) {
    for (size_t n = 1 + random() % 3; n > 0; --n)
      text += kSyllables[random() % std::size(kSyllables)];
    switch (random() % 12) {
      case 0:
        text += ".\n";
        break;
      case 1:
        text += ", " + std::to_string(random() % 1000) + ' ';
        break;
      case 2:
        text += "  ";
        break;
      case 3:
        text += " \U0001F600 ";
        break;
      default:
        text += ' ';
    }
  }
  return text;
}

const std::vector<std::string> kControls = {"<|im_start|>", "<|im_end|>"};

TokenizerData TrainOn(const std::string& text, int64_t vocab_size, bool add_bos = false) {
  TokenizerTrainer trainer(
      {.vocab_size = vocab_size, .control_symbols = kControls, .add_bos = add_bos});
  trainer.Add(text);
  return trainer.Train();
}

class Lines : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(const std::string& text) {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      lines_.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  bool done() const override { return next_ == lines_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return lines_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> lines_;
  size_t next_ = 0;
};

// A model as SentencePiece itself trains and stores it.
std::string TrainPeer(const std::string& text, bool add_dummy_prefix, const std::string& symbols) {
  std::unordered_map<std::string, std::string> arguments = {
      {"model_type", "bpe"},
      {"vocab_size", "600"},
      {"byte_fallback", "true"},
      {"character_coverage", "1.0"},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"add_dummy_prefix", add_dummy_prefix ? "true" : "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"split_digits", "true"},
      {"hard_vocab_limit", "false"},
      {"minloglevel", "2"},
  };
  if (!symbols.empty()) arguments["user_defined_symbols"] = symbols;
  Lines lines(text);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &lines, &model);
  BOOST_REQUIRE(status.ok());
  return model;
}

const std::vector<std::string> kTexts = {
    "",
    " ",
    "kato mirensol",
    "  two  spaces   and    more ",
    "a line\nand another\n\n\tindented\r\n",
    "unknown: Здравствуй 日本 \u0007",
    "\U0001F600\U0001F600 \U0001F600\u200D\U0001F308",
    "12345 3.14",
    " the'sing",
    "<unk><s></s><0x41>",
};

BOOST_AUTO_TEST_CASE(EncodesAsSentencePieceDoes) {
  const std::string text = MadeUpText(1, 4000);
  for (const bool add_dummy_prefix : {false, true}) {
    // With a space before the text SentencePiece puts one before the first symbol only, llama.cpp
    // and Trit after every special token; so symbols are compared without it.
    const std::string symbols = add_dummy_prefix ? "" : "<|im_start|>,<|im_end|>";
    const std::string model = TrainPeer(text, add_dummy_prefix, symbols);
    sentencepiece::SentencePieceProcessor peer;
    BOOST_REQUIRE(peer.LoadFromSerializedProto(model).ok());
    const auto tokenizer = MakeTokenizer(ParseSentencePieceModel(model, ""), "");
    BOOST_TEST(tokenizer->vocab_size() == 600);

    const auto compare = [&](const std::string& line) {
      std::vector<int> expected;
      BOOST_REQUIRE(peer.Encode(line, &expected).ok());
      BOOST_TEST_CONTEXT(line) {
        BOOST_TEST(tokenizer->Encode(line, false) == Ids(expected.begin(), expected.end()),
                   boost::test_tools::per_element());
      }
      std::string decoded;
      BOOST_REQUIRE(peer.Decode(expected, &decoded).ok());
      BOOST_TEST(tokenizer->DecodeText(Ids(expected.begin(), expected.end()), false) == decoded);
    };
    for (const std::string& line : kTexts) compare(line);
    if (!symbols.empty()) {
      // <|im_end|> ends a generation, which makes it a control token here.
      const std::string line = "<|im_start|>the\n kato<|im_end|> x<|im_end|><|im_start|>";
      std::vector<int> expected;
      BOOST_REQUIRE(peer.Encode(line, &expected).ok());
      BOOST_TEST(tokenizer->Encode(line, true) == Ids(expected.begin(), expected.end()),
                 boost::test_tools::per_element());
    }
    // Other text than the training's, whole and cut anywhere between characters.
    const std::string other = MadeUpText(2, 1500);
    compare(other);
    for (size_t begin = 0; begin < other.size(); begin += 97) {
      const auto at = [&](size_t i) {
        while (i < other.size() && (static_cast<uint8_t>(other[i]) & 0xC0) == 0x80) ++i;
        return std::min(i, other.size());
      };
      compare(other.substr(at(begin), at(begin + 97) - at(begin)));
    }
  }
}

BOOST_AUTO_TEST_CASE(TrainsTheVocabularySentencePieceWould) {
  const std::string text = MadeUpText(3, 3000);
  const TokenizerData data = TrainOn(text, 600);
  const TokenizerData peer =
      ParseSentencePieceModel(TrainPeer(text, false, "<|im_start|>,<|im_end|>"), "");
  BOOST_TEST(data.tokens == peer.tokens, boost::test_tools::per_element());
  BOOST_TEST(data.scores == peer.scores, boost::test_tools::per_element());

  BOOST_TEST(data.tokens[0] == "<unk>");
  BOOST_TEST(data.tokens[3] == "<|im_start|>");
  BOOST_TEST(data.tokens[5] == "<0x00>");
  BOOST_TEST((data.types[3] == TokenType::kControl));
  BOOST_TEST((data.types[4] == TokenType::kControl));
  BOOST_TEST((data.types[5] == TokenType::kByte));
  BOOST_TEST(*data.bos == 1);
  BOOST_TEST(*data.eos == 2);
  BOOST_TEST(*data.add_bos == false);
  BOOST_TEST(*data.add_space_prefix == false);
  BOOST_TEST(*TrainOn(text, 600, true).add_bos == true);
}

BOOST_AUTO_TEST_CASE(TextComesBack) {
  const auto tokenizer = MakeTokenizer(TrainOn(MadeUpText(4, 2000), 500), "");
  std::mt19937 random(8);
  for (int round = 0; round < 500; ++round) {
    const std::string text = RandomText(random, 12) + MadeUpText(static_cast<uint32_t>(round), 5);
    BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, false), false) == text);
    BOOST_REQUIRE(tokenizer->DecodeText(tokenizer->Encode(text, true), true) == text);
  }
  BOOST_TEST(tokenizer->Encode("<|im_end|>", true) == Ids({4}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer->Encode("<|im_end|>", false).size() > 1u);
  BOOST_TEST(tokenizer->special().end_of_generation == Ids({2, 4}),
             boost::test_tools::per_element());
}

// Few words and a large vocabulary: most pairs are equally frequent.
BOOST_AUTO_TEST_CASE(TheSameTextGivesTheSameVocabulary) {
  const std::string text = MadeUpText(5, 800);
  const TokenizerData first = TrainOn(text, 2000);
  const TokenizerData second = TrainOn(text, 2000);
  BOOST_TEST((first.tokens == second.tokens));
  BOOST_TEST((first.scores == second.scores));
}

BOOST_AUTO_TEST_CASE(TakesTextsOfAnyShape) {
  const std::string text = MadeUpText(6, 1500);
  TokenizerTrainer whole({.vocab_size = 450});
  whole.Add(text);
  const TokenizerData expected = whole.Train();
  // Lines one by one, with what SentencePiece cannot take between them.
  TokenizerTrainer lines({.vocab_size = 450});
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.Add(text.substr(begin, end - begin));
    lines.Add(std::string_view("\0\t\n\r\xFF\xE2\x96\x85\xC3\x7F", 11));
    begin = end + 1;
  }
  BOOST_TEST((lines.Train().tokens == expected.tokens));

  // A line longer than SentencePiece takes, without any place to cut it but between characters.
  TokenizerTrainer long_line({.vocab_size = 300});
  std::string endless;
  while (endless.size() < 300000) endless += "añb";
  long_line.Add(endless);
  const TokenizerData data = long_line.Train();
  BOOST_TEST(std::count(data.tokens.begin(), data.tokens.end(), "añb") == 1);
}

BOOST_AUTO_TEST_CASE(RefusesWhatCannotBeTrained) {
  const auto construct = [](const TokenizerTrainingOptions& options) {
    return ErrorText([&] { TokenizerTrainer{options}; });
  };
  BOOST_TEST(construct({.vocab_size = 260}) == "");
  BOOST_TEST(Contains(construct({.vocab_size = 259}), "260"));
  BOOST_TEST(construct({.vocab_size = -1}).starts_with("usage: "));
  BOOST_TEST(construct({.vocab_size = int64_t{1} << 40}).starts_with("usage: "));
  for (const std::vector<std::string>& symbols : std::vector<std::vector<std::string>>{
           {""}, {"a,b"}, {"a\nb"}, {"\"a\""}, {"<s>"}, {"<unk>"}, {"a", "a"}}) {
    BOOST_TEST(Contains(construct({.control_symbols = symbols}), "control_symbols"));
  }
  const auto train = [](const std::string& text, int64_t vocab_size) {
    return ErrorText([&] {
      TokenizerTrainer trainer({.vocab_size = vocab_size});
      trainer.Add(text);
      trainer.Train();
    });
  };
  BOOST_TEST(Contains(train("", 300), "no text"));
  BOOST_TEST(Contains(train("\n\n\t", 300), "no text"));
  BOOST_TEST(Contains(train("abc", 261), "at least 262"));
  BOOST_TEST(train("abc", 262) == "");
}

}  // namespace
}  // namespace trit
