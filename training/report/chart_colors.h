// The colors of a chart's curves and points.
#ifndef TRIT_TRAINING_REPORT_CHART_COLORS_H_
#define TRIT_TRAINING_REPORT_CHART_COLORS_H_

#include <cstddef>

namespace trit {

// Okabe and Ito's, which color-blind people can tell apart; on light and dark ground. They begin
// again after the eighth.
inline const char* ChartColor(size_t index) {
  constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                     "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"};
  return kColors[index % (sizeof kColors / sizeof kColors[0])];
}

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_CHART_COLORS_H_
