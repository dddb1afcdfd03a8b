// What all charts have around what they show: the SVG's size, marks along its axes, and a frame.
#ifndef TRIT_TRAINING_REPORT_CHART_FRAME_H_
#define TRIT_TRAINING_REPORT_CHART_FRAME_H_

#include <string>
#include <string_view>
#include <vector>

#include "training/report/axis.h"

namespace trit {

// In the SVG's own units, which the browser scales to the space there is.
struct ChartFrame {
  double width, height;
  double left, right, top, bottom;  // margins around the plot

  constexpr double PlotWidth() const { return width - left - right; }
  constexpr double PlotHeight() const { return height - top - bottom; }
  // Of a position on an axis (Axis::Position), 0 to 1.
  constexpr double Across(double position) const { return left + PlotWidth() * position; }
  constexpr double Down(double position) const { return top + PlotHeight() * (1 - position); }
};

struct ChartMark {
  double position;  // on the axis, 0 to 1
  std::string text;
};
// Of about `count` round numbers.
std::vector<ChartMark> MarksOf(const Axis& axis, int count);

// "<svg …>" with a line across the plot for every mark of the y axis, and the marks' texts.
std::string BeginChart(const ChartFrame& frame, std::string_view title,
                       const std::vector<ChartMark>& x_marks,
                       const std::vector<ChartMark>& y_marks);
// The rectangle around the plot.
std::string FrameSvg(const ChartFrame& frame);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_CHART_FRAME_H_
