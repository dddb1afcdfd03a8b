// What generation costs beside its kernels: the time of a token through the whole engine, against
// the time of the same matrix products alone, on the same weights in the same order.
//
//   decode_overhead model.gguf [threads] [tokens]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <vector>

#include "engine/formats/model_file.h"
#include "engine/session.h"
#include "ternary_kernels/linear_input.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// All products of one token, none of what lies between them.
class Products {
 public:
  explicit Products(const Model& model) : model_(model) {
    int64_t widest = 0;
    for (const WeightInfo& info : model.table.weights()) {
      if (info.IsVector()) continue;
      widest = std::max({widest, info.rows, info.cols});
      if (!inputs_.contains(info.cols)) {
        std::vector<float> x(static_cast<size_t>(info.cols));
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8.0f;
        QuantizeLinearInput({.cols = info.cols, .x = x.data()}, 1, inputs_[info.cols]);
      }
    }
    floats_ = AlignedBuffer<float>(static_cast<size_t>(widest));
    out_ = AlignedBuffer<float>(static_cast<size_t>(widest));
  }

  void RunAll() {
    for (const WeightInfo& info : model_.table.weights()) {
      if (info.kind == WeightKind::kLinear) Run(info.id);
    }
    Run(model_.table.lm_head());
  }

 private:
  void Run(WeightId id) {
    const PackedMatrix& matrix = model_.weights[static_cast<size_t>(id)].matrix;
    MatmulCall call{
        .weights = &matrix, .num_tokens = 1, .out = out_.data(), .out_stride = matrix.rows};
    if (TakesCodes(matrix.format)) {
      call.codes = &inputs_.at(matrix.cols);
    } else {
      call.floats = floats_.data();
      call.floats_stride = matrix.cols;
    }
    Matmul(call);
  }

  const Model& model_;
  std::map<int64_t, ActivationCodes> inputs_;  // by length
  AlignedBuffer<float> floats_, out_;
};

void Measure(const char* path, int threads, int tokens) {
  SetNumThreads(threads);
  const std::unique_ptr<Model> model = LoadModel(path, {});
  Session session(*model, {.context_length = tokens + 1});
  Products products(*model);
  const int32_t token = 1;
  session.Feed({&token, 1});
  products.RunAll();
  std::vector<double> whole, kernels;
  for (int i = 0; i < tokens; ++i) {  // in turn, so that drift meets both
    const double start = Seconds();
    session.Feed({&token, 1});
    const double middle = Seconds();
    products.RunAll();
    whole.push_back(middle - start);
    kernels.push_back(Seconds() - middle);
  }
  std::printf("threads %d, %d tokens, medians\n", threads, tokens);
  std::printf("token through the engine  %8.3f ms\n", Median(whole) * 1e3);
  std::printf("its matrix products       %8.3f ms\n", Median(kernels) * 1e3);
  std::printf("ratio                     %8.3f\n", Median(whole) / Median(kernels));
}

}  // namespace
}  // namespace trit

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: decode_overhead model.gguf [threads] [tokens]\n");
    return 2;
  }
  try {
    trit::Measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 2, argc > 3 ? std::atoi(argv[3]) : 32);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "decode_overhead: %s\n", error.what());
    return 1;
  }
  return 0;
}
