#include "training/ops/head_op.h"

#include <algorithm>

#include "ternary_kernels/check.h"
#include "ternary_kernels/cross_entropy.h"
#include "ternary_kernels/linear_cross_entropy.h"
#include "ternary_kernels/matmul_kernel.h"

namespace trit {
namespace {

// Rows a chunk: about 16 MiB of logits, whatever the batch.
int64_t ChunkRows(int64_t vocab_size) {
  return std::clamp<int64_t>((int64_t{1} << 22) / vocab_size, 64, 4096);
}

void GatherRows(const float* from, std::span<const int32_t> rows, int64_t cols, float* to) {
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(from + rows[i] * cols, cols, to + static_cast<int64_t>(i) * cols);
  }
}

template <typename T>
void LossAndGradientsIn(OpContext& context, Value hidden, std::span<const int32_t> rows,
                        const TokenLoss& loss) {
  Tape& tape = context.tape;
  const WeightTable& table = context.parameters.table();
  const WeightInfo& head = table[table.lm_head()];
  const StepWeight& weight = context.weights[head.id];
  const GradientTarget dhidden = tape.TargetFor(hidden);
  TRIT_CHECK(!dhidden.accumulate);
  if (static_cast<int64_t>(rows.size()) < tape.rows()) {
    std::fill_n(dhidden.data, tape.rows() * head.cols, 0.0f);
  }
  if (rows.empty()) return;
  const GradientTarget dweights = context.parameters.TargetFor(head.id);
  Scratch<T> scratch(tape.pool(), LinearCrossEntropyScratch(static_cast<int64_t>(rows.size()),
                                                            head.cols, head.rows));
  LinearCrossEntropy(LinearCrossEntropyCall<T>{.hidden = tape.Data(hidden),
                                               .rows = rows,
                                               .logits_product = &weight.forward.product,
                                               .logits_weights = weight.forward.As<T>(),
                                               .hidden_product = &weight.backward.product,
                                               .hidden_weights = weight.backward.As<T>(),
                                               .targets = loss.targets.data(),
                                               .row_weights = loss.weights.data(),
                                               .losses = loss.losses.data(),
                                               .dhidden = dhidden.data,
                                               .dweights = dweights.data,
                                               .accumulate = dweights.accumulate,
                                               .scratch = scratch.data()});
  for (size_t i = 0; i < rows.size(); ++i) {
    if (loss.weights[i] == 0) loss.losses[i] = 0;
  }
  if (head.kind == WeightKind::kHead) context.GradientReady(head.id);
}

}  // namespace

void HeadLossAndGradients(OpContext& context, Value hidden, std::span<const int32_t> rows,
                          const TokenLoss& loss) {
  if (context.weights.precision() == Precision::kBF16) {
    LossAndGradientsIn<BFloat16>(context, hidden, rows, loss);
  } else {
    LossAndGradientsIn<float>(context, hidden, rows, loss);
  }
}

void HeadEvaluate(OpContext& context, Value hidden, std::span<const int32_t> rows,
                  const HeadRequest& request) {
  Tape& tape = context.tape;
  const PackedMatrix& head = context.weights.Packed(context.parameters.table().lm_head());
  const int64_t cols = head.cols;
  const int64_t vocab_size = head.rows;
  const int64_t num_rows = static_cast<int64_t>(rows.size());
  const FullLogits* full = std::get_if<FullLogits>(&request);
  const TokenLoss* loss = std::get_if<TokenLoss>(&request);
  TRIT_CHECK(full != nullptr || loss != nullptr);  // the trainer samples with an InferenceExecutor

  const int64_t chunk = std::min(num_rows, ChunkRows(vocab_size));
  Scratch<float> gathered(tape.pool(), chunk * cols);
  Scratch<float> logits(tape.pool(), full != nullptr ? 0 : chunk * vocab_size);
  for (int64_t begin = 0; begin < num_rows; begin += chunk) {
    const int64_t count = std::min(chunk, num_rows - begin);
    GatherRows(tape.Data(hidden),
               rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)), cols,
               gathered.data());
    float* out = full != nullptr ? full->out + begin * vocab_size : logits.data();
    Matmul(MatmulCall{.weights = &head,
                      .num_tokens = count,
                      .floats = gathered.data(),
                      .floats_stride = cols,
                      .out = out,
                      .out_stride = vocab_size});
    if (loss == nullptr) continue;
    CrossEntropyForward(out, vocab_size, loss->targets.data() + begin, count, vocab_size,
                        loss->losses.data() + begin, nullptr);
    for (int64_t r = begin; r < begin + count; ++r) {
      if (loss->weights[static_cast<size_t>(r)] == 0) loss->losses[static_cast<size_t>(r)] = 0;
    }
  }
}

}  // namespace trit
