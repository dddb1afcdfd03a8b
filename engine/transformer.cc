#include "engine/transformer.h"

namespace trit {
namespace {

Value LinearOne(Executor& executor, Value x, WeightId weight, Value residual) {
  Value out;
  executor.Linear(x, {&weight, 1}, residual, {&out, 1});
  return out;
}

Value SelfAttention(const ModelConfig& config, const LayerWeights& w, int64_t layer, Value x,
                    Executor& executor) {
  const Value h = executor.RmsNorm(x, w.input_layernorm);
  const WeightId projections[3] = {w.q_proj, w.k_proj, w.v_proj};
  Value qkv[3];
  executor.Linear(h, projections, kNoValue, qkv);
  const Value q = executor.Rope(qkv[0], config.num_attention_heads);
  const Value k = executor.Rope(qkv[1], config.num_key_value_heads);
  Value attended = executor.Attention(layer, q, k, qkv[2]);
  executor.Observe(layer, TapPoint::kAttentionOut, attended);
  if (w.attn_sub_norm != kNoWeight) attended = executor.RmsNorm(attended, w.attn_sub_norm);
  return LinearOne(executor, attended, w.o_proj, x);
}

Value FeedForward(const LayerWeights& w, int64_t layer, Value x, Executor& executor) {
  const Value h = executor.RmsNorm(x, w.post_attention_layernorm);
  const WeightId projections[2] = {w.gate_proj, w.up_proj};
  Value gate_up[2];
  executor.Linear(h, projections, kNoValue, gate_up);
  Value gated = executor.GatedUnit(gate_up[0], gate_up[1]);
  executor.Observe(layer, TapPoint::kGatedUnitOut, gated);
  if (w.ffn_sub_norm != kNoWeight) gated = executor.RmsNorm(gated, w.ffn_sub_norm);
  return LinearOne(executor, gated, w.down_proj, x);
}

}  // namespace

Value ForwardLayer(const ModelConfig& config, const WeightTable& table, int64_t layer, Value x,
                   Executor& executor) {
  executor.BeginLayer(layer, x);
  executor.Observe(layer, TapPoint::kLayerInput, x);
  const LayerWeights& w = table.Layer(layer);
  x = SelfAttention(config, w, layer, x, executor);
  x = FeedForward(w, layer, x, executor);
  executor.EndLayer(layer, x);
  return x;
}

Value ForwardTransformer(const ModelConfig& config, const WeightTable& table, const Batch& batch,
                         Executor& executor) {
  Value x = executor.Embed(table.embed_tokens(), batch);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    x = ForwardLayer(config, table, layer, x, executor);
  }
  const Value hidden = executor.RmsNorm(x, table.norm());
  executor.Observe(config.num_hidden_layers, TapPoint::kFinalHidden, hidden);
  return hidden;
}

}  // namespace trit
