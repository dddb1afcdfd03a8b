// Numbers of many rows (layers) over time as a colored field, a figure for an HtmlPage, which shows
// the value under the pointer.
#ifndef TRIT_TRAINING_REPORT_HEAT_MAP_H_
#define TRIT_TRAINING_REPORT_HEAT_MAP_H_

#include <string>
#include <vector>

namespace trit {

struct HeatMap {
  std::string title;
  std::string note;    // after the title, small: the unit
  std::string x_name;  // of the columns
  std::vector<double> x;
  std::vector<std::string> rows;            // from the top
  std::vector<std::vector<double>> values;  // [column][row]; what is not finite stays empty
  bool logarithmic = false;                 // of the colors; values that are not above 0 stay empty
};

// Empty if there is no value. Columns of equal width in the order given, thinned (to every nth) to
// what a screen can show.
std::string HeatMapHtml(const HeatMap& map);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_HEAT_MAP_H_
