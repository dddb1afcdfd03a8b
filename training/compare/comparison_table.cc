#include "training/compare/comparison_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>

#include "training/logs/progress_line.h"
#include "training/report/axis.h"
#include "training/report/median.h"

namespace trit {
namespace {

// What one model is asked for a figure.
struct Subject {
  const Measurement& measurement;
  const Measurement& reference;
  const TrainingRecord& run;
  const TrainingRecord* parent;  // what the run began with; null: random weights

  double WithParent(double TrainingRecord::*member) const {
    return run.*member + (parent != nullptr ? parent->*member : 0.0);
  }
};

using Value = std::optional<double>;

std::string Fixed4(double value) { return fmt::format("{:.4f}", value); }
std::string Fixed3(double value) { return fmt::format("{:.3f}", value); }
std::string Fixed2(double value) { return fmt::format("{:.2f}", value); }
std::string Whole(double value) { return fmt::format("{:.0f}", value); }
std::string Percent(double value) { return fmt::format("{:.1f} %", 100 * value); }
std::string Megabytes(double value) { return fmt::format("{:.3f}", value / 1e6); }
std::string Scientific(double value) {
  return value == 0 ? std::string("0") : fmt::format("{:.1e}", value);
}

struct FigureRow {
  Figure figure;
  Value (*value)(const Subject& subject);
};

constexpr const char* kDecodeKey = "decode_tokens_per_second";

const std::vector<FigureRow>& FigureRows() {
  static const std::vector<FigureRow> rows = {
      {{"validation_loss", "loss, nats/token", false, Fixed4},
       [](const Subject& s) -> Value { return s.measurement.validation_loss; }},
      {{"bits_per_byte", "bits/byte", false, Fixed4},
       [](const Subject& s) -> Value { return s.measurement.bits_per_byte; }},
      {{"perplexity", "perplexity", false, Fixed3},
       [](const Subject& s) -> Value { return std::exp(s.measurement.validation_loss); }},
      {{"perplexity_ratio", "/ full precision", false, Fixed4},
       [](const Subject& s) -> Value {
         return std::exp(s.measurement.validation_loss - s.reference.validation_loss);
       }},
      {{"exact_match", "exact match", false, Percent},
       [](const Subject& s) -> Value { return s.measurement.exact_match; }},
      {{"multiple_choice", "multiple choice", false, Percent},
       [](const Subject& s) -> Value { return s.measurement.multiple_choice; }},
      {{"bytes", "size, MB", false, Megabytes},
       [](const Subject& s) -> Value { return static_cast<double>(s.measurement.bytes); }},
      {{"bits_per_weight", "bits/weight", false, Fixed2},
       [](const Subject& s) -> Value { return s.measurement.bits_per_weight; }},
      {{kDecodeKey, "decode, tokens/s", true, Whole},
       [](const Subject& s) -> Value { return Median(s.measurement.decode_tokens_per_second); }},
      {{"training_seconds", "training time", true, FormatDuration},
       [](const Subject& s) -> Value { return s.WithParent(&TrainingRecord::seconds); }},
      {{"training_tokens", "tokens seen", true, ShortNumber},
       [](const Subject& s) -> Value { return s.WithParent(&TrainingRecord::tokens); }},
      {{"training_tokens_per_second", "training tokens/s", true, Whole},
       [](const Subject& s) -> Value { return s.run.tokens_per_second; }},
      {{"trainer_difference", "file - trainer, nats", false, Scientific},
       [](const Subject& s) -> Value {
         return s.measurement.validation_loss - s.measurement.trainer_loss;
       }},
  };
  return rows;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Value Deviation(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

// Over the seeds that have the figure.
void Summarize(const std::vector<double>& repetitions, ComparisonRow& row) {
  for (size_t f = 0; f < FigureRows().size(); ++f) {
    if (FigureRows()[f].figure.key == std::string(kDecodeKey)) {
      row.mean.push_back(Median(repetitions));
      std::vector<double> distances;
      for (const double speed : repetitions) distances.push_back(std::abs(speed - *row.mean[f]));
      row.spread.push_back(Median(distances));
      continue;
    }
    std::vector<double> values;
    for (const FigureValues& of_seed : row.of_seeds) {
      if (of_seed[f]) values.push_back(*of_seed[f]);
    }
    row.mean.push_back(values.empty() ? Value() : Value(Mean(values)));
    row.spread.push_back(Deviation(values));
  }
}

Subject SubjectOf(const ComparisonResult& result, size_t model) {
  const PlannedModel& planned = result.plan.models[model];
  const std::optional<size_t> parent = result.plan.runs[planned.run].parent;
  return {.measurement = result.models[model],
          .reference = result.models[planned.reference.value_or(model)],
          .run = result.runs[planned.run],
          .parent = parent ? &result.runs[*parent] : nullptr};
}

// Adds the columns of figures.
ComparisonTable WithFigures(HtmlTable table, const std::vector<ComparisonRow>& rows, bool cost) {
  const size_t num_text_columns = table.headings.size();
  for (size_t f = 0; f < FigureRows().size(); ++f) {
    const auto has_it = [f](const ComparisonRow& row) { return row.mean[f].has_value(); };
    if (FigureRows()[f].figure.is_cost != cost || std::none_of(rows.begin(), rows.end(), has_it)) {
      continue;
    }
    table.headings.push_back(FigureRows()[f].figure.heading);
    for (size_t r = 0; r < rows.size(); ++r) table.rows[r].push_back(FigureText(rows[r], f));
  }
  return {std::move(table), num_text_columns};
}

std::string MarkdownTable(const ComparisonTable& comparison) {
  const HtmlTable& table = comparison.table;
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (std::string cell : cells) {
      for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) {
        cell.insert(at, "\\");
      }
      text += " " + cell + " |";
    }
    return text + "\n";
  };
  std::string text = line(table.headings) + "|";
  for (size_t c = 0; c < table.headings.size(); ++c) {
    text += c < comparison.num_text_columns ? " --- |" : " ---: |";
  }
  text += "\n";
  for (const std::vector<std::string>& cells : table.rows) text += line(cells);
  return text;
}

}  // namespace

const std::vector<Figure>& ComparisonFigures() {
  static const std::vector<Figure> figures = [] {
    std::vector<Figure> all;
    for (const FigureRow& row : FigureRows()) all.push_back(row.figure);
    return all;
  }();
  return figures;
}

std::vector<ComparisonRow> ComparisonRows(const ComparisonResult& result) {
  const ComparisonPlan& plan = result.plan;
  std::vector<ComparisonRow> rows;
  for (size_t r = 0; r < plan.rows.size(); ++r) {
    ComparisonRow row{.method = plan.rows[r]};
    std::vector<double> repetitions;
    for (size_t m = 0; m < plan.models.size(); ++m) {
      const PlannedModel& model = plan.models[m];
      if (model.row != r) continue;
      const Measurement& measurement = result.models[m];
      if (model.reference) row.reference = plan.rows[plan.models[*model.reference].row].name;
      row.format = measurement.format;
      row.not_exported = measurement.not_exported;
      row.seeds.push_back(model.seed);
      FigureValues values;
      for (const FigureRow& figure : FigureRows()) {
        values.push_back(figure.value(SubjectOf(result, m)));
      }
      row.of_seeds.push_back(std::move(values));
      repetitions.insert(repetitions.end(), measurement.decode_tokens_per_second.begin(),
                         measurement.decode_tokens_per_second.end());
    }
    Summarize(repetitions, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string FigureText(const ComparisonRow& row, size_t figure) {
  if (!row.mean[figure]) return "";
  const auto text = ComparisonFigures()[figure].text;
  const std::string mean = text(*row.mean[figure]);
  const double spread = row.spread[figure].value_or(0);
  return spread > 0 ? mean + " ± " + text(spread) : mean;
}

ComparisonTable QualityTable(const std::vector<ComparisonRow>& rows) {
  HtmlTable table{{"model", "how", "measured as"}, {}};
  for (const ComparisonRow& row : rows) {
    table.rows.push_back({row.method.name, row.method.how,
                          row.not_exported.empty() ? row.format : row.format + " in memory"});
  }
  return WithFigures(std::move(table), rows, false);
}

ComparisonTable CostTable(const std::vector<ComparisonRow>& rows) {
  HtmlTable table{{"model", "quantizers"}, {}};
  for (const ComparisonRow& row : rows) {
    table.rows.push_back({row.method.name, row.method.quantizer});
  }
  return WithFigures(std::move(table), rows, true);
}

std::vector<std::string> ComparisonNotes(const ComparisonResult& result,
                                         const std::vector<ComparisonRow>& rows) {
  const Measurement& first = result.models.front();
  const bool all_tokens = result.plan.models.front().config.train.eval_tokens == 0;
  std::vector<std::string> notes;
  notes.push_back(fmt::format(
      "Every model is measured through inference on its exported file, unless the table says \"in "
      "memory\", on {}. Figures are {}.",
      fmt::format("{} {} validation tokens", all_tokens ? "all" : "the first",
                  first.validation_tokens),
      rows.front().seeds.size() > 1
          ? fmt::format("means over {} seeds ± their standard deviation", rows.front().seeds.size())
          : std::string("of one seed")));
  std::set<std::string> reasons;
  for (const ComparisonRow& row : rows) {
    if (!row.not_exported.empty() && reasons.insert(row.not_exported).second) {
      notes.push_back(fmt::format(
          "\"In memory\": there is no file, since {}; what was measured is the model as inference "
          "has it in memory, and the size is that of its weights there.",
          row.not_exported));
    }
  }
  std::string ratio =
      "\"/ full precision\": perplexity divided by that of the full-precision model of the same "
      "seed";
  for (const ComparisonRow& row : rows) {
    if (!row.reference.empty() && row.reference != kFullPrecision) {
      ratio += fmt::format("; of {}: by that of \"{}\"", row.method.name, row.reference);
    }
  }
  notes.push_back(ratio + ".");
  std::set<std::string> machines;
  for (const Measurement& measurement : result.models) machines.insert(measurement.machine);
  notes.push_back(fmt::format(
      "Decoding: median of repetitions ± their median distance from it, one token at a time, on "
      "{}. Training: all steps that a model's weights have seen, evaluations included; rounding "
      "afterwards takes "
      "none. \"File - trainer\": by how much the loss of the file differs from the trainer's own "
      "evaluation of the same tokens.",
      fmt::join(machines, " and ")));
  return notes;
}

std::string ComparisonMarkdown(const ComparisonResult& result) {
  const std::vector<ComparisonRow> rows = ComparisonRows(result);
  std::string text = MarkdownTable(QualityTable(rows)) + "\n" + MarkdownTable(CostTable(rows));
  for (const std::string& note : ComparisonNotes(result, rows)) text += "\n" + note + "\n";
  return text;
}

}  // namespace trit
