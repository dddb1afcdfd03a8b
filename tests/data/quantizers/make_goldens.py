#!/usr/bin/env python3
"""Makes goldens.safetensors beside this file: what NumPy computes of every weight quantizer.

Needs Debian's python3-numpy; run it in this folder. Float32 where the quantizers use float, float64
elsewhere. Tensors: w and upstream, the gradient of w_hat, (ROWS, COLS); and for each case
WEIGHTS/RULE/GRANULARITY, asymmetric ones with /offset behind it, its codes, scales and offsets (in
the order of WeightScales), and gradient, that of w; where scales are learned also start (the scales
before the first step) and learned_gradient, of scales and offsets.
"""
import json
import struct

import numpy as np

ROWS, COLS, GROUP = 6, 32, 16
f32 = np.float32

# name: codes of learned scales, codes of others, rules
WIDTHS = {
    "ternary": ((-1, 1), (-1, 1), ("absmean", "minmax", "percentile", "mse", "learned")),
    "binary": (None, None, ("absmean",)),
    "int2": ((-2, 1), (-2, 1), ("minmax", "percentile", "mse", "learned")),
    "int3": ((-4, 3), (-4, 3), ("minmax", "percentile", "mse", "learned")),
    "int4": ((-8, 7), (-8, 7), ("minmax", "percentile", "mse", "learned")),
    "int8": ((-128, 127), (-127, 127), ("minmax", "percentile", "mse", "learned")),
}


def parts_of(granularity):
    """Index arrays of the weights that share a scale, in the order of WeightScales."""
    index = np.arange(ROWS * COLS).reshape(ROWS, COLS)
    if granularity == "tensor":
        return [index.ravel()]
    if granularity == "row":
        return list(index)
    return [index[r, g : g + GROUP] for g in range(0, COLS, GROUP) for r in range(ROWS)]


def grid_of(begin, end, low, high, symmetric):
    """scale and offset."""
    if symmetric:
        return np.maximum(end, f32(1e-5)) / f32((high - low) / 2), f32(0)
    scale = np.maximum(end - begin, f32(1e-5)) / f32(high - low)
    return scale, begin - f32(low) * scale


def codes_of(x, grid, low, high):
    scale, offset = grid
    return np.rint(np.clip((x - offset) * (f32(1) / scale), f32(low), f32(high)))


def values_of(codes, grid):
    return codes * grid[0] + grid[1]


def calibrated_grid(x, rule, low, high, symmetric):
    values = np.abs(x) if symmetric else x
    begin, end = f32(0) if symmetric else x.min(), values.max()
    if rule == "percentile":
        quantiles = np.quantile(values.astype(np.float64), (0.0005, 0.9995, 0.999)).astype(f32)
        begin, end = quantiles[0], quantiles[2 if symmetric else 1]
    if rule != "mse":
        return grid_of(begin, end, low, high, symmetric)
    factors = [f32(1) - f32(1 / 50) * f32(i) for i in range(40)]
    candidates = [grid_of(begin * f, end * f, low, high, symmetric) for f in factors]
    errors = []
    for grid in candidates:
        rounded = values_of(codes_of(x, grid, low, high), grid).astype(np.float64)
        errors.append(np.sum((rounded - x.astype(np.float64)) ** 2))
    order = np.argsort(errors, kind="stable")
    assert errors[order[1]] - errors[order[0]] > 1e-5 * errors[order[0]], "a tie"
    return candidates[order[0]]


def quantize(weights, rule, symmetric, x, g):
    """codes, grid, gradient of one part, by a rule without parameters."""
    mean_magnitude = np.maximum(f32(np.mean(np.abs(x).astype(np.float64))), f32(1e-5))
    if weights == "binary":
        center = f32(np.mean(x.astype(np.float64)))
        return np.where(x > center, f32(1), f32(-1)), (mean_magnitude, f32(0)), g
    low, high = WIDTHS[weights][1 if symmetric else 0]
    if rule == "absmean":
        grid = (mean_magnitude, f32(0))
        return codes_of(x, grid, low, high), grid, g
    grid = calibrated_grid(x, rule, low, high, symmetric)
    gradient = g
    if rule != "minmax":
        place = (x - grid[1]) * (f32(1) / grid[0])
        gradient = np.where((place < low - 0.5) | (place > high + 0.5), f32(0), g)
    return codes_of(x, grid, low, high), grid, gradient


