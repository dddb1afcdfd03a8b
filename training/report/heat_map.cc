#include "training/report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "training/report/axis.h"
#include "training/report/html_page.h"

namespace trit {
namespace {

constexpr double kWidth = 560, kLeft = 132, kRight = 8, kTop = 6, kBottom = 44;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr size_t kMaxColumns = 160;
constexpr double kLabelHeight = 11;

using Color = std::array<uint8_t, 3>;  // red, green, blue

// From dark blue to yellow, evenly brighter (after matplotlib's viridis: five of its colors).
Color ColorAt(double position) {
  constexpr double kStops[5][3] = {
      {68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
  const double at = std::clamp(position, 0.0, 1.0) * 4;
  const size_t stop = std::min<size_t>(3, static_cast<size_t>(at));
  const double part = at - static_cast<double>(stop);
  Color color = {};
  for (size_t c = 0; c < 3; ++c) {
    color[c] = static_cast<uint8_t>(
        std::lround(kStops[stop][c] + part * (kStops[stop + 1][c] - kStops[stop][c])));
  }
  return color;
}

std::string Base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t b = 0; b < 3; ++b) {
      group = group << 8 | (i + b < bytes.size() ? static_cast<uint8_t>(bytes[i + b]) : 0);
    }
    for (size_t d = 0; d < 4; ++d) text += kDigits[group >> (18 - 6 * d) & 63];
  }
  const size_t padding = (3 - bytes.size() % 3) % 3;
  text.replace(text.size() - padding, padding, std::string(padding, '='));
  return text;
}

void AppendInteger(uint32_t value, size_t num_bytes, std::string& out) {
  for (size_t b = 0; b < num_bytes; ++b) out += static_cast<char>(value >> (8 * b) & 255);
}

// A Windows bitmap of 32 bits a pixel, which browsers show: blue, green, red, opacity; from the
// top.
template <typename PixelAt>  // (column, row) -> {Color, visible}
std::string Bitmap(size_t width, size_t height, const PixelAt& pixel) {
  constexpr uint32_t kHeaderBytes = 14 + 108;
  const uint32_t pixel_bytes = static_cast<uint32_t>(4 * width * height);
  std::string bytes = "BM";
  AppendInteger(kHeaderBytes + pixel_bytes, 4, bytes);
  AppendInteger(0, 4, bytes);
  AppendInteger(kHeaderBytes, 4, bytes);
  AppendInteger(108, 4, bytes);  // BITMAPV4HEADER
  AppendInteger(static_cast<uint32_t>(width), 4, bytes);
  AppendInteger(-static_cast<uint32_t>(height), 4, bytes);  // negative: from the top
  AppendInteger(1, 2, bytes);
  AppendInteger(32, 2, bytes);
  AppendInteger(3, 4, bytes);  // the masks below say where the colors are
  AppendInteger(pixel_bytes, 4, bytes);
  for (int i = 0; i < 4; ++i) AppendInteger(0, 4, bytes);
  for (const uint32_t mask : {0x00ff0000u, 0x0000ff00u, 0x000000ffu, 0xff000000u}) {
    AppendInteger(mask, 4, bytes);
  }
  bytes.append(kHeaderBytes - bytes.size(), '\0');
  for (size_t row = 0; row < height; ++row) {
    for (size_t column = 0; column < width; ++column) {
      const auto [color, visible] = pixel(column, row);
      for (const size_t c : {2, 1, 0}) bytes += static_cast<char>(color[c]);
      bytes += static_cast<char>(visible ? 255 : 0);
    }
  }
  return bytes;
}

HeatMap Thinned(const HeatMap& map) {
  const size_t stride = (map.x.size() + kMaxColumns - 1) / kMaxColumns;
  HeatMap thin = map;
  thin.x.clear();
  thin.values.clear();
  for (size_t i = 0; i < map.x.size(); i += stride) {
    thin.x.push_back(map.x[i]);
    thin.values.push_back(map.values[i]);
  }
  return thin;
}

std::string Labels(const HeatMap& map, double row_height) {
  std::string svg;
  const size_t stride = static_cast<size_t>(std::ceil(kLabelHeight / row_height));
  for (size_t row = 0; row < map.rows.size(); row += stride) {
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 5,
                       kTop + (static_cast<double>(row) + 0.5) * row_height + 4,
                       HtmlEscaped(map.rows[row]));
  }
  return svg;
}

