#include "training/report/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/weight_table.h"
#include "training/config/quantizer_text.h"
#include "training/logs/progress_line.h"
#include "training/report/axis.h"
#include "training/report/heat_map.h"
#include "training/report/line_chart.h"
#include "training/report/median.h"
#include "training/report/smoothed.h"

namespace trit {
namespace {

constexpr size_t kShownSamples = 8;  // of a run: the latest

// How a run's steps become places on the x axis.
struct TimeAxis {
  bool tokens = false;
  const char* name() const { return tokens ? "training tokens" : "step"; }
  double At(const RunHistory& run, double step) const {
    return tokens ? step * static_cast<double>(run.config->train.batch_tokens) : step;
  }
};

std::string Fixed(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "";
}

std::string Percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100 * share) : "";
}

double Last(const StepSeries& series) {
  return series.values.empty() ? std::numeric_limits<double>::quiet_NaN() : series.values.back();
}

class Report {
 public:
  explicit Report(std::span<const RunHistory> runs)
      : runs_(runs), page_(runs.size() == 1 ? runs[0].name : "Training runs") {
    time_.tokens = std::all_of(runs.begin(), runs.end(),
                               [](const RunHistory& run) { return run.config.has_value(); });
  }

  HtmlPage Make() {
    page_.AddHeading(1, runs_.size() == 1 ? runs_[0].name : "Training runs");
    AddSummary();
    AddCurves();
    for (const RunHistory& run : runs_) AddLayers(run);
    for (const RunHistory& run : runs_) AddSamples(run);
    return std::move(page_);
  }

 private:
  void AddSummary() {
    HtmlTable table = {{"run", "weights", "parameters", "steps", "tokens", "loss", "validation",
                        "best", "bits/byte", "zeros", "tokens/s", "utilization", "time"},
                       {}};
    for (const RunHistory& run : runs_) table.rows.push_back(SummaryRow(run));
    page_.Add(TableHtml(table, 2));
    page_.AddParagraph(
        "loss: mean of the last twentieth of the steps; losses in nats a token; tokens/s and "
        "utilization (of the machine's peak in matrix products): medians");
  }

  std::vector<std::string> SummaryRow(const RunHistory& run) const {
    std::vector<std::string> row = {run.name};
    std::string parameters;
    std::string steps;
    const StepSeries& loss = run.Metric("loss");
    const double done = loss.steps.empty() ? 0 : loss.steps.back() + 1;
    std::string tokens;
    if (run.config) {
      row.push_back(QuantizerText(run.config->quantizer));
      parameters = ShortNumber(static_cast<double>(WeightTable(run.config->model).NumParameters()));
      steps = fmt::format("{:.0f} of {}", done, run.config->train.steps);
      tokens = ShortNumber(done * static_cast<double>(run.config->train.batch_tokens));
    } else {
      row.push_back("");
      steps = fmt::format("{:.0f}", done);
    }
    const size_t tail = std::max<size_t>(1, loss.values.size() / 20);
    double sum = 0;
    for (size_t i = loss.values.size() - std::min(tail, loss.values.size()); i < loss.values.size();
         ++i) {
      sum += loss.values[i];
    }
    const StepSeries& validation = run.Metric("validation_loss");
    const double best = validation.values.empty()
                            ? std::numeric_limits<double>::quiet_NaN()
                            : *std::min_element(validation.values.begin(), validation.values.end());
    const double seconds = Last(run.Metric("elapsed_seconds"));
    row.insert(row.end(), {parameters, steps, tokens, Fixed(sum / static_cast<double>(tail), 4),
                           Fixed(Last(validation), 4), Fixed(best, 4),
                           Fixed(Last(run.Metric("bits_per_byte")), 4),
                           Percent(Last(run.Metric("zero_share"))),
                           Fixed(Median(run.Metric("tokens_per_second").values), 0),
                           Percent(Median(run.Metric("model_flops_utilization").values)),
                           std::isfinite(seconds) ? FormatDuration(seconds) : ""});
    return row;
  }

  ChartCurve CurveOf(size_t index, const std::string& metric) const {
    const RunHistory& run = runs_[index];
    const StepSeries& series = run.Metric(metric);
    ChartCurve curve{.name = run.name, .x = {}, .y = series.values, .color = index};
    for (const double step : series.steps) curve.x.push_back(time_.At(run, step));
    return curve;
  }

  // Of every run the curve, smoothed over a faint one.
  std::string SmoothChart(LineChart chart, const std::string& metric) const {
    chart.x_name = time_.name();
    for (size_t i = 0; i < runs_.size(); ++i) {
      ChartCurve raw = CurveOf(i, metric);
      ChartCurve smooth = raw;
      smooth.y = Smoothed(raw.y);
      raw.faint = true;
      chart.curves.push_back(std::move(raw));
      chart.curves.push_back(std::move(smooth));
    }
    return LineChartHtml(chart);
  }

