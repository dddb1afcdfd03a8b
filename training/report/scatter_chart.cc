#include "training/report/scatter_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "training/report/axis.h"
#include "training/report/chart_colors.h"
#include "training/report/chart_frame.h"
#include "training/report/html_page.h"

namespace trit {
namespace {

constexpr ChartFrame kFrame{
    .width = 1120, .height = 440, .left = 64, .right = 24, .top = 28, .bottom = 42};
constexpr double kMargin = 0.05;  // of an axis' range, left free at its ends
constexpr double kRadius = 5;
constexpr double kTextHeight = 14, kCharacterWidth = 6.4;  // of labels, roughly

struct Box {
  double left, top, right, bottom;
  bool Overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

Axis Widened(std::vector<double> values, bool logarithmic) {
  const Axis axis(values, logarithmic);
  if (logarithmic) {
    const double factor = std::pow(axis.high() / axis.low(), kMargin);
    return Axis({axis.low() / factor, axis.high() * factor}, true);
  }
  const double margin = kMargin * (axis.high() - axis.low());
  return Axis({axis.low() - margin, axis.high() + margin}, false);
}

class Drawing {
 public:
  explicit Drawing(const ScatterChart& chart)
      : chart_(chart),
        limit_(Limit(chart)),
        x_(Widened(AllX(chart), chart.log_x)),
        y_(Widened(ShownY(), false)) {
    for (const ScatterPoint& point : chart.points) {
      taken_.push_back({Across(point) - kRadius, Down(point) - kRadius, Across(point) + kRadius,
                        Down(point) + kRadius});
    }
  }

  std::string Svg() {
    std::string svg = BeginChart(kFrame, chart_.title, MarksOf(x_, 8), MarksOf(y_, 6));
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>"
        "<text x=\"{}\" y=\"{}\">{}</text>\n",
        kFrame.Across(0.5), kFrame.height - 6, HtmlEscaped(chart_.x_name), kFrame.left,
        kFrame.top - 10, HtmlEscaped(chart_.y_name));
    svg += FrameSvg(kFrame);
    for (const ScatterPoint& point : chart_.points) {
      if (IsShown(point)) svg += Mark(point) + Label(point);
    }
    return svg + "</svg>";
  }

 private:
  static bool IsFinite(const ScatterPoint& point) {
    return std::isfinite(point.x) && std::isfinite(point.y);
  }
  static double Limit(const ScatterChart& chart) {
    double low = HUGE_VAL;
    for (const ScatterPoint& point : chart.points) {
      if (IsFinite(point)) low = std::min(low, point.y);
    }
    return chart.reach > 0 ? low + chart.reach : HUGE_VAL;
  }
  static std::vector<double> AllX(const ScatterChart& chart) {
    std::vector<double> all;
    for (const ScatterPoint& point : chart.points) all.push_back(point.x);
    return all;
  }
  std::vector<double> ShownY() const {
    std::vector<double> shown;
    for (const ScatterPoint& point : chart_.points) {
      if (point.y > limit_) continue;
      shown.insert(shown.end(), {point.y - point.y_spread, point.y + point.y_spread});
    }
    return shown;
  }

  bool IsShown(const ScatterPoint& point) const { return IsFinite(point) && x_.CanShow(point.x); }
  bool IsAbove(const ScatterPoint& point) const { return point.y > limit_; }
  double Across(const ScatterPoint& point) const { return kFrame.Across(x_.Position(point.x)); }
  double Down(const ScatterPoint& point) const {
    return IsAbove(point) ? kFrame.top + kRadius + 2 : Down(point.y);
  }
  double Down(double y) const { return kFrame.Down(y_.Position(y)); }

  std::string Mark(const ScatterPoint& point) const {
    const double x = Across(point);
    const double y = Down(point);
    const char* color = ChartColor(point.color);
    const std::string paint = fmt::format("fill=\"{}\" stroke=\"{}\" stroke-width=\"2\"",
                                          point.hollow ? "none" : color, color);
    const std::string title = fmt::format(
        "<title>{}: {} {}, {} {}</title>", HtmlEscaped(point.name), ShortNumber(point.x),
        HtmlEscaped(chart_.x_name), ShortNumber(point.y), HtmlEscaped(chart_.y_name));
    if (IsAbove(point)) {
      return fmt::format("<path d=\"M{:.1f} {:.1f}l{} {}h{}z\" {}>{}</path>", x, y - kRadius,
                         kRadius, 2 * kRadius, -2 * kRadius, paint, title);
    }
    std::string mark;
    if (point.y_spread > 0) {
      mark = fmt::format("<path d=\"M{:.1f} {:.1f}V{:.1f}\" stroke=\"{}\" stroke-width=\"1.5\"/>",
                         x, Down(point.y - point.y_spread), Down(point.y + point.y_spread), color);
    }
    return mark + fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" {}>{}</circle>", x, y,
                              kRadius, paint, title);
  }

  // Beside the point, where nothing else stands yet.
  std::string Label(const ScatterPoint& point) {
    const std::string text =
        IsAbove(point) ? fmt::format("{} ({})", point.name, ShortNumber(point.y)) : point.name;
    const double width = kCharacterWidth * static_cast<double>(text.size());
    const double x = Across(point);
    const double y = Down(point);
    Box best = {};
    bool found = false;
    for (const double away : {0.0, 1.0, 2.0, 3.0, 4.0}) {
      for (const double side : {1.0, -1.0}) {
        for (const double vertical : {0.0, 1.0, -1.0}) {
          if (away > 0 && vertical == 0) continue;
          const double left = side > 0 ? x + kRadius + 4 : x - kRadius - 4 - width;
          const double middle = y + vertical * kTextHeight * std::max(away, 0.6);
          const Box box = {left, middle - kTextHeight / 2, left + width, middle + kTextHeight / 2};
          const bool inside = box.left >= kFrame.left && box.right <= kFrame.Across(1) &&
                              box.top >= kFrame.top && box.bottom <= kFrame.Down(0);
          const bool is_free = std::none_of(taken_.begin(), taken_.end(),
                                            [&](const Box& other) { return box.Overlaps(other); });
          if (!found && inside && is_free) {
            best = box;
            found = true;
          }
        }
      }
    }
    if (!found) return "\n";  // the pointer still tells
    taken_.push_back(best);
    const bool right_of_it = best.left > x;
    return fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n",
                       right_of_it ? best.left : best.right, best.bottom - 3.5,
                       right_of_it ? "" : " text-anchor=\"end\"", HtmlEscaped(text));
  }

  const ScatterChart& chart_;
  double limit_;
  Axis x_, y_;
  std::vector<Box> taken_;  // by points and labels
};

}  // namespace

std::string ScatterChartHtml(const ScatterChart& chart) {
  const auto finite = [](const ScatterPoint& point) {
    return std::isfinite(point.x) && std::isfinite(point.y);
  };
  if (std::none_of(chart.points.begin(), chart.points.end(), finite)) return "";
  return fmt::format("<figure>\n<figcaption>{} <small>{}</small></figcaption>\n{}\n</figure>",
                     HtmlEscaped(chart.title), HtmlEscaped(chart.note), Drawing(chart).Svg());
}

}  // namespace trit
