#include "training/report/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "training/report/axis.h"
#include "training/report/chart_colors.h"
#include "training/report/chart_frame.h"
#include "training/report/html_page.h"
#include "training/report/thinned.h"

namespace trit {
namespace {

constexpr ChartFrame kFrame{
    .width = 560, .height = 260, .left = 52, .right = 10, .top = 8, .bottom = 26};
constexpr size_t kMaxPoints = 700;

const char* ColorOf(const ChartCurve& curve) { return ChartColor(curve.color); }

// As many points as a screen can show.
ChartCurve Thinned(ChartCurve curve) {
  Thin(kMaxPoints, curve.x, curve.y);
  return curve;
}

class Drawing {
 public:
  explicit Drawing(const LineChart& chart)
      : chart_(chart), x_(AllX(chart), false), y_(VisibleY(chart, x_), chart.log_y) {}

  std::string Svg() const {
    std::vector<ChartMark> x_marks = MarksOf(x_, 6);
    if (chart_.whole_x) {
      x_marks.clear();
      for (const double tick : x_.Ticks(6)) {
        if (tick == std::round(tick)) x_marks.push_back({x_.Position(tick), ShortNumber(tick)});
      }
    }
    std::string svg = BeginChart(kFrame, chart_.title, x_marks, MarksOf(y_, 5)) + FrameSvg(kFrame);
    for (const bool faint : {true, false}) {
      for (const ChartCurve& curve : chart_.curves) {
        if (curve.faint == faint) svg += Curve(curve);
      }
    }
    return svg + "</svg>";
  }

  // What the page's script reads.
  std::string Data() const {
    nlohmann::ordered_json data = {{"x_name", chart_.x_name},
                                   {"x_min", x_.low()},
                                   {"x_max", x_.high()},
                                   {"series", nlohmann::ordered_json::array()}};
    for (const ChartCurve& curve : chart_.curves) {
      if (curve.faint) continue;
      const ChartCurve thin = Thinned(curve);
      nlohmann::ordered_json series = {{"name", curve.name}};
      for (size_t i = 0; i < thin.x.size(); ++i) {
        if (!std::isfinite(thin.y[i])) continue;
        series["x"].push_back(Rounded(thin.x[i]));
        series["y"].push_back(Rounded(thin.y[i]));
      }
      if (series.contains("x")) data["series"].push_back(std::move(series));
    }
    return data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

 private:
  static std::vector<double> AllX(const LineChart& chart) {
    std::vector<double> all;
    for (const ChartCurve& curve : chart.curves) {
      for (size_t i = 0; i < curve.x.size(); ++i) {
        if (std::isfinite(curve.y[i])) all.push_back(curve.x[i]);
      }
    }
    return all;
  }
  static std::vector<double> VisibleY(const LineChart& chart, const Axis& x) {
    std::vector<double> visible;
    const bool any_curve = std::any_of(chart.curves.begin(), chart.curves.end(),
                                       [](const ChartCurve& curve) { return !curve.faint; });
    for (const ChartCurve& curve : chart.curves) {
      if (curve.faint && any_curve) continue;
      for (size_t i = 0; i < curve.x.size(); ++i) {
        const bool last = i + 1 == curve.x.size();
        if (last || x.Position(curve.x[i]) >= chart.settle_share) visible.push_back(curve.y[i]);
      }
    }
    return visible;
  }
  // Six digits are more than a screen has.
  static double Rounded(double value) { return std::stod(fmt::format("{:.6g}", value)); }

  double Across(double x) const { return kFrame.Across(x_.Position(x)); }
  // Kept near the frame: what is cut off still leads out of it.
  double Down(double y) const { return kFrame.Down(std::clamp(y_.Position(y), -0.02, 1.02)); }

  std::string Curve(const ChartCurve& full) const {
    const ChartCurve curve = Thinned(full);
    std::string path;
    std::string marks;
    bool pen_down = false;
    for (size_t i = 0; i < curve.x.size(); ++i) {
      const bool shown = y_.CanShow(curve.y[i]);
      if (shown) {
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", Across(curve.x[i]),
                            Down(curve.y[i]));
        if (curve.points) {
          marks += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.2\" fill=\"{}\"/>",
                               Across(curve.x[i]), Down(curve.y[i]), ColorOf(curve));
        }
      }
      pen_down = shown;
    }
    return fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}{} "
        "stroke-linejoin=\"round\"/>{}\n",
        path, ColorOf(curve), curve.faint ? 1.0 : 1.6, curve.faint ? " stroke-opacity=\".25\"" : "",
        curve.dashed ? " stroke-dasharray=\"5 3\"" : "", marks);
  }

  const LineChart& chart_;
  Axis x_, y_;
};

}  // namespace

std::string LineChartHtml(const LineChart& chart) {
  const auto has_value = [](const ChartCurve& curve) {
    return std::any_of(curve.y.begin(), curve.y.end(), [](double y) { return std::isfinite(y); });
  };
  if (std::none_of(chart.curves.begin(), chart.curves.end(), has_value)) return "";
  const Drawing drawing(chart);
  std::string html =
      fmt::format("<figure data-chart=\"{}\">\n<figcaption>{} <small>{}</small></figcaption>\n{}\n",
                  HtmlEscaped(drawing.Data()), HtmlEscaped(chart.title), HtmlEscaped(chart.note),
                  drawing.Svg());
  html += "<div class=\"legend\">";
  for (const ChartCurve& curve : chart.curves) {
    if (curve.faint || !has_value(curve)) continue;
    html += fmt::format("<span><i style=\"border-top:3px {} {}\"></i>{}</span>",
                        curve.dashed ? "dotted" : "solid", ColorOf(curve), HtmlEscaped(curve.name));
  }
  return html + "</div>\n</figure>";
}

}  // namespace trit
