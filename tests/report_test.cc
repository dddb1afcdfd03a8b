// The parts of trit report, and the page of real runs.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/error_text.h"
#include "tests/support/tiny_run.h"
#include "training/report/axis.h"
#include "training/report/heat_map.h"
#include "training/report/histogram_chart.h"
#include "training/report/html_page.h"
#include "training/report/line_chart.h"
#include "training/report/run_history.h"
#include "training/report/run_report.h"
#include "training/report/scatter_chart.h"

namespace trit {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string Unescaped(std::string text) {
  const std::pair<const char*, const char*> entities[] = {
      {"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities) {
    for (size_t at; (at = text.find(entity)) != std::string::npos;) {
      text.replace(at, std::string(entity).size(), character);
    }
  }
  return text;
}

// What the page's script reads of the first figure.
nlohmann::json FigureData(const std::string& html) {
  std::smatch match;
  BOOST_REQUIRE(std::regex_search(html, match, std::regex("data-chart=\"([^\"]*)\"")));
  return nlohmann::json::parse(Unescaped(match[1]));
}

BOOST_AUTO_TEST_CASE(axes) {
  const Axis axis({3, 1, kNaN, 5}, false);
  BOOST_TEST(axis.low() == 1);
  BOOST_TEST(axis.high() == 5);
  BOOST_TEST(axis.Position(2) == 0.25);
  BOOST_TEST(axis.Ticks(5) == std::vector<double>({1, 2, 3, 4, 5}),
             boost::test_tools::per_element());
  BOOST_TEST(!std::signbit(Axis({-0.5, 5}, false).Ticks(5)[0]));
  const Axis decades({1e-4, 0, -3, 1}, true);
  BOOST_TEST(decades.low() == 1e-4);
  BOOST_TEST(std::abs(decades.Position(1e-2) - 0.5) < 1e-12);
  BOOST_TEST(decades.Ticks(5).size() == 5);
  BOOST_TEST(!decades.CanShow(0));
  for (const std::vector<double>& values :
       {std::vector<double>{}, {kNaN}, {7}, {0}, {-2, -2}, {1e300, -1e300}, {5e-324}}) {
    for (const bool logarithmic : {false, true}) {
      const Axis any(values, logarithmic);
      BOOST_TEST(any.low() < any.high());
      BOOST_TEST(any.Ticks(5).size() < 20);
      BOOST_TEST(std::isfinite(any.Position(logarithmic ? 3 : 0)));
    }
  }
  BOOST_TEST(ShortNumber(0.25) == "0.25");
  BOOST_TEST(ShortNumber(20480) == "20.48k");
  BOOST_TEST(ShortNumber(1.5e6) == "1.5M");
  BOOST_TEST(ShortNumber(3e-5) == "3e-05");
}

BOOST_AUTO_TEST_CASE(a_curve_lies_where_its_values_are) {
  const std::string html =
      LineChartHtml({.title = "T",
                     .note = "",
                     .x_name = "step",
                     .curves = {{.name = "a", .x = {0, 1, 2}, .y = {1, 3, 2}}}});
  std::smatch match;
  BOOST_TEST_REQUIRE(std::regex_search(
      html, match,
      std::regex("d=\"M([0-9.]+) ([0-9.]+)L([0-9.]+) ([0-9.]+)L([0-9.]+) ([0-9.]+)\"")));
  const auto number = [&](size_t i) { return std::stod(match[i]); };
  BOOST_TEST(std::abs(number(3) - (number(1) + number(5)) / 2) < 0.11);  // one decimal is written
  BOOST_TEST(std::abs(number(6) - (number(2) + number(4)) / 2) < 0.11);
  BOOST_TEST(number(2) > number(4));  // smaller values are further down
  const nlohmann::json data = FigureData(html);
  BOOST_TEST(data["series"][0]["y"] == nlohmann::json({1, 3, 2}));
}

BOOST_AUTO_TEST_CASE(curves_have_gaps_and_are_thinned) {
  ChartCurve curve{.name = "a", .x = {0, 1, 2, 3}, .y = {1, kNaN, 2, 3}};
  LineChart chart{.title = "T", .note = "", .x_name = "step", .curves = {curve}};
  BOOST_TEST(Count(LineChartHtml(chart), "L") == 1);
  BOOST_TEST(FigureData(LineChartHtml(chart))["series"][0]["x"] == nlohmann::json({0, 2, 3}));
  chart.curves[0].y = {kNaN, kNaN, kNaN, kNaN};
  BOOST_TEST(LineChartHtml(chart) == "");
  ChartCurve long_one{.name = "b", .x = {}, .y = {}};
  for (int i = 0; i < 100000; ++i) {
    long_one.x.push_back(i);
    long_one.y.push_back(i % 2);
  }
  chart.curves = {long_one};
  const nlohmann::json thin = FigureData(LineChartHtml(chart))["series"][0];
  BOOST_TEST(thin["x"].size() < 1000);
  for (const double y : thin["y"]) BOOST_TEST(std::abs(y - 0.5) < 0.01);  // means
}

BOOST_AUTO_TEST_CASE(scattered_points_have_labels_that_keep_off_each_other) {
  ScatterChart chart{.title = "T",
                     .note = "",
                     .x_name = "MB",
                     .y_name = "nats",
                     .points = {{.name = "a<b", .x = 1, .y = 2},
                                {.name = "near", .x = 1.01, .y = 2.01},
                                {.name = "far", .x = 100, .y = 2.5},
                                {.name = "lost", .x = 10, .y = 9, .hollow = true},
                                {.name = "none", .x = kNaN, .y = 1}},
                     .log_x = true,
                     .reach = 1};
  const std::string html = ScatterChartHtml(chart);
  BOOST_TEST(Count(html, "<circle") == 3u);  // the fourth is above the edge, the fifth nowhere
  BOOST_TEST(Contains(html, ">lost (9)</text>"));
  BOOST_TEST(!Contains(html, ">none"));
  BOOST_TEST(Contains(html, ">a&lt;b</text>"));
  // Left ends and lines of text, about 6.4 a character and 14 a line.
  std::vector<std::pair<double, double>> places;
  const std::regex label(
      "class=\"label\" x=\"([0-9.]+)\" y=\"([0-9.]+)\"( text-anchor=\"end\")?>([^<]*)<");
  for (std::sregex_iterator it(html.begin(), html.end(), label), end; it != end; ++it) {
    const double width = (*it)[3].matched ? 6.4 * static_cast<double>((*it)[4].length()) : 0;
    places.emplace_back(std::stod((*it)[1]) - width, std::stod((*it)[2]));
  }
  BOOST_TEST_REQUIRE(places.size() == 4u);
  BOOST_TEST((std::abs(places[0].second - places[1].second) >= 14 ||
              std::abs(places[0].first - places[1].first) >= 4 * 6.4));
  chart.points = {{.name = "none", .x = kNaN, .y = 1}};
  BOOST_TEST(ScatterChartHtml(chart) == "");
}

BOOST_AUTO_TEST_CASE(histograms_have_an_outline_and_bars) {
  const std::string html = HistogramChartHtml(
      {.title = "W", .note = "", .limit = 3, .before = {0.25, 0.5, 0.25}, .after = {0, 1, 0}});
  std::smatch bars;
  BOOST_TEST_REQUIRE(std::regex_search(html, bars, std::regex("class=\"bar\" d=\"([^\"]*)\"")));
  BOOST_TEST(Count(bars[1], "M") == 1u);  // empty bins have none
  const nlohmann::json data = FigureData(html);
  BOOST_TEST(data["series"][0]["x"] == nlohmann::json({-2.0, 0.0, 2.0}));  // centers of the bins
  BOOST_TEST(data["series"][0]["y"] == nlohmann::json({0.25, 0.5, 0.25}));
  BOOST_TEST(data["series"][1]["y"] == nlohmann::json({0.0, 1.0, 0.0}));
}

BOOST_AUTO_TEST_CASE(heat_maps) {
  HeatMap map{.title = "M",
              .note = "",
              .x_name = "step",
              .x = {0, 10},
              .rows = {"a", "b", "c"},
              .values = {{0, 0.5, 1}, {1, kNaN, 0}}};
  const std::string html = HeatMapHtml(map);
  BOOST_TEST(Count(html, "<image") == 2);  // the field and its scale
  const nlohmann::json data = FigureData(html);
  BOOST_TEST(data["values"] == nlohmann::json::parse("[[0,0.5,1],[1,null,0]]"));
  // The bitmap's first pixels, from the top left: the darkest color, the brightest.
  std::smatch match;
  BOOST_REQUIRE(std::regex_search(
      html, match, std::regex("pixelated\" href=\"data:image/bmp;base64,([^\"]*)\"")));
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char c : match[1].str()) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 255);
  }
  BOOST_TEST_REQUIRE(bytes.size() == 122u + 4 * 6);
  const auto pixel = [&](size_t i) { return bytes.substr(122 + 4 * i, 4); };
  BOOST_TEST((pixel(0) == "\x54\x01\x44\xff"));  // blue, green, red, opacity
  BOOST_TEST((pixel(1) == "\x25\xe7\xfd\xff"));
  BOOST_TEST(pixel(3)[3] == 0);  // nothing was measured
  BOOST_TEST((pixel(5) == pixel(0)));
  map.values = {{kNaN, kNaN, kNaN}, {kNaN, kNaN, kNaN}};
  BOOST_TEST(HeatMapHtml(map) == "");
}

