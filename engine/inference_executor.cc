#include "engine/inference_executor.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/error.h"
#include "ternary_kernels/attention.h"
#include "ternary_kernels/check.h"
#include "ternary_kernels/cross_entropy.h"
#include "ternary_kernels/embedding.h"
#include "ternary_kernels/matmul_kernel.h"
#include "ternary_kernels/parallel_for.h"

namespace trit {
namespace {

constexpr int64_t kHeadChunk = 64;  // rows whose logits exist at a time
constexpr int32_t kSetShift = 16;   // a Value's index: set above, slot below

// The k largest, ties to the smaller id, then in ascending order of id.
void SelectTop(const float* logits, int64_t vocab_size, int64_t k, Candidates& out) {
  out.complete = k <= 0 || k >= vocab_size;
  out.ids.resize(static_cast<size_t>(vocab_size));
  std::iota(out.ids.begin(), out.ids.end(), 0);
  if (!out.complete) {
    const auto better = [logits](int32_t a, int32_t b) {
      return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    };
    std::nth_element(out.ids.begin(), out.ids.begin() + k, out.ids.end(), better);
    out.ids.resize(static_cast<size_t>(k));
    std::sort(out.ids.begin(), out.ids.end());
  }
  out.logits.resize(out.ids.size());
  for (size_t i = 0; i < out.ids.size(); ++i) out.logits[i] = logits[out.ids[i]];
}

void GrowTo(AlignedBuffer<float>& buffer, int64_t size) {
  if (static_cast<int64_t>(buffer.size()) < size) {
    buffer = AlignedBuffer<float>(static_cast<size_t>(size));
  }
}

// The rotary table has a cosine and a sine for every position and pair: a file may ask for contexts
// whose table alone would exhaust the memory.
constexpr int64_t kMaxRopeTableBytes = int64_t{1} << 30;

int64_t CheckedPositions(const ModelConfig& config, int64_t max_positions) {
  const int64_t most = kMaxRopeTableBytes / (config.head_dim * static_cast<int64_t>(sizeof(float)));
  if (max_positions <= most) return max_positions;
  throw Error(ErrorInfo{.what = "the context is too long to run",
                        .expected = "at most " + std::to_string(most) + " positions",
                        .found = std::to_string(max_positions),
                        .hint = "ask for a shorter context"});
}

}  // namespace

InferenceExecutor::InferenceExecutor(const Model& model, KvCache& cache, int64_t max_positions)
    : model_(model),
      cache_(cache),
      rope_(model.config.head_dim, model.config.rope_theta,
            CheckedPositions(model.config, max_positions), model.config.rope_frequency_factors) {}

Value InferenceExecutor::NewValue(const LinearInput& source) {
  SlotSet& set = sets_[current_set_];
  if (set.used == set.slots.size()) set.slots.push_back(std::make_unique<Slot>());
  Slot& slot = *set.slots[set.used];
  slot.width = source.cols;
  slot.stored = false;
  slot.source = source;
  slot.num_quantized = 0;
  return {(current_set_ << kSetShift) + static_cast<int32_t>(set.used++)};
}

Value InferenceExecutor::NewValue(int64_t width) {
  const Value value = NewValue(LinearInput{.cols = width});
  Slot& slot = At(value);
  GrowTo(slot.data, rows_ * width);
  slot.stored = true;
  return value;
}

InferenceExecutor::Slot& InferenceExecutor::At(Value value) {
  TRIT_CHECK(value.valid());
  SlotSet& set = sets_[value.index >> kSetShift];
  const size_t index = static_cast<size_t>(value.index & ((1 << kSetShift) - 1));
  TRIT_CHECK(index < set.used);
  return *set.slots[index];
}

float* InferenceExecutor::Floats(Slot& slot) {
  if (!slot.stored) {
    GrowTo(slot.data, rows_ * slot.width);
    ParallelFor(rows_, [&](int64_t r) {
      LinearInputRows(slot.source, r, r + 1, slot.data.data() + r * slot.width);
    });
    slot.stored = true;
  }
  return slot.data.data();
}

LinearInput InferenceExecutor::InputOf(const Slot& slot) const {
  return slot.stored ? LinearInput{.cols = slot.width, .x = slot.data.data()} : slot.source;
}

InferenceExecutor::QuantizedInput& InferenceExecutor::Quantized(Slot& slot,
                                                                const ActivationScheme& scheme) {
  for (size_t i = 0; i < slot.num_quantized; ++i) {
    if (slot.quantized[i]->codes.scheme == scheme) return *slot.quantized[i];
  }
  if (slot.num_quantized == slot.quantized.size()) {
    slot.quantized.push_back(std::make_unique<QuantizedInput>());
  }
  QuantizedInput& quantized = *slot.quantized[slot.num_quantized++];
  quantized.rounded_ready = false;
  quantized.codes.scheme = scheme;
  QuantizeLinearInput(InputOf(slot), rows_, quantized.codes);
  return quantized;
}

const float* InferenceExecutor::Rounded(QuantizedInput& input) {
  if (!input.rounded_ready) {
    const ActivationCodes& codes = input.codes;
    GrowTo(input.rounded, rows_ * codes.cols);
    ParallelForBlocks(rows_, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int8_t* q = codes.codes.data() + r * codes.stride;
        float* x = input.rounded.data() + r * codes.cols;
        for (int64_t c = 0; c < codes.cols; ++c) {
          x[c] = static_cast<float>(q[c]) / codes.scales[static_cast<size_t>(r)];
        }
      }
    });
    input.rounded_ready = true;
  }
  return input.rounded.data();
}