  // Of every run the curve as it is.
  std::string Chart(LineChart chart, const std::string& metric, bool points = false) const {
    chart.x_name = time_.name();
    for (size_t i = 0; i < runs_.size(); ++i) {
      chart.curves.push_back(CurveOf(i, metric));
      chart.curves.back().points = points && chart.curves.back().x.size() <= 60;
    }
    return LineChartHtml(chart);
  }

  void AddCurves() {
    const std::string over = std::string("over ") + time_.name();
    std::vector<std::string> figures = {
        SmoothChart(
            {.title = "Training loss", .note = "nats a token, " + over, .settle_share = 0.03},
            "loss"),
        Chart({.title = "Validation loss", .note = "nats a token, " + over, .settle_share = 0.03},
              "validation_loss", true),
        Chart(
            {.title = "Bits per byte", .note = "of validation text, " + over, .settle_share = 0.03},
            "bits_per_byte", true),
        Chart({.title = "Multiple choice", .note = "share answered right, " + over},
              "multiple_choice", true),
        Chart({.title = "Exact match", .note = "share answered to the letter, " + over},
              "exact_match", true),
        Chart({.title = "Learning rate", .note = over}, "learning_rate"),
        SmoothChart({.title = "Gradient norm", .note = "before clipping, " + over, .log_y = true},
                    "grad_norm"),
        Chart({.title = "Zeros", .note = "share of the ternary weights, " + over}, "zero_share"),
        SmoothChart({.title = "Flips",
                     .note = "share of the codes an update changes, " + over,
                     .log_y = true},
                    "flip_rate"),
        SmoothChart({.title = "Speed", .note = "tokens a second, " + over}, "tokens_per_second"),
        SmoothChart(
            {.title = "Utilization", .note = "of the machine's peak in matrix products, " + over},
            "model_flops_utilization"),
    };
    std::erase(figures, "");
    page_.AddHeading(2, "Curves");
    page_.AddFigures(figures);
  }

  std::string Map(const RunHistory& run, const std::string& number, const char* title,
                  const char* note, bool logarithmic) const {
    const auto found = run.layers.find(number);
    if (found == run.layers.end() || found->second.steps.empty()) return "";
    HeatMap map{.title = title,
                .note = note,
                .x_name = time_.name(),
                .x = {},
                .rows = found->second.rows,
                .values = found->second.values,
                .logarithmic = logarithmic};
    for (const double step : found->second.steps) map.x.push_back(time_.At(run, step));
    for (std::string& row : map.rows) {
      for (const char* part : {"layers.", "self_attn.", "mlp."}) {
        const size_t at = row.find(part);
        if (at != std::string::npos) row.erase(at, std::string(part).size());
      }
    }
    return HeatMapHtml(map);
  }

  void AddLayers(const RunHistory& run) {
    std::vector<std::string> figures = {
        Map(run, "zero_share", "Zeros", "share of each matrix's codes", false),
        Map(run, "flip_rate", "Flips", "share of codes an update changes", true),
        Map(run, "scale", "Scale", "mean of each matrix's scales", true),
        Map(run, "residual_max", "Residual stream", "largest value before each layer", true),
        Map(run, "attention_max", "Attention", "largest value before its sub-norm", true),
        Map(run, "gated_max", "Gated unit", "largest value before its sub-norm", true),
    };
    std::erase(figures, "");
    if (figures.empty()) return;
    page_.AddHeading(2, "Layers of " + run.name);
    page_.AddFigures(figures);
  }

  void AddSamples(const RunHistory& run) {
    if (run.samples.empty()) return;
    page_.AddHeading(2, "Samples of " + run.name);
    std::string html = "<div class=\"scroll\"><table>\n<tr><th>step</th><th>text</th></tr>\n";
    const size_t count = std::min(kShownSamples, run.samples.size());
    for (size_t i = 0; i < count; ++i) {
      const RunSample& sample = run.samples[run.samples.size() - 1 - i];
      html += fmt::format(
          "<tr><td class=\"number\">{}</td><td class=\"sample\"><b>{}</b>{}</td></tr>\n",
          sample.step, HtmlEscaped(sample.prompt), HtmlEscaped(sample.text));
    }
    page_.Add(html + "</table></div>");
  }

  std::span<const RunHistory> runs_;
  HtmlPage page_;
  TimeAxis time_;
};

}  // namespace

HtmlPage RunReport(std::span<const RunHistory> runs) { return Report(runs).Make(); }

}  // namespace trit
