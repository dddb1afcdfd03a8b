// Two distributions over each other, as an SVG figure for an HtmlPage, which shows the shares under
// the pointer.
#ifndef TRIT_TRAINING_REPORT_HISTOGRAM_CHART_H_
#define TRIT_TRAINING_REPORT_HISTOGRAM_CHART_H_

#include <cstddef>
#include <string>
#include <vector>

namespace trit {

// Bins of equal width over [-limit, limit]; the outer ones also have what lies beyond. Shares are
// drawn logarithmically, from 0.01 % up.
struct HistogramChart {
  std::string title;
  std::string note;  // after the title, small
  double limit = 1;
  std::vector<double> before, after;  // shares of the bins: an outline, and bars; equal sizes
  size_t color = 0;                   // ChartColor, of the bars
};

std::string HistogramChartHtml(const HistogramChart& chart);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_HISTOGRAM_CHART_H_
