#!/usr/bin/env python3
"""Makes the goldens beside this file: what PyTorch's autograd says of a tiny BitNet b1.58 model.

Needs Debian's python3-torch; run it in this folder. Deterministic: f32 on one thread. It writes
  init.safetensors            initial weights under Hugging Face's names
  tokens.bin                  uint16 ids; batch i, row b is tokens [(i B + b) T, (i B + b + 1) T)
  gradients_MODE.safetensors  every gradient of the first step, before clipping
  losses_MODE.json            loss and gradient norm of each step
for MODE full (no quantizers), ternary (weights only), ternary_int8 (activations too).
"""
import json
import math
import struct

import torch

VOCAB, HIDDEN, FFN, LAYERS, HEADS, KV_HEADS = 96, 64, 96, 2, 4, 2
TIME, BATCH, STEPS = 24, 3, 10
EPS, THETA, RATE, DECAY, CLIP = 1e-5, 10000.0, 1e-4, 0.1, 1.0
HEAD_DIM = HIDDEN // HEADS


def straight_through(x, quantized):
    return x + (quantized - x).detach()


def ternary(w):
    scale = w.abs().mean().clamp(min=1e-5)
    return straight_through(w, torch.clamp(torch.round(w * (1 / scale)), -1, 1) * scale)


def int8(x):
    scale = 127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
    return straight_through(x, torch.clamp(torch.round(x * scale), -128, 127) / scale)


def rms_norm(x, weight):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * weight


def rotate(x, cos, sin):  # x: (batch, time, heads, head_dim), halves
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def forward(p, ids, mode):
    def linear(x, name):
        w = p[name]
        if mode != "full":
            w = ternary(w)
        return (int8(x) if mode == "ternary_int8" else x) @ w.T

    batch, time = ids.shape
    frequency = THETA ** (-torch.arange(0, HEAD_DIM, 2, dtype=torch.float64) / HEAD_DIM)
    angle = (torch.arange(time, dtype=torch.float64)[:, None] * frequency)[:, None, :]
    cos, sin = angle.cos().float(), angle.sin().float()
    causal = torch.full((time, time), -math.inf).triu(1)
    x = p["model.embed_tokens.weight"][ids]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        h = rms_norm(x, p[at + "input_layernorm.weight"])
        split = lambda name, heads: linear(h, at + f"self_attn.{name}.weight").view(
            batch, time, heads, HEAD_DIM)
        q = rotate(split("q_proj", HEADS), cos, sin)
        k = rotate(split("k_proj", KV_HEADS), cos, sin)
        v = split("v_proj", KV_HEADS)
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, 2) for t in (k, v))
        scores = torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(HEAD_DIM) + causal
        mixed = torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).reshape(batch, time, HIDDEN)
        mixed = rms_norm(mixed, p[at + "self_attn.attn_sub_norm.weight"])
        x = x + linear(mixed, at + "self_attn.o_proj.weight")
        h = rms_norm(x, p[at + "post_attention_layernorm.weight"])
        gate = linear(h, at + "mlp.gate_proj.weight")
        up = linear(h, at + "mlp.up_proj.weight")
        gated = rms_norm(torch.relu(gate) ** 2 * up, p[at + "mlp.ffn_sub_norm.weight"])
        x = x + linear(gated, at + "mlp.down_proj.weight")
    return rms_norm(x, p["model.norm.weight"]) @ p["model.embed_tokens.weight"].T


def initial_weights():
    shapes = {"model.embed_tokens.weight": (VOCAB, HIDDEN)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        kv = KV_HEADS * HEAD_DIM
        shapes |= {
            at + "input_layernorm.weight": (HIDDEN,),
            at + "self_attn.q_proj.weight": (HIDDEN, HIDDEN),
            at + "self_attn.k_proj.weight": (kv, HIDDEN),
            at + "self_attn.v_proj.weight": (kv, HIDDEN),
            at + "self_attn.attn_sub_norm.weight": (HIDDEN,),
            at + "self_attn.o_proj.weight": (HIDDEN, HIDDEN),
            at + "post_attention_layernorm.weight": (HIDDEN,),
            at + "mlp.gate_proj.weight": (FFN, HIDDEN),
            at + "mlp.up_proj.weight": (FFN, HIDDEN),
            at + "mlp.ffn_sub_norm.weight": (FFN,),
            at + "mlp.down_proj.weight": (HIDDEN, FFN),
        }
    shapes["model.norm.weight"] = (HIDDEN,)
    # Norm weights away from 1, so that a forgotten factor shows.
    return {name: torch.randn(shape) * 0.02 if len(shape) == 2 else 1 + 0.1 * torch.randn(shape)
            for name, shape in shapes.items()}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        part = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def train(start, tokens, mode):
    p = {name: w.clone().requires_grad_() for name, w in start.items()}
    groups = [{"params": [w for w in p.values() if w.dim() == 2], "weight_decay": DECAY},
              {"params": [w for w in p.values() if w.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), eps=1e-8)
    log = []
    for step in range(STEPS):
        first = step * BATCH * TIME
        ids = tokens[first:first + BATCH * TIME].view(BATCH, TIME)
        targets = tokens[first + 1:first + 1 + BATCH * TIME]
        loss = torch.nn.functional.cross_entropy(forward(p, ids, mode).view(-1, VOCAB), targets)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            write_safetensors(f"gradients_{mode}.safetensors", {n: w.grad for n, w in p.items()})
        norm = torch.nn.utils.clip_grad_norm_(list(p.values()), CLIP)
        optimizer.step()
        log.append({"loss": loss.item(), "grad_norm": norm.item()})
    with open(f"losses_{mode}.json", "w") as file:
        json.dump(log, file, indent=0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(20)
    weights = initial_weights()
    ids = torch.randint(0, VOCAB, (STEPS * BATCH * TIME + 1,))
    write_safetensors("init.safetensors", weights)
    with open("tokens.bin", "wb") as file:
        file.write(ids.numpy().astype("<u2").tobytes())
    for name in ("full", "ternary", "ternary_int8"):
        train(weights, ids, name)