BOOST_AUTO_TEST_CASE(pages_escape_what_they_show) {
  HtmlPage page("<title>");
  page.AddHeading(2, "a < b & \"c\"");
  page.Add(TableHtml({{"name", "n"}, {{"<script>", "1"}}}, 1));
  const std::string text = page.Text(7);
  BOOST_TEST(Contains(text, "<title>&lt;title&gt;</title>"));
  BOOST_TEST(Contains(text, "<h2>a &lt; b &amp; &quot;c&quot;</h2>"));
  BOOST_TEST(Contains(text, "<td>&lt;script&gt;</td><td class=\"number\">1</td>"));
  BOOST_TEST(Contains(text, "<meta http-equiv=\"refresh\" content=\"7\">"));
  BOOST_TEST(!Contains(page.Text(), "\"refresh\""));
}

struct Folder : TemporaryFolder {
  Folder() { WriteBytes(*this / "text.txt", TinyText(2000)); }
};

BOOST_AUTO_TEST_CASE(runs_lie_over_each_other_on_one_page) {
  const Folder folder;
  Train(TinyRunConfig(folder), {"train.sample_every=4"}, folder / "ternary");
  Train(TinyRunConfig(folder), {"quantizer.weights=none"}, folder / "float");
  WriteBytes(folder / "ternary/samples.jsonl",
             ReadBytes(folder / "ternary/samples.jsonl") +
                 "{\"step\": 9, \"prompt\": \"\", \"text\": \"</td><script>alert(1)</script>\"}\n");
  const std::vector<RunHistory> runs = {ReadRunHistory(folder / "ternary"),
                                        ReadRunHistory(folder / "float/")};
  BOOST_TEST(runs[0].name == "ternary");
  BOOST_TEST(runs[1].name == "float");
  BOOST_TEST(runs[0].Metric("loss").values.size() == 8);
  BOOST_TEST(runs[0].Metric("absent").values.empty());
  BOOST_TEST(runs[0].layers.at("zero_share").rows.size() == 14);
  BOOST_TEST(runs[0].layers.at("zero_share").steps == std::vector<double>({0, 4}),
             boost::test_tools::per_element());
  const std::string page = RunReport(runs).Text();
  // Nothing from elsewhere.
  BOOST_TEST(!std::regex_search(page, std::regex("(src|href)=\"(?!data:)|url\\(|@import|http://")));
  BOOST_TEST(Contains(page, "default-src 'none'"));
  BOOST_TEST(Contains(page, "full precision"));
  BOOST_TEST(Contains(page, "Layers of ternary"));
  BOOST_TEST(Contains(page, "&lt;script&gt;alert(1)"));
  BOOST_TEST(Count(page, "<script>") == 1);
  const nlohmann::json loss = FigureData(page);
  BOOST_TEST(loss["x_name"] == "training tokens");
  BOOST_TEST_REQUIRE(loss["series"].size() == 2);
  BOOST_TEST(loss["series"][0]["name"] == "ternary");
  BOOST_TEST(loss["series"][0]["x"][7] == 7 * 32);  // two rows of 16 tokens a step
}

