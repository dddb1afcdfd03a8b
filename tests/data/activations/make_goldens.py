#!/usr/bin/env python3
"""Makes goldens.safetensors beside this file: what NumPy computes of every activation quantizer.

Needs Debian's python3-numpy; run it in this folder. A linear layer y = x_hat W^T with W a matrix of
trits times 0.25, for each quantizer (int8, int4, int8_static) and share of quantization (1, 0.25,
as QUANTIZER/SHARE). Tensors: x (ROWS, COLS), weights (OUT, COLS) and upstream, the gradient of y,
(ROWS, OUT); and of each quantizer its codes and scales a; of each case input, what takes the place
of x in the product, and the straight-through gradients dx and dweights. Codes, scales and inputs in
float32, gradients in float64, rounded at the end.
"""
import json
import struct

import numpy as np

ROWS, COLS, OUT = 9, 70, 17
RANGE = np.float32(1.5)  # int8_static: clips some of x
f32 = np.float32

# name: codes, static
QUANTIZERS = {"int8": (-128, 127, False), "int4": (-8, 7, False), "int8_static": (-128, 127, True)}


def quantize(x, low, high, static):
    """codes, a of each row."""
    floor = f32(1e-5)
    if static:
        a = np.full(ROWS, f32(high) / np.maximum(RANGE, floor), f32)
    else:
        a = f32(high) / np.maximum(np.abs(x).max(axis=1), floor)
    return np.rint(np.clip(x * a[:, None], f32(low), f32(high))), a


def gradients(x, a, share, static, low, high, seen, weights, upstream):
    dweights = upstream.astype(np.float64).T @ seen.astype(np.float64)
    dx = upstream.astype(np.float64) @ weights.astype(np.float64)
    if static:
        place = x * a[:, None]
        clipped = (place < low - 0.5) | (place > high + 0.5)
        dx = np.where(clipped, (1 - share) * dx, dx)
    return dx, dweights


def main():
    random = np.random.default_rng(11)
    x = random.standard_normal((ROWS, COLS)).astype(f32)
    x[3] *= f32(1e-7)  # below the floor
    weights = (f32(0.25) * random.integers(-1, 2, (OUT, COLS))).astype(f32)
    upstream = random.standard_normal((ROWS, OUT)).astype(f32)
    tensors = {"x": x, "weights": weights, "upstream": upstream}
    for name, (low, high, static) in QUANTIZERS.items():
        codes, a = quantize(x, low, high, static)
        tensors[f"{name}.codes"] = codes.astype(np.int8)
        tensors[f"{name}.scales"] = a
        for share in (1.0, 0.25):
            rounded = codes / a[:, None]
            seen = rounded if share == 1 else x + f32(share) * (rounded - x)
            dx, dweights = gradients(x, a, share, static, low, high, seen, weights, upstream)
            case = f"{name}/{share}"
            tensors[f"{case}.input"] = seen
            tensors[f"{case}.dx"] = dx.astype(f32)
            tensors[f"{case}.dweights"] = dweights.astype(f32)
    header, parts, offset = {}, [], 0
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor).tobytes()
        dtype = {"float32": "F32", "int8": "I8"}[str(tensor.dtype)]
        header[name] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        parts.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open("goldens.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


if __name__ == "__main__":
    main()
