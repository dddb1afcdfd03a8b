// Multiple choice and exact match: files, scores against plain sums of logits, and runs that ask.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "engine/chat/chat_encoding.h"
#include "engine/chat/conversation.h"
#include "engine/score.h"
#include "tests/support/error_text.h"
#include "tests/support/tiny_run.h"
#include "training/evaluation/exact_match.h"
#include "training/evaluation/multiple_choice.h"
#include "training/export_run.h"

namespace trit {
namespace {

struct Folder : TemporaryFolder {
  Folder() { WriteBytes(*this / "text.txt", TinyText(2000)); }
  std::unique_ptr<Model> Trained(const std::vector<std::string>& overrides) const {
    Train(TinyRunConfig(*this), overrides, *this / "run");
    return LoadTrainedModel(*this / "run");
  }
};

// The sum of log-probabilities of tokens from `first` on, from full logits.
double LogLikelihood(const Model& model, const std::vector<int32_t>& tokens, size_t first) {
  double sum = 0;
  ComputeLogits(model, tokens, [&](int64_t position, std::span<const float> logits) {
    const size_t next = static_cast<size_t>(position) + 1;
    if (next < first || next >= tokens.size()) return;
    double total = 0;
    for (const float logit : logits) total += std::exp(double{logit});
    sum += logits[static_cast<size_t>(tokens[next])] - std::log(total);
  });
  return sum;
}

BOOST_AUTO_TEST_CASE(the_likeliest_choice_counts) {
  const Folder folder;
  const std::unique_ptr<Model> model = folder.Trained({"train.steps=30"});
  std::vector<MultipleChoiceItem> items = {
      {.context = "the fox", .choices = {" sees", "#%@!", " r"}},
      {.context = "a red", .choices = {" barn", " hen and", "."}},
      {.context = "to the", .choices = {"x", " fox runs"}}};
  int64_t right = 0;
  int64_t right_per_byte = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<double> sums;
    for (const std::string& choice : items[i].choices) {
      const std::string text = items[i].context + choice;  // bytes are tokens
      sums.push_back(LogLikelihood(*model, {text.begin(), text.end()}, items[i].context.size()));
    }
    const auto best = [&](bool per_byte) {
      size_t largest = 0;
      for (size_t c = 1; c < sums.size(); ++c) {
        const auto value = [&](size_t k) {
          return per_byte ? sums[k] / static_cast<double>(items[i].choices[k].size()) : sums[k];
        };
        if (value(c) > value(largest)) largest = c;
      }
      return largest;
    };
    items[i].answer = i == 2 ? 1 - best(false) : best(false);  // one that is wrong
    right += items[i].answer == best(false) ? 1 : 0;
    right_per_byte += items[i].answer == best(true) ? 1 : 0;
  }
  const MultipleChoiceScore score = ScoreMultipleChoice(*model, items);
  BOOST_TEST(score.num_items == 3);
  BOOST_TEST(score.right == right);
  BOOST_TEST(right == 2);
  BOOST_TEST(score.right_per_byte == right_per_byte);
}

BOOST_AUTO_TEST_CASE(long_contexts_lose_their_beginning) {
  const Folder folder;
  const std::unique_ptr<Model> model = folder.Trained({"train.steps=2"});  // a context of 16
  const std::string context = "the fox and the hen";
  for (const size_t answer : {0, 1}) {
    const std::vector<MultipleChoiceItem> whole = {{context, {" a", " t"}, answer}};
    // 17 tokens: the last is not fed.
    const std::vector<MultipleChoiceItem> cut = {
        {context.substr(context.size() - 15), {" a", " t"}, answer}};
    BOOST_TEST(ScoreMultipleChoice(*model, whole).right == ScoreMultipleChoice(*model, cut).right);
  }
  const std::vector<MultipleChoiceItem> too_long = {{"a", {std::string(18, 'b'), "c"}, 0}};
  BOOST_TEST(Contains(ErrorText([&] { ScoreMultipleChoice(*model, too_long); }), "does not fit"));
}

BOOST_AUTO_TEST_CASE(answers_must_be_right_to_the_letter) {
  const Folder folder;
  std::string chats;
  for (int i = 0; i < 8; ++i) {
    chats +=
        R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "xy"}]})"
        "\n";
    chats +=
        R"({"messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "zw"}]})"
        "\n";
  }
  WriteBytes(folder / "chats.jsonl", chats);
  WriteBytes(folder / "asked.jsonl",
             "{\"instruction\": \"a\", \"output\": \" xy\"}\n{\"instruction\": \"b\", \"output\": "
             "\"zw\"}\n"
             "{\"instruction\": \"b\", \"output\": \"zwz\"}\n{\"instruction\": \"b\", \"output\": "
             "\"z\"}\n");
  const std::unique_ptr<Model> model = folder.Trained(
      {"data.train=" + (folder / "chats.jsonl"), "data.chat_template=chatml",
       "data.sequence_length=64", "data.tokenizer=train:280", "data.validation_fraction=0.25",
       "train.steps=120", "train.eval_every=60", "schedule.learning_rate=0.01",
       "evaluation.exact_match=" + (folder / "asked.jsonl")});
  const nlohmann::json last = JsonLines(folder / "run/metrics.jsonl").back();
  BOOST_TEST(last["exact_match"] == 0.5);  // what was learned, of four
  const ExactMatchScore score = ScoreExactMatch(*model, ChatTemplate::Named("chatml"),
                                                ReadExactMatch(folder / "asked.jsonl", 0));
  BOOST_TEST(score.num_items == 4);
  BOOST_TEST(score.right == 2);
  BOOST_TEST(score.unanswered == 0);
  const std::vector<ExactMatchItem> long_question = {{{{"user", std::string(100, 'a')}}, "xy"}};
  BOOST_TEST(ScoreExactMatch(*model, ChatTemplate::Named("chatml"), long_question).unanswered == 1);
}