def learned_start(weights, symmetric, x):
    low, high = WIDTHS[weights][0]
    x = x.astype(np.float64)
    if symmetric:
        return f32(2 * np.mean(np.abs(x)) / np.sqrt(high))
    bounds = (np.mean(x) - 3 * np.std(x), np.mean(x) + 3 * np.std(x))
    return f32(np.max(np.abs(bounds)) / -low)


def learned(weights, x, g, step, offset):
    """codes, gradient, gradients of step and offset."""
    low, high = WIDTHS[weights][0]
    clip = (-0.99 * 1.5, 0.99 * 1.5) if weights == "ternary" else (low, high)
    place = (x - offset) / step
    inside = (place >= clip[0]) & (place <= clip[1])
    codes = np.clip(np.rint(place), low, high)
    exact = (x.astype(np.float64) - offset) / np.float64(step)
    factor = 1 / np.sqrt(len(x) * high)
    step_gradient = factor * np.sum(g * np.where(inside, codes - exact, codes))
    offset_gradient = factor * np.sum(np.where(inside, 0.0, g))
    return codes, np.where(inside, g, f32(0)), step_gradient, offset_gradient


def make_case(weights, rule, symmetric, granularity, w, g):
    """Tensors by name."""
    parts = parts_of(granularity)
    n = len(parts)
    codes, gradient = np.zeros_like(w), np.zeros_like(w)
    scales, offsets, start = np.zeros(n, f32), np.zeros(n, f32), np.zeros(n, f32)
    step_gradients, offset_gradients = np.zeros(n, f32), np.zeros(n, f32)
    for i, part in enumerate(parts):
        x, dx = w[part], g[part]
        if rule == "learned":
            start[i] = learned_start(weights, symmetric, x)
            scales[i] = start[i] * f32(0.7)  # so that some are clipped
            offsets[i] = f32(0) if symmetric else f32(0.3) * scales[i]
            codes[part], gradient[part], step_gradients[i], offset_gradients[i] = learned(
                weights, x, dx, scales[i], offsets[i]
            )
        else:
            codes[part], grid, gradient[part] = quantize(weights, rule, symmetric, x, dx)
            scales[i], offsets[i] = grid
    tensors = {"codes": codes, "scales": scales, "gradient": gradient}
    if not symmetric:
        tensors["offsets"] = offsets
    if rule == "learned":
        tensors["start"] = start
        tensors["learned_gradient"] = step_gradients
        if not symmetric:
            tensors["learned_gradient"] = np.concatenate((step_gradients, offset_gradients))
    return tensors


def main():
    random = np.random.default_rng(7)
    w = (0.05 * random.standard_normal(ROWS * COLS)).astype(f32)
    w[::29] *= 4  # a few outliers
    g = random.standard_normal(ROWS * COLS).astype(f32)
    tensors = {"w": w, "upstream": g}
    for weights, (_, _, rules) in WIDTHS.items():
        for rule in rules:
            for symmetric in (True, False) if weights.startswith("int") else (True,):
                for granularity in ("tensor", "row", str(GROUP)):
                    name = f"{weights}/{rule}/{granularity}{'' if symmetric else '/offset'}."
                    case = make_case(weights, rule, symmetric, granularity, w, g)
                    tensors.update((name + key, value) for key, value in case.items())
    header, data = {}, b""
    for name, tensor in tensors.items():
        # Codes are bytes; everything else is float32.
        is_codes = name.endswith("codes")
        body = tensor.astype(np.int8 if is_codes else f32).tobytes()
        header[name] = {
            "dtype": "I8" if is_codes else "F32",
            "shape": [len(tensor)],
            "data_offsets": [len(data), len(data) + len(body)],
        }
        data += body
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open("goldens.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
