#include "training/report/html_page.h"

#include <fmt/format.h>

namespace trit {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --bg: #fff; --fg: #1a1d21; --soft: #5c6670; --line: #dde2e7; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #16191d; --fg: #e4e7ea; --soft: #98a2ac; --line: #343b42; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 24px; background: var(--bg); color: var(--fg);
  font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 8px; }
h3 { font-size: 15px; margin: 20px 0 6px; } p { color: var(--soft); margin: 4px 0 12px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr));
  gap: 16px 24px; }
figure { margin: 0; position: relative; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 2px; }
figcaption small { font-weight: 400; color: var(--soft); }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; }
.grid { stroke: var(--line); stroke-width: 1; } .frame { stroke: var(--soft); fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px; color: var(--soft); }
.legend i { display: inline-block; width: 16px; margin-right: 5px; vertical-align: middle; }
.label { fill: var(--fg); } .bar { fill-opacity: .55; }
summary { cursor: pointer; font-weight: 600; font-size: 15px; margin: 12px 0 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; margin-bottom: 12px; }
th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tr > :first-child { white-space: nowrap; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sample { white-space: pre-wrap; overflow-wrap: anywhere; font-family: ui-monospace,
  "DejaVu Sans Mono", monospace; font-size: 12px; }
.sample b { color: var(--soft); }
#tip { position: fixed; pointer-events: none; display: none; background: var(--bg);
  border: 1px solid var(--soft); padding: 4px 8px; font-size: 12px; z-index: 2;
  font-variant-numeric: tabular-nums; white-space: pre; border-radius: 3px; }
)";

// Shows what lies under the pointer: of curves the nearest points, of heat maps the field.
constexpr const char* kScript = R"(
const tip = document.getElementById('tip');
const number = v => v === null ? 'none' : Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3)
  ? v.toExponential(3) : String(+v.toPrecision(5));
function show(event, text) {
  tip.textContent = text;
  tip.style.display = 'block';
  const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
  tip.style.left = left + 'px';
  tip.style.top = event.clientY + 14 + 'px';
}
function curves(data, x) {
  const lines = [data.x_name + ' ' + number(x)];
  for (const series of data.series) {
    if (!series.x.length) continue;
    let low = 0, high = series.x.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (series.x[middle] < x) low = middle + 1; else high = middle;
    }
    if (low > 0 && x - series.x[low - 1] < series.x[low] - x) --low;
    lines.push(series.name + '  ' + number(series.y[low]));
  }
  return lines.join('\n');
}
function field(data, x, down) {
  const row = Math.min(data.rows.length - 1, Math.floor(down * data.rows.length));
  const column = Math.min(data.x.length - 1, Math.floor(x * data.x.length));
  return data.rows[row] + '\n' + data.x_name + ' ' + number(data.x[column]) + '\n' +
    number(data.values[column][row]);
}
for (const figure of document.querySelectorAll('figure[data-chart]')) {
  const data = JSON.parse(figure.dataset.chart);
  const frame = figure.querySelector('.frame');
  figure.addEventListener('mousemove', event => {
    const box = frame.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    if (x < 0 || x > 1 || down < 0 || down > 1) { tip.style.display = 'none'; return; }
    show(event, data.rows ? field(data, x, down)
                          : curves(data, data.x_min + x * (data.x_max - data.x_min)));
  });
  figure.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
}
)";

}  // namespace

std::string HtmlEscaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string TableHtml(const HtmlTable& table, size_t num_text_columns) {
  const auto cell = [&](const char* tag, size_t column, const std::string& text) {
    return fmt::format("<{}{}>{}</{}>", tag, column < num_text_columns ? "" : " class=\"number\"",
                       HtmlEscaped(text), tag);
  };
  std::string html = "<div class=\"scroll\"><table>\n<tr>";
  for (size_t c = 0; c < table.headings.size(); ++c) html += cell("th", c, table.headings[c]);
  html += "</tr>\n";
  for (const std::vector<std::string>& row : table.rows) {
    html += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) html += cell("td", c, row[c]);
    html += "</tr>\n";
  }
  return html + "</table></div>";
}

void HtmlPage::AddHeading(int level, std::string_view text) {
  Add(fmt::format("<h{}>{}</h{}>", level, HtmlEscaped(text), level));
}

void HtmlPage::AddParagraph(std::string_view text) {
  Add(fmt::format("<p>{}</p>", HtmlEscaped(text)));
}

void HtmlPage::AddFigures(const std::vector<std::string>& figures) {
  if (figures.empty()) return;
  std::string html = "<div class=\"figures\">\n";
  for (const std::string& figure : figures) html += figure + "\n";
  Add(html + "</div>");
}

std::string HtmlPage::Text(std::optional<int> refresh_seconds) const {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  if (refresh_seconds) {
    text += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", *refresh_seconds);
  }
  text += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
                      HtmlEscaped(title_), kStyle);
  return text + body_ + fmt::format("<div id=\"tip\"></div>\n<script>{}</script>\n", kScript) +
         "</body>\n</html>\n";
}

}  // namespace trit
