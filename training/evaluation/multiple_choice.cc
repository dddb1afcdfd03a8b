#include "training/evaluation/multiple_choice.h"

#include <algorithm>
#include <span>

#include "engine/batch.h"
#include "engine/error.h"
#include "engine/files/json_fields.h"
#include "engine/files/strict_json.h"
#include "engine/inference_executor.h"
#include "engine/kv_cache.h"
#include "engine/transformer.h"
#include "ternary_kernels/check.h"
#include "training/data/text_source.h"

namespace trit {
namespace {

size_t AnswerOf(const JsonFields& fields, const std::vector<std::string>& choices) {
  const nlohmann::json& answer = fields.Require("answer");
  if (answer.is_string()) {
    const auto found = std::find(choices.begin(), choices.end(), answer.get<std::string>());
    if (found != choices.end()) return static_cast<size_t>(found - choices.begin());
  } else if (answer.is_number_integer()) {
    const int64_t place = fields.Integer("answer");
    if (place >= 0 && place < static_cast<int64_t>(choices.size())) {
      return static_cast<size_t>(place);
    }
  }
  fields.Throw("answer", "none of the choices", "the place of a choice, from 0, or its text",
               ShownJson(answer));
}

MultipleChoiceItem ParseItem(std::string_view json, const std::string& where) {
  const nlohmann::json record = ParseStrictJson(json, where);
  const JsonFields fields(record, where);
  MultipleChoiceItem item{.context = fields.String("context"), .choices = {}};
  const nlohmann::json& choices = fields.Require("choices");
  const bool sound = choices.is_array() && choices.size() >= 2 &&
                     std::all_of(choices.begin(), choices.end(), [](const nlohmann::json& choice) {
                       return choice.is_string() && !choice.get_ref<const std::string&>().empty();
                     });
  if (!sound) {
    fields.Throw("choices", "not what it should be", "a list of two or more texts",
                 ShownJson(choices));
  }
  for (const nlohmann::json& choice : choices) item.choices.push_back(choice.get<std::string>());
  item.answer = AnswerOf(fields, item.choices);
  return item;
}

// A choice in its context, as tokens; those from `first` on are the choice.
struct ScoredText {
  std::vector<int32_t> tokens;
  size_t first = 0;
};

ScoredText EncodeChoice(const Tokenizer& tokenizer, const MultipleChoiceItem& item,
                        const std::string& choice, int64_t max_tokens) {
  const SpecialTokens& special = tokenizer.special();
  ScoredText text{.tokens = tokenizer.Encode(item.context + choice, false)};
  const std::vector<int32_t> context = tokenizer.Encode(item.context, false);
  // Where the two meet, a token may hold letters of both: it is scored.
  const size_t limit = std::min(context.size(), text.tokens.size());
  while (text.first < limit && context[text.first] == text.tokens[text.first]) ++text.first;
  if (special.bos >= 0 && (special.add_bos || text.first == 0)) {
    text.tokens.insert(text.tokens.begin(), special.bos);
    ++text.first;
  }
  const int64_t excess = static_cast<int64_t>(text.tokens.size()) - max_tokens;
  if (excess > 0) {
    if (excess > static_cast<int64_t>(text.first)) {
      throw Error(ErrorInfo{.what = "a choice does not fit into the model's context",
                            .expected = "at most " + std::to_string(max_tokens) + " tokens",
                            .found = std::to_string(text.tokens.size() - text.first)});
    }
    text.tokens.erase(text.tokens.begin(), text.tokens.begin() + excess);
    text.first -= static_cast<size_t>(excess);
  }
  return text;
}

// Log-likelihoods of all choices of a question, in one batch.
class ChoiceScorer {
 public:
  explicit ChoiceScorer(const Model& model) : model_(model) {}

  std::vector<double> LogLikelihoods(const MultipleChoiceItem& item) {
    const int64_t context_length = model_.config.max_position_embeddings;
    std::vector<ScoredText> texts;
    int64_t pages = 0;
    for (const std::string& choice : item.choices) {
      // The last token is predicted, not fed.
      texts.push_back(EncodeChoice(*model_.tokenizer, item, choice, context_length + 1));
      pages += KvCache::PagesFor(static_cast<int64_t>(texts.back().tokens.size()));
    }
    KvCache cache(model_.config, pages);
    InferenceExecutor executor(model_, cache, context_length);
    Batch batch;
    std::vector<int32_t> rows, targets;
    std::vector<size_t> choice_of_row;
    for (size_t c = 0; c < texts.size(); ++c) {
      const std::vector<int32_t>& tokens = texts[c].tokens;
      if (tokens.size() < 2) continue;  // nothing comes before its only token
      const int32_t first_row = static_cast<int32_t>(batch.tokens.size());
      batch.AddSegment(cache.Create(), 0, {tokens.data(), tokens.size() - 1});
      for (size_t t = std::max<size_t>(1, texts[c].first); t < tokens.size(); ++t) {
        rows.push_back(first_row + static_cast<int32_t>(t) - 1);
        targets.push_back(tokens[t]);
        choice_of_row.push_back(c);
      }
    }
    std::vector<double> sums(texts.size(), 0.0);
    if (rows.empty()) return sums;
    const Value hidden = ForwardTransformer(model_.config, model_.table, batch, executor);
    const std::vector<float> weights(rows.size(), 1.0f);
    std::vector<float> losses(rows.size());
    executor.Head(hidden, rows, TokenLoss{targets, weights, losses});
    for (size_t i = 0; i < losses.size(); ++i) {
      sums[choice_of_row[i]] -= static_cast<double>(losses[i]);
    }
    return sums;
  }

 private:
  const Model& model_;
};

size_t Largest(const std::vector<double>& values) {
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace

std::vector<MultipleChoiceItem> ReadMultipleChoice(const std::string& path, int64_t max_items) {
  std::vector<MultipleChoiceItem> items;
  ForEachJsonLine(path, [&](std::string_view json, const std::string& where) {
    items.push_back(ParseItem(json, where));
  });
  if (items.empty()) throw Error(ErrorInfo{.what = "no questions in the file", .file = path});
  if (max_items > 0 && static_cast<int64_t>(items.size()) > max_items) {
    items.resize(static_cast<size_t>(max_items));
  }
  return items;
}

MultipleChoiceScore ScoreMultipleChoice(
    const Model& model, const std::vector<MultipleChoiceItem>& items,
    const std::function<void(const MultipleChoiceScore&)>& progress) {
  TRIT_CHECK(model.tokenizer != nullptr);
  MultipleChoiceScore score;
  ChoiceScorer scorer(model);
  for (const MultipleChoiceItem& item : items) {
    std::vector<double> likelihoods = scorer.LogLikelihoods(item);
    score.right += Largest(likelihoods) == item.answer ? 1 : 0;
    for (size_t c = 0; c < likelihoods.size(); ++c) {
      likelihoods[c] /= static_cast<double>(item.choices[c].size());
    }
    score.right_per_byte += Largest(likelihoods) == item.answer ? 1 : 0;
    ++score.num_items;
    if (progress) progress(score);
  }
  return score;
}

}  // namespace trit
