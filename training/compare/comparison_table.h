// The figures of a comparison: a row a method, the mean over seeds and their spread. One list of
// figures says what JSON calls each of them, what tables do, and how it is written.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_TABLE_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "training/compare/comparison_result.h"
#include "training/report/html_page.h"

namespace trit {

struct Figure {
  const char* key;      // in JSON
  const char* heading;  // in tables, with the unit
  bool is_cost;         // of time and training: in a table of its own, beside quality and size
  std::string (*text)(double value);
};
const std::vector<Figure>& ComparisonFigures();

// By the order of ComparisonFigures; nothing where it was not measured.
using FigureValues = std::vector<std::optional<double>>;

struct ComparisonRow {
  PlannedRow method;
  std::string reference;             // the row that its perplexity is divided by
  std::string format, not_exported;  // Measurement's
  std::vector<int64_t> seeds;
  std::vector<FigureValues> of_seeds;  // as seeds
  FigureValues mean;                   // over seeds; of decoding the median over all repetitions
  // Sample standard deviation over seeds; of decoding the median distance of all repetitions from
  // their median, which is not upset by those that something else on the machine held up.
  FigureValues spread;
};

std::vector<ComparisonRow> ComparisonRows(const ComparisonResult& result);

// "1.2345 ± 0.0012", or without a spread the mean alone; empty if not measured.
std::string FigureText(const ComparisonRow& row, size_t figure);

// One of the two tables: quality and size, or quantizers and cost. Figures that no row has are left
// out.
struct ComparisonTable {
  HtmlTable table;
  size_t num_text_columns = 0;  // before the figures
};
ComparisonTable QualityTable(const std::vector<ComparisonRow>& rows);
ComparisonTable CostTable(const std::vector<ComparisonRow>& rows);
// What a reader of the table has to know, a sentence or more each.
std::vector<std::string> ComparisonNotes(const ComparisonResult& result,
                                         const std::vector<ComparisonRow>& rows);

// The tables and their notes as Markdown.
std::string ComparisonMarkdown(const ComparisonResult& result);
// Everything: rows with their seeds, training curves and profiles. Ends with a line end.
std::string ComparisonJson(const ComparisonResult& result);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_TABLE_H_