// A bar of the colors with the numbers they stand for.
std::string Scale(const Axis& colors, double top) {
  const std::string bar = Base64(Bitmap(64, 1, [](size_t column, size_t) {
    return std::pair(ColorAt(static_cast<double>(column) / 63), true);
  }));
  std::string svg = fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"160\" height=\"8\" preserveAspectRatio=\"none\" "
      "href=\"data:image/bmp;base64,{}\"/>\n",
      kLeft, top, bar);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kLeft - 5, top + 8,
                     ShortNumber(colors.low()));
  return svg + fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", kLeft + 166, top + 8,
                           ShortNumber(colors.high()));
}

std::string DataOf(const HeatMap& map) {
  nlohmann::ordered_json data = {{"x_name", map.x_name}, {"rows", map.rows}, {"x", map.x}};
  for (const std::vector<double>& column : map.values) {
    nlohmann::ordered_json values = nlohmann::ordered_json::array();
    for (const double value : column) {
      // Three digits: the page stays small.
      if (std::isfinite(value)) {
        values.push_back(std::stod(fmt::format("{:.3g}", value)));
      } else {
        values.push_back(nullptr);
      }
    }
    data["values"].push_back(std::move(values));
  }
  return data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string HeatMapHtml(const HeatMap& full) {
  std::vector<double> all;
  for (const std::vector<double>& column : full.values) {
    all.insert(all.end(), column.begin(), column.end());
  }
  const Axis colors(all, full.logarithmic);
  if (std::none_of(all.begin(), all.end(), [&](double v) { return colors.CanShow(v); })) return "";
  const HeatMap map = Thinned(full);
  const double rows = static_cast<double>(map.rows.size());
  const double row_height = std::clamp(240 / rows, 2.5, 18.0);
  const double plot_height = rows * row_height;
  const double height = kTop + plot_height + kBottom;
  const std::string picture =
      Base64(Bitmap(map.x.size(), map.rows.size(), [&](size_t column, size_t row) {
        const double value = map.values[column][row];
        const bool visible = colors.CanShow(value);
        return std::pair(visible ? ColorAt(colors.Position(value)) : Color{}, visible);
      }));
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {:.1f}\" role=\"img\" aria-label=\"{}\">\n",
                                kWidth, height, HtmlEscaped(map.title));
  svg += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{:.1f}\" preserveAspectRatio=\"none\" "
      "style=\"image-rendering:pixelated\" href=\"data:image/bmp;base64,{}\"/>\n",
      kLeft, kTop, kPlotWidth, plot_height, picture);
  svg += fmt::format(
      "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{:.1f}\" "
      "stroke-opacity=\".4\" pointer-events=\"all\"/>\n",
      kLeft, kTop, kPlotWidth, plot_height);
  svg += Labels(map, row_height);
  const double below = kTop + plot_height + 15;
  svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\">{} {}</text>", kLeft, below,
                     HtmlEscaped(map.x_name), ShortNumber(map.x.front()));
  svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kWidth - kRight,
                     below, ShortNumber(map.x.back()));
  svg += Scale(colors, below + 10) + "</svg>";
  return fmt::format(
      "<figure data-chart=\"{}\">\n<figcaption>{} <small>{}</small></figcaption>\n{}\n</figure>",
      HtmlEscaped(DataOf(map)), HtmlEscaped(map.title), HtmlEscaped(map.note), svg);
}

}  // namespace trit
