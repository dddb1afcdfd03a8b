#include "training/compare/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "training/compare/comparison_table.h"
#include "training/report/histogram_chart.h"
#include "training/report/line_chart.h"
#include "training/report/scatter_chart.h"
#include "training/report/smoothed.h"

namespace trit {
namespace {

// Losses further above the best one are off the chart of quality against size: such a model has
// collapsed, and by how much says little.
constexpr double kReach = 1;  // nats a token

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class Page {
 public:
  explicit Page(const ComparisonResult& result)
      : result_(result), rows_(ComparisonRows(result)), page_("Comparison") {
    ChooseColors();
  }

  HtmlPage Make() {
    page_.AddHeading(1, "Comparison");
    page_.AddParagraph(result_.program);
    for (const ComparisonTable& table : {QualityTable(rows_), CostTable(rows_)}) {
      page_.Add(TableHtml(table.table, table.num_text_columns));
    }
    for (const std::string& note : ComparisonNotes(result_, rows_)) page_.AddParagraph(note);
    AddQuality();
    AddCurves();
    AddErrors();
    AddHistograms();
    return std::move(page_);
  }

 private:
  // The same quantizers have the same color, whether they were trained with or applied afterwards.
  void ChooseColors() {
    std::map<std::pair<std::string, int64_t>, size_t> seen;
    for (const ComparisonRow& row : rows_) {
      const std::pair key(row.method.quantizer, row.method.continued_steps);
      colors_.push_back(seen.emplace(key, seen.size()).first->second);
    }
  }

  static size_t FigureIndex(const std::string& key) {
    const std::vector<Figure>& figures = ComparisonFigures();
    const auto found = std::find_if(figures.begin(), figures.end(),
                                    [&](const Figure& figure) { return figure.key == key; });
    return static_cast<size_t>(found - figures.begin());
  }

  void AddQuality() {
    const size_t loss = FigureIndex("validation_loss");
    const auto chart = [&](const char* key, double unit, const char* title, const char* x_name) {
      ScatterChart scatter{
          .title = title,
          .note = "filled: trained with its quantizers; hollow: rounded afterwards",
          .x_name = x_name,
          .y_name = "validation loss, nats a token",
          .points = {},
          .log_x = true,
          .reach = kReach};
      for (size_t r = 0; r < rows_.size(); ++r) {
        const ComparisonRow& row = rows_[r];
        scatter.points.push_back({.name = row.method.name,
                                  .x = row.mean[FigureIndex(key)].value_or(kNaN) / unit,
                                  .y = row.mean[loss].value_or(kNaN),
                                  .y_spread = row.spread[loss].value_or(0),
                                  .color = colors_[r],
                                  .hollow = row.method.nearest});
      }
      return ScatterChartHtml(scatter);
    };
    page_.AddHeading(2, "Quality against size");
    page_.Add(chart("bytes", 1e6, "Loss against size", "size of the file, MB"));
    page_.Add(chart("bits_per_weight", 1, "Loss against bits a weight",
                    "bits a weight of the layers' matrices, scales included"));
  }

  // Of the first seed.
  size_t FirstModel(size_t row) const {
    const std::vector<PlannedModel>& models = result_.plan.models;
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const PlannedModel& model) { return model.row == row; });
    return static_cast<size_t>(found - models.begin());
  }
  const Measurement& First(size_t row) const { return result_.models[FirstModel(row)]; }

  void AddCurves() {
    LineChart loss{.title = "Training loss",
                   .note = "nats a token, over steps",
                   .x_name = "step",
                   .curves = {},
                   .settle_share = 0.03};
    LineChart validation = loss;
    validation.title = "Validation loss";
    for (size_t r = 0; r < rows_.size(); ++r) {
      if (rows_[r].method.nearest) continue;
      const TrainingRecord& run = result_.runs[result_.plan.models[FirstModel(r)].run];
      ChartCurve raw{.name = rows_[r].method.name,
                     .x = run.loss.steps,
                     .y = run.loss.values,
                     .color = colors_[r]};
      ChartCurve smooth = raw;
      smooth.y = Smoothed(raw.y);
      raw.faint = true;
      loss.curves.push_back(std::move(raw));
      loss.curves.push_back(std::move(smooth));
      validation.curves.push_back({.name = rows_[r].method.name,
                                   .x = run.validation_loss.steps,
                                   .y = run.validation_loss.values,
                                   .color = colors_[r],
                                   .points = run.validation_loss.steps.size() <= 60});
    }
    page_.AddHeading(2, "Training" + OfFirstSeed());
    page_.AddFigures({LineChartHtml(loss), LineChartHtml(validation)});
  }

