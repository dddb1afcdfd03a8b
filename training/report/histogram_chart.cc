#include "training/report/histogram_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "training/report/axis.h"
#include "training/report/chart_colors.h"
#include "training/report/chart_frame.h"
#include "training/report/html_page.h"

namespace trit {
namespace {

constexpr ChartFrame kFrame{
    .width = 560, .height = 190, .left = 52, .right = 10, .top = 8, .bottom = 26};
constexpr double kLowest = 1e-4;  // share at the bottom of the chart

double PositionOf(const Axis& axis, double share) {
  return share > kLowest ? axis.Position(share) : 0.0;
}
double Down(const Axis& axis, double share) { return kFrame.Down(PositionOf(axis, share)); }

// What the page's script reads.
std::string DataOf(const HistogramChart& chart) {
  nlohmann::ordered_json centers = nlohmann::ordered_json::array();
  const double bins = static_cast<double>(chart.before.size());
  for (size_t i = 0; i < chart.before.size(); ++i) {
    const double center = chart.limit * ((2 * static_cast<double>(i) + 1) / bins - 1);
    centers.push_back(std::stod(fmt::format("{:.3g}", center)));
  }
  const auto series = [&](const char* name, const std::vector<double>& shares) {
    nlohmann::ordered_json rounded = nlohmann::ordered_json::array();
    for (const double share : shares) rounded.push_back(std::stod(fmt::format("{:.4g}", share)));
    return nlohmann::ordered_json{{"name", name}, {"x", centers}, {"y", rounded}};
  };
  return nlohmann::ordered_json{
      {"x_name", "value"},
      {"x_min", -chart.limit},
      {"x_max", chart.limit},
      {"series", {series("before", chart.before), series("after", chart.after)}}}
      .dump();
}

std::string Svg(const HistogramChart& chart) {
  const Axis shares({kLowest, 1}, true);
  const Axis values({-chart.limit, chart.limit}, false);
  std::vector<ChartMark> share_marks;
  for (const auto& [share, text] : {std::pair{1e-4, "0.01 %"}, {1e-2, "1 %"}, {1.0, "100 %"}}) {
    share_marks.push_back({PositionOf(shares, share), text});
  }
  const double width = kFrame.PlotWidth() / static_cast<double>(chart.after.size());
  const double bottom = kFrame.Down(0);
  std::string bars;
  std::string outline = fmt::format("M{:.1f} {:.1f}", kFrame.left, bottom);
  for (size_t i = 0; i < chart.after.size(); ++i) {
    const double left = kFrame.left + width * static_cast<double>(i);
    const double top = Down(shares, chart.after[i]);
    if (top < bottom) {
      bars += fmt::format("M{:.1f} {:.1f}V{:.1f}h{:.1f}V{:.1f}z", left + 0.5, bottom, top,
                          width - 1, bottom);
    }
    outline += fmt::format("V{:.1f}H{:.1f}", Down(shares, chart.before[i]), left + width);
  }
  return BeginChart(kFrame, chart.title, MarksOf(values, 6), share_marks) +
         fmt::format(
             "<path class=\"bar\" d=\"{}\" fill=\"{}\"/>\n"
             "<path d=\"{}V{:.1f}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"/>\n",
             bars, ChartColor(chart.color), outline, bottom, ChartColor(7)) +
         FrameSvg(kFrame) + "</svg>";
}

}  // namespace

std::string HistogramChartHtml(const HistogramChart& chart) {
  return fmt::format(
      "<figure data-chart=\"{}\">\n<figcaption>{} <small>{}</small></figcaption>\n{}\n"
      "<div class=\"legend\"><span><i style=\"border-top:3px solid {}\"></i>before</span>"
      "<span><i style=\"border-top:8px solid {};opacity:.55\"></i>after</span></div>\n</figure>",
      HtmlEscaped(DataOf(chart)), HtmlEscaped(chart.title), HtmlEscaped(chart.note), Svg(chart),
      ChartColor(7), ChartColor(chart.color));
}

}  // namespace trit