Value InferenceExecutor::Embed(WeightId table, const Batch& batch) {
  batch_ = &batch;
  rows_ = batch.num_rows();
  for (const int32_t token : batch.tokens) {
    if (token < 0 || token >= model_.config.vocab_size) {
      throw Error(ErrorInfo{.what = "token id outside the vocabulary",
                            .expected = "below " + std::to_string(model_.config.vocab_size),
                            .found = std::to_string(token)});
    }
  }
  for (const Segment& segment : batch.segments) {
    TRIT_CHECK(cache_.Length(segment.sequence) == segment.first_position);
    if (segment.first_position + segment.num_rows > rope_.max_positions()) {
      throw Error(ErrorInfo{.what = "the sequence is longer than the context",
                            .expected = "at most " + std::to_string(rope_.max_positions()),
                            .found = std::to_string(segment.first_position + segment.num_rows)});
    }
    cache_.Append(segment.sequence, segment.num_rows);
  }
  for (SlotSet& set : sets_) set.used = 0;
  current_set_ = 1;  // layer 0 writes to set 0
  const Value x = NewValue(model_.config.hidden_size);
  EmbeddingForward(model_.weights[static_cast<size_t>(table)].matrix, batch.tokens.data(), rows_,
                   At(x).data.data());
  return x;
}

void InferenceExecutor::BeginLayer(int64_t, Value x) {
  TRIT_CHECK((x.index >> kSetShift) == current_set_);
  current_set_ = 1 - current_set_;
  sets_[current_set_].used = 0;
}

void InferenceExecutor::EndLayer(int64_t, Value) {}

Value InferenceExecutor::RmsNorm(Value x, WeightId weight) {
  if (InputOf(At(x)).norm_weights != nullptr) Floats(At(x));
  LinearInput source = InputOf(At(x));
  source.norm_weights = model_.weights[static_cast<size_t>(weight)].vector.data();
  source.norm_eps = model_.config.rms_norm_eps;
  return NewValue(source);
}

void InferenceExecutor::Linear(Value x, std::span<const WeightId> weights, Value residual,
                               std::span<Value> outs) {
  TRIT_CHECK(weights.size() == outs.size() && (!residual.valid() || weights.size() == 1));
  for (size_t i = 0; i < weights.size(); ++i) {
    const ModelWeight& weight = model_.weights[static_cast<size_t>(weights[i])];
    outs[i] = NewValue(weight.matrix.rows);
    MatmulCall call{.weights = &weight.matrix,
                    .num_tokens = rows_,
                    .out = At(outs[i]).data.data(),
                    .out_stride = weight.matrix.rows};
    Slot& input = At(x);
    TRIT_CHECK(input.width == weight.matrix.cols);
    const ActivationScheme scheme = weight.activations();
    QuantizedInput* quantized = scheme.TakesCodes() ? &Quantized(input, scheme) : nullptr;
    if (TakesCodes(weight.matrix.format)) {
      TRIT_CHECK(quantized != nullptr);
      call.codes = &quantized->codes;
    } else {
      call.floats = quantized != nullptr ? Rounded(*quantized) : Floats(input);
      call.floats_stride = input.width;
    }
    if (residual.valid()) {
      call.residual = Floats(At(residual));
      call.residual_stride = At(residual).width;
    }
    Matmul(call);
    if (taps_.observe_linear) {
      taps_.observe_linear({.weight = weights[i],
                            .rows = rows_,
                            .in_features = weight.matrix.cols,
                            .out_features = weight.matrix.rows,
                            .in = Floats(input),
                            .codes = quantized != nullptr ? &quantized->codes : nullptr,
                            .out = call.out});
    }
  }
}

Value InferenceExecutor::Rope(Value x, int64_t num_heads) {
  Slot& slot = At(x);
  RopeForward(rope_, model_.config.rope_style, batch_->positions.data(), rows_, num_heads,
              Floats(slot), slot.width);
  return x;  // turned in place: nothing reads the unturned value
}

