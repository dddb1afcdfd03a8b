// What rounding did to a model: the size of its parts before and after, and how far their weights
// are from what they were.
#ifndef TRIT_TRAINING_ROUNDING_QUANTIZATION_REPORT_H_
#define TRIT_TRAINING_ROUNDING_QUANTIZATION_REPORT_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "engine/model.h"
#include "training/quantizers/quantization_config.h"
#include "training/relative_error.h"

namespace trit {

struct ReportedMatrix {
  std::string name;     // ShortWeightName
  std::string weights;  // the quantizer's: "int4"
  std::string type;     // in the file: "q4_0"
  int64_t num_weights = 0;
  int64_t bytes_before = 0;  // in memory, as the source stores them
  int64_t bytes_after = 0;   // in the file
  RelativeError error;       // of the weights, as they are read back
};

// Several of them: a layer's, or all of a model's.
struct ReportedPart {
  std::string name;  // "layers.0"
  int64_t num_tensors = 0;
  int64_t num_weights = 0;
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  std::set<std::string> weights, types;
  RelativeError error;
  std::string worst;  // the matrix with the largest error, without the part's name
  double worst_error = 0;

  void Add(const ReportedMatrix& matrix);
  // 0 if it has none.
  double BitsPerWeight() const;
};

struct QuantizationReport {
  std::vector<ReportedMatrix> matrices;  // in the order of the weight table
  std::vector<ReportedPart> parts;       // embeddings, each layer, the head, norms
  ReportedPart matrices_total;           // of all layers
  ReportedPart total;
};

// source: in full precision. quantized: read back from the file at `path`, whose rotary style may
// be another.
QuantizationReport ReportQuantization(const Model& source, const Model& quantized,
                                      const QuantizationConfig& quantizers,
                                      const std::string& path);

}  // namespace trit

#endif  // TRIT_TRAINING_ROUNDING_QUANTIZATION_REPORT_H_
