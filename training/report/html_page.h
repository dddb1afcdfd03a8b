// A self-contained HTML page: no file, font, script or image from elsewhere, and nothing it shows
// can make it load one. Light or dark as the reader's system is.
#ifndef TRIT_TRAINING_REPORT_HTML_PAGE_H_
#define TRIT_TRAINING_REPORT_HTML_PAGE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trit {

// Text as HTML shows it, in elements and in quoted attributes.
std::string HtmlEscaped(std::string_view text);

// Rows of cells below a row of headings; numbers stand to the right.
struct HtmlTable {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;  // text, not HTML
};
// The columns after the first `num_text_columns` are numbers.
std::string TableHtml(const HtmlTable& table, size_t num_text_columns);

class HtmlPage {
 public:
  explicit HtmlPage(std::string title) : title_(std::move(title)) {}

  // Parts in the order they come: HTML, such as charts give it.
  void Add(std::string html) { body_ += std::move(html) + "\n"; }
  void AddHeading(int level, std::string_view text);
  void AddParagraph(std::string_view text);
  // Charts side by side where there is room.
  void AddFigures(const std::vector<std::string>& figures);

  // The whole file. refresh_seconds: the browser loads it again so often.
  std::string Text(std::optional<int> refresh_seconds = std::nullopt) const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace trit

#endif  // TRIT_TRAINING_REPORT_HTML_PAGE_H_