Value InferenceExecutor::Attention(int64_t layer, Value q, Value k, Value v) {
  const AttentionShape shape{model_.config.num_attention_heads, model_.config.num_key_value_heads,
                             model_.config.head_dim};
  const Value out = NewValue(model_.config.QuerySize());
  const size_t num_segments = batch_->segments.size();
  std::vector<std::vector<float*>> key_pages(num_segments), value_pages(num_segments);
  std::vector<AttentionSegment> segments;
  int64_t row = 0;
  for (size_t i = 0; i < num_segments; ++i) {
    const Segment& segment = batch_->segments[i];
    key_pages[i] = cache_.KeyPages(segment.sequence, layer);
    value_pages[i] = cache_.ValuePages(segment.sequence, layer);
    const int64_t stride = At(k).width;
    StoreKeysValues(shape, segment.first_position, segment.num_rows, Floats(At(k)) + row * stride,
                    Floats(At(v)) + row * stride, stride, key_pages[i].data(),
                    value_pages[i].data());
    segments.push_back({.first_row = row,
                        .num_rows = segment.num_rows,
                        .first_position = segment.first_position,
                        .key_pages = key_pages[i].data(),
                        .value_pages = value_pages[i].data()});
    row += segment.num_rows;
  }
  AttentionForward(shape, segments, Floats(At(q)), At(q).width, At(out).data.data(), At(out).width,
                   nullptr);
  return out;
}

Value InferenceExecutor::GatedUnit(Value gate, Value up) {
  return NewValue(LinearInput{.cols = At(gate).width,
                              .gate = Floats(At(gate)),
                              .up = Floats(At(up)),
                              .activation = model_.config.hidden_act});
}

void InferenceExecutor::Observe(int64_t layer, TapPoint point, Value x) {
  if (!taps_.observe) return;
  Slot& slot = At(x);
  taps_.observe({layer, point, rows_, slot.width, Floats(slot)});
}

const float* InferenceExecutor::GatherRows(Value hidden, std::span<const int32_t> rows) {
  const Slot& slot = At(hidden);
  const LinearInput input = InputOf(slot);
  GrowTo(gathered_, static_cast<int64_t>(rows.size()) * slot.width);
  ParallelFor(static_cast<int64_t>(rows.size()), [&](int64_t i) {
    const int32_t row = rows[static_cast<size_t>(i)];
    TRIT_CHECK(row >= 0 && row < rows_);
    float* to = gathered_.data() + i * slot.width;
    const float* from = LinearInputRows(input, row, row + 1, to);
    if (from != to) std::copy(from, from + slot.width, to);
  });
  return gathered_.data();
}

void InferenceExecutor::Logits(const float* hidden, int64_t num_rows, float* out) {
  const PackedMatrix& head = model_.weights[static_cast<size_t>(model_.table.lm_head())].matrix;
  Matmul(MatmulCall{.weights = &head,
                    .num_tokens = num_rows,
                    .floats = hidden,
                    .floats_stride = head.cols,
                    .out = out,
                    .out_stride = head.rows});
}

void InferenceExecutor::Head(Value hidden, std::span<const int32_t> rows,
                             const HeadRequest& request) {
  const float* gathered = GatherRows(hidden, rows);
  const int64_t num_rows = static_cast<int64_t>(rows.size());
  const int64_t width = model_.config.hidden_size;
  const int64_t vocab_size = model_.config.vocab_size;
  if (const FullLogits* full = std::get_if<FullLogits>(&request)) {
    Logits(gathered, num_rows, full->out);
    return;
  }
  GrowTo(logits_, std::min(num_rows, kHeadChunk) * vocab_size);
  for (int64_t begin = 0; begin < num_rows; begin += kHeadChunk) {
    const int64_t count = std::min(kHeadChunk, num_rows - begin);
    Logits(gathered + begin * width, count, logits_.data());
    if (const TopCandidates* top = std::get_if<TopCandidates>(&request)) {
      for (int64_t r = 0; r < count; ++r) {
        float* row_logits = logits_.data() + r * vocab_size;
        for (const LogitBias& bias : top->biases) row_logits[bias.token] += bias.bias;
        SelectTop(row_logits, vocab_size, top->k, top->out[static_cast<size_t>(begin + r)]);
      }
    } else {
      const TokenLoss& loss = std::get<TokenLoss>(request);
      CrossEntropyForward(logits_.data(), vocab_size, loss.targets.data() + begin, count,
                          vocab_size, loss.losses.data() + begin, nullptr);
      for (int64_t r = begin; r < begin + count; ++r) {
        if (loss.weights[static_cast<size_t>(r)] == 0) loss.losses[static_cast<size_t>(r)] = 0;
      }
    }
  }
}

}  // namespace trit
