// A comparison as an HTML page: the table, quality against size, training curves over each other,
// errors by layer, and what quantization does to weights and activations.
#ifndef TRIT_TRAINING_COMPARE_COMPARISON_PAGE_H_
#define TRIT_TRAINING_COMPARE_COMPARISON_PAGE_H_

#include "training/compare/comparison_result.h"
#include "training/report/html_page.h"

namespace trit {

HtmlPage ComparisonPage(const ComparisonResult& result);

}  // namespace trit

#endif  // TRIT_TRAINING_COMPARE_COMPARISON_PAGE_H_