  std::string OfFirstSeed() const {
    const std::vector<int64_t>& seeds = rows_.front().seeds;
    return seeds.size() > 1 ? fmt::format(" (seed {})", seeds.front()) : "";
  }

  void AddErrors() {
    LineChart weights{.title = "Error of the weights",
                      .note =
                          "relative L2 by layer: rounding against the model's own latent "
                          "weights",
                      .x_name = "layer",
                      .curves = {},
                      .log_y = true,
                      .whole_x = true};
    LineChart outputs = weights;
    outputs.title = "Error of the layers";
    outputs.note =
        "relative L2 of what comes out of each against the full-precision model, on validation "
        "text";
    for (size_t r = 0; r < rows_.size(); ++r) {
      const std::optional<ModelProfile>& profile = First(r).profile;
      // The first model is compared with itself: zeros, which a logarithmic axis has no place for.
      if (!profile || !result_.plan.models[FirstModel(r)].reference) continue;
      ChartCurve curve{.name = rows_[r].method.name,
                       .x = {},
                       .y = {},
                       .color = colors_[r],
                       .dashed = rows_[r].method.nearest,
                       .points = true};
      ChartCurve weight_curve = curve;
      for (const auto& [layer, error] : LayerWeightErrors(*profile)) {
        weight_curve.x.push_back(layer);
        weight_curve.y.push_back(error);
      }
      for (size_t layer = 0; layer < profile->layer_errors.size(); ++layer) {
        curve.x.push_back(static_cast<double>(layer));
        curve.y.push_back(profile->layer_errors[layer]);
      }
      weights.curves.push_back(std::move(weight_curve));
      outputs.curves.push_back(std::move(curve));
    }
    page_.AddHeading(2, "Error by layer" + OfFirstSeed());
    page_.AddParagraph(
        "A model trained from scratch has found other weights than the full-precision one: its "
        "layers differ from that one's, which is no error. Rounded and continued models can be "
        "compared.");
    page_.AddFigures({LineChartHtml(weights), LineChartHtml(outputs)});
  }

  // Means over a layer's matrices ("layers.3.mlp.up_proj").
  static std::map<double, double> LayerWeightErrors(const ModelProfile& profile) {
    std::map<double, std::pair<double, double>> sums;  // and counts
    for (size_t i = 0; i < profile.matrices.size(); ++i) {
      const std::string& name = profile.matrices[i];
      const double layer = std::stod(name.substr(name.find('.') + 1));
      sums[layer].first += profile.weight_errors[i];
      sums[layer].second += 1;
    }
    std::map<double, double> means;
    for (const auto& [layer, sum] : sums) means[layer] = sum.first / sum.second;
    return means;
  }

  void AddHistograms() {
    page_.AddHeading(2, "Weights and activations before and after" + OfFirstSeed());
    page_.AddParagraph(
        "Before: the latent weights, and the inputs of matrices as floats; after: what inference "
        "multiplies with. Inputs are of validation text. The outer bins also have what lies "
        "beyond.");
    bool open = true;
    for (size_t r = 0; r < rows_.size(); ++r) {
      const std::optional<ModelProfile>& profile = First(r).profile;
      if (!profile || rows_[r].method.baseline) continue;  // nothing is rounded there
      std::vector<std::string> figures;
      const auto add = [&](const std::vector<BeforeAndAfter>& histograms, const char* what) {
        for (const BeforeAndAfter& histogram : histograms) {
          figures.push_back(HistogramChartHtml({.title = what,
                                                .note = histogram.matrix,
                                                .limit = histogram.limit,
                                                .before = histogram.before,
                                                .after = histogram.after,
                                                .color = colors_[r]}));
        }
      };
      add(profile->weights, "Weights of");
      add(profile->inputs, "Inputs of");
      page_.Add(fmt::format("<details{}><summary>{}: {}</summary>", open ? " open" : "",
                            HtmlEscaped(rows_[r].method.name),
                            HtmlEscaped(rows_[r].method.quantizer)));
      page_.AddFigures(figures);
      page_.Add("</details>");
      open = false;
    }
  }

  const ComparisonResult& result_;
  std::vector<ComparisonRow> rows_;
  std::vector<size_t> colors_;  // by row
  HtmlPage page_;
};

}  // namespace

HtmlPage ComparisonPage(const ComparisonResult& result) { return Page(result).Make(); }

}  // namespace trit
