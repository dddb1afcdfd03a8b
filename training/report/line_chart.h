// Curves as an SVG figure for an HtmlPage, which shows the values under the pointer.
#ifndef TRIT_TRAINING_REPORT_LINE_CHART_H_
#define TRIT_TRAINING_REPORT_LINE_CHART_H_

#include <cstddef>
#include <string>
#include <vector>

namespace trit {

struct ChartCurve {
  std::string name;
  std::vector<double> x, y;  // equal lengths, x ascending; what is not finite is a gap
  size_t color = 0;          // index into the page's colors: the same for the same run everywhere
  bool dashed = false;
  bool faint = false;   // behind the others, and not among what the pointer shows
  bool points = false;  // marked, for few measurements
};

struct LineChart {
  std::string title;
  std::string note;  // after the title, small: the unit
  std::string x_name;
  std::vector<ChartCurve> curves;
  bool log_y = false;
  bool whole_x = false;  // the axis is marked at whole numbers only
  // Values left of this share of the x range may be cut off above: a loss begins far above where
  // it becomes interesting.
  double settle_share = 0;
};

// Empty if no curve has a value. Curves of many points are thinned to what a screen can show.
std::string LineChartHtml(const LineChart& chart);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_LINE_CHART_H_
