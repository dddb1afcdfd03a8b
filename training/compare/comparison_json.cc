// A comparison's figures as one JSON object.
#include <cstddef>
#include <nlohmann/json.hpp>

#include "training/compare/comparison_table.h"

namespace trit {
namespace {

using Json = nlohmann::ordered_json;

Json FiguresJson(const FigureValues& values) {
  Json json = Json::object();
  for (size_t f = 0; f < values.size(); ++f) {
    if (values[f]) json[ComparisonFigures()[f].key] = *values[f];
  }
  return json;
}

Json RowJson(const ComparisonResult& result, const ComparisonRow& row, size_t index) {
  Json json = {{"name", row.method.name},
               {"how", row.method.how},
               {"quantizer", row.method.quantizer},
               {"reference", row.reference.empty() ? Json() : Json(row.reference)},
               {"format", row.format},
               {"not_exported", row.not_exported.empty() ? Json() : Json(row.not_exported)},
               {"mean", FiguresJson(row.mean)},
               {"spread", FiguresJson(row.spread)},
               {"seeds", Json::array()}};
  size_t seed = 0;
  for (size_t m = 0; m < result.plan.models.size(); ++m) {
    const PlannedModel& model = result.plan.models[m];
    if (model.row != index) continue;
    Json of_seed = {{"seed", model.seed}, {"model", model.id}};
    of_seed["run"] = result.plan.runs[model.run].id;
    of_seed["figures"] = FiguresJson(row.of_seeds[seed++]);
    // The profile, of the first seed alone, is in it.
    of_seed["measurement"] = MeasurementToJson(result.models[m]);
    json["seeds"].push_back(std::move(of_seed));
  }
  return json;
}

}  // namespace

std::string ComparisonJson(const ComparisonResult& result) {
  Json json = {{"program", result.program}, {"rows", Json::array()}, {"runs", Json::array()}};
  const std::vector<ComparisonRow> rows = ComparisonRows(result);
  for (size_t r = 0; r < rows.size(); ++r) json["rows"].push_back(RowJson(result, rows[r], r));
  for (size_t i = 0; i < result.runs.size(); ++i) {
    json["runs"].push_back({{"run", result.plan.runs[i].id},
                            {"config", TrainingConfigToToml(result.plan.runs[i].config)},
                            {"record", TrainingRecordToJson(result.runs[i])}});
  }
  return json.dump(1) + "\n";
}

}  // namespace trit
