#include "training/report/chart_frame.h"

#include <fmt/format.h>

#include "training/report/html_page.h"

namespace trit {

std::vector<ChartMark> MarksOf(const Axis& axis, int count) {
  std::vector<ChartMark> marks;
  for (const double tick : axis.Ticks(count)) {
    marks.push_back({axis.Position(tick), ShortNumber(tick)});
  }
  return marks;
}

std::string BeginChart(const ChartFrame& frame, std::string_view title,
                       const std::vector<ChartMark>& x_marks,
                       const std::vector<ChartMark>& y_marks) {
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                                frame.width, frame.height, HtmlEscaped(title));
  for (const ChartMark& mark : y_marks) {
    const double y = frame.Down(mark.position);
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        frame.left, frame.width - frame.right, y, y, frame.left - 6, y + 4, mark.text);
  }
  for (const ChartMark& mark : x_marks) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       frame.Across(mark.position), frame.height - frame.bottom + 16, mark.text);
  }
  return svg;
}

std::string FrameSvg(const ChartFrame& frame) {
  return fmt::format(
      "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" "
      "stroke-opacity=\".4\"/>\n",
      frame.left, frame.top, frame.PlotWidth(), frame.PlotHeight());
}

}  // namespace trit
