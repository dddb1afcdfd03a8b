// Named points as an SVG figure for an HtmlPage.
#ifndef TRIT_TRAINING_REPORT_SCATTER_CHART_H_
#define TRIT_TRAINING_REPORT_SCATTER_CHART_H_

#include <cstddef>
#include <string>
#include <vector>

namespace trit {

struct ScatterPoint {
  std::string name;
  double x = 0, y = 0;
  double y_spread = 0;  // drawn as a bar up and down from the point
  size_t color = 0;     // ChartColor
  bool hollow = false;
};

struct ScatterChart {
  std::string title;
  std::string note;  // after the title, small
  std::string x_name, y_name;
  std::vector<ScatterPoint> points;
  bool log_x = false;
  // Points further above the lowest one than this are drawn at the upper edge, with their value, so
  // that they do not press the others together.
  double reach = 0;
};

// Empty if there is no point with finite coordinates.
std::string ScatterChartHtml(const ScatterChart& chart);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_SCATTER_CHART_H_