BOOST_AUTO_TEST_CASE(a_run_that_is_being_written_can_be_read) {
  const TemporaryFolder folder;
  const std::string run = folder.path().string();
  BOOST_TEST(Contains(ErrorText([&] { ReadRunHistory(run); }), "no run here"));
  WriteBytes(folder / "metrics.jsonl",
             "{\"step\":0,\"loss\":3}\n{\"step\":1,\"loss\":null}\n{\"step\":2,\"lo");
  const RunHistory history = ReadRunHistory(run);
  BOOST_TEST(history.Metric("loss").values == std::vector<double>{3},
             boost::test_tools::per_element());
  BOOST_TEST(!history.config.has_value());
  BOOST_TEST(Contains(RunReport({&history, 1}).Text(), "over step"));
  WriteBytes(folder / "metrics.jsonl", "");
  BOOST_TEST(Contains(RunReport(std::vector{ReadRunHistory(run)}).Text(), "</html>"));
  WriteBytes(folder / "metrics.jsonl", "{\"step\":0}\nnonsense\n");
  BOOST_TEST(Contains(ErrorText([&] { ReadRunHistory(run); }), "metrics.jsonl:2"));
  WriteBytes(folder / "metrics.jsonl", "{\"step\":0}\n");
  WriteBytes(folder / "layers.jsonl", "{\"step\":0,\"matrices\":[\"a\"],\"zero_share\":[]}\n");
  BOOST_TEST(Contains(ErrorText([&] { ReadRunHistory(run); }), "zero_share: wrong length"));
}

}  // namespace
}  // namespace trit
