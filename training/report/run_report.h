// One or several runs as an HTML page: a table, their curves laid over each other, and of each its
// layers over time and its samples.
#ifndef TRIT_TRAINING_REPORT_RUN_REPORT_H_
#define TRIT_TRAINING_REPORT_RUN_REPORT_H_

#include <span>

#include "training/report/html_page.h"
#include "training/report/run_history.h"

namespace trit {

// At least one run; curves are over training tokens where every run's config is known, else steps.
HtmlPage RunReport(std::span<const RunHistory> runs);

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_RUN_REPORT_H_