BOOST_AUTO_TEST_CASE(runs_ask_at_every_evaluation) {
  const Folder folder;
  WriteBytes(folder / "q.jsonl",
             "{\"context\": \"the\", \"choices\": [\" fox\", \"@#\"], \"answer\": 0}\n"
             "{\"context\": \"a \", \"choices\": [\"#\", \"hen\"], \"answer\": \"hen\"}\n");
  const TinyRun run = Train(TinyRunConfig(folder),
                            {"evaluation.multiple_choice=" + (folder / "q.jsonl"), "train.steps=60",
                             "train.eval_every=30"},
                            folder / "run");
  const std::vector<nlohmann::json> lines = JsonLines(folder / "run/metrics.jsonl");
  BOOST_TEST(!lines[0].contains("multiple_choice"));
  BOOST_TEST(lines[29].contains("multiple_choice"));
  BOOST_TEST(lines[59]["multiple_choice"] == 1);
  BOOST_TEST(Contains(run.progress, "multiple choice 100.0 %"));
  const auto without_format = [&] {
    Train(TinyRunConfig(folder), {"evaluation.exact_match=x.jsonl"}, folder / "other");
  };
  BOOST_TEST(Contains(ErrorText(without_format), "evaluation.exact_match: conversations need"));
}

BOOST_AUTO_TEST_CASE(files_of_questions) {
  const TemporaryFolder folder;
  const std::string path = folder / "q.jsonl";
  const std::string good = R"({"context": "c", "choices": ["a", "b"], "answer": 1})";
  WriteBytes(path, good + "\n" + good + "\n");
  BOOST_TEST(ReadMultipleChoice(path, 0).size() == 2);
  BOOST_TEST(ReadMultipleChoice(path, 1).size() == 1);
  BOOST_TEST(ReadMultipleChoice(path, 0)[1].answer == 1);
  struct Case {
    const char* line;
    const char* message;
  };
  const Case cases[] = {
      {R"({"choices": ["a", "b"], "answer": 1})", "context: missing"},
      {R"({"context": "c", "choices": ["a"], "answer": 0})", "choices: not what it should be"},
      {R"({"context": "c", "choices": ["a", ""], "answer": 0})", "choices: not what it should be"},
      {R"({"context": "c", "choices": "ab", "answer": 0})", "choices: not what it should be"},
      {R"({"context": "c", "choices": ["a", "b"], "answer": 2})", "answer: none of the choices"},
      {R"({"context": "c", "choices": ["a", "b"], "answer": -1})", "answer: none of the choices"},
      {R"({"context": "c", "choices": ["a", "b"], "answer": "x"})", "answer: none of the choices"},
      {"{", "not valid JSON"}};
  for (const Case& c : cases) {
    WriteBytes(path, good + "\n" + c.line + "\n");
    const std::string text = ErrorText([&] { ReadMultipleChoice(path, 0); });
    BOOST_TEST_INFO_SCOPE(text);
    BOOST_TEST(Contains(text, path + ":2"));
    BOOST_TEST(Contains(text, c.message));
  }
  WriteBytes(path, "\n");
  BOOST_TEST(Contains(ErrorText([&] { ReadMultipleChoice(path, 0); }), "no questions"));
  WriteBytes(
      path,
      "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, "
      "{\"from\": \"gpt\", \"value\": \"b\"}, {\"from\": \"human\", \"value\": \"thanks\"}]}");
  BOOST_TEST(ReadExactMatch(path, 0)[0].answer == "b");
  BOOST_TEST(ReadExactMatch(path, 0)[0].messages.size() == 1);
  WriteBytes(path, R"({"messages": [{"role": "user", "content": "a"}]})");
  BOOST_TEST(Contains(ErrorText([&] { ReadExactMatch(path, 0); }), "no answer to compare with"));
}

}  // namespace
}  // namespace trit
