// Activation quantizers against NumPy's goldens (data/activations): codes, scales and what takes
// the place of inputs while quantization is phased in to the bit, straight-through gradients of a
// linear layer to 1e-5.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "ternary_kernels/linear_backward.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/quantize_activations.h"

namespace trit {
namespace {

constexpr int64_t kRows = 9, kCols = 70, kOut = 17;

template <typename T>
std::vector<T> Read(const SafetensorsReader& goldens, const std::string& name) {
  const SafetensorsInfo& tensor = goldens.RequireTensor(name);
  const AlignedBuffer<uint8_t> bytes = goldens.ReadTensor(tensor);
  std::vector<T> values(tensor.size / sizeof(T));
  std::memcpy(values.data(), bytes.data(), tensor.size);
  return values;
}

void CheckClose(const std::vector<float>& found, const std::vector<float>& expected) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(std::fabs(found[i] - expected[i]) <= 1e-5f * largest);
  }
}

ActivationScheme Scheme(const std::string& name) {
  ActivationScheme scheme{FindActivationQuantizer(name).value()};
  if (scheme.quantizer == ActivationQuantizer::kInt8Static) {
    scheme.static_scale = StaticActivationScale(1.5f);
  }
  return scheme;
}

// Compares gradients; codes: null where the layer reads a blend.
void CheckGradients(const SafetensorsReader& goldens, const std::string& name,
                    const ActivationCodes* codes, const ActivationBlend& blend) {
  const std::vector<float> x = Read<float>(goldens, "x");
  const std::vector<float> weights = Read<float>(goldens, "weights");
  const std::vector<float> upstream = Read<float>(goldens, "upstream");
  const TileProduct product(GemmType::kF32, kOut, kCols);
  AlignedBuffer<float> packed(product.operand_bytes() / sizeof(float));
  PackRows(product, weights.data(), kCols, 0, kOut, product.layout().PaddedRows(kOut),
           packed.data());
  std::vector<float> dx(x.size()), dweights(weights.size());
  const LinearGradient<float> layer{.dy = upstream.data(),
                                    .weight_factors = {},
                                    .product = &product,
                                    .weights = packed.data(),
                                    .codes = codes,
                                    .dweights = dweights.data(),
                                    .accumulate = false,
                                    .blend = blend};
  LinearBackwardCall<float> call{.rows = kRows,
                                 .input = {.cols = kCols, .x = x.data()},
                                 .layers = {&layer, 1},
                                 .dinput = {.dx = dx.data()},
                                 .dnorm_weights = nullptr,
                                 .scratch = nullptr};
  AlignedBuffer<float> scratch(static_cast<size_t>(LinearBackwardScratch(call)));
  call.scratch = scratch.data();
  LinearBackward(call);
  CheckClose(dx, Read<float>(goldens, name + ".dx"));
  CheckClose(dweights, Read<float>(goldens, name + ".dweights"));
}

BOOST_AUTO_TEST_CASE(equals_numpy) {
  const SafetensorsReader goldens(std::string(TRIT_TEST_DATA) + "/activations/goldens.safetensors");
  const std::vector<float> x = Read<float>(goldens, "x");
  size_t tensors = 3;
  for (const std::string name : {"int8", "int4", "int8_static"}) {
    BOOST_TEST_CONTEXT(name) {
      ActivationCodes codes;
      codes.scheme = Scheme(name);
      QuantizeLinearInput({.cols = kCols, .x = x.data()}, kRows, codes);
      const std::vector<int8_t> expected = Read<int8_t>(goldens, name + ".codes");
      for (int64_t r = 0; r < kRows; ++r) {
        BOOST_TEST(std::equal(expected.begin() + r * kCols, expected.begin() + (r + 1) * kCols,
                              codes.codes.data() + r * codes.stride));
      }
      BOOST_TEST(std::vector<float>(codes.scales.data(), codes.scales.data() + kRows) ==
                 Read<float>(goldens, name + ".scales"));
      CheckGradients(goldens, name + "/1.0", &codes, {});
      for (const float share : {1.0f, 0.25f}) {
        const ActivationBlend blend{codes.scheme, share};
        std::vector<float> seen(x.size());
        BlendActivations(blend, x.data(), kRows, kCols, seen.data());
        const std::string blended = name + (share == 1 ? "/1.0" : "/0.25");
        // All of it is x + (x_hat - x), which rounds; less is the goldens' own sum.
        if (share < 1) BOOST_TEST(seen == Read<float>(goldens, blended + ".input"));
        if (share == 1) CheckClose(seen, Read<float>(goldens, blended + ".input"));
        CheckGradients(goldens, blended, nullptr, blend);
      }
      tensors += 2 + 2 * 3;
    }
  }
  BOOST_TEST(goldens.tensors().size() == tensors);  // none is left out
}

}  // namespace
}  // namespace trit
