#!/usr/bin/env python3
"""Makes goldens.safetensors beside this file: what NumPy computes of every weight quantizer.

Needs Debian's python3-numpy; run it in this folder. Float32 where the quantizers use float, float64
elsewhere. Tensors: w and upstream, the gradient of w_hat, (ROWS, COLS); and for each case
WEIGHTS/RULE/GRANULARITY its codes, scales (in the order of WeightScales), and gradient, that of w;
where scales are learned also start (before the first step), learned (those the case is computed
with) and learned_gradient.
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


def range_scale(limit, low, high):
    return f32(np.maximum(f32(limit), f32(1e-5)) / f32((high - low) / 2))


def codes_of(x, scale, low, high):
    return np.rint(np.clip(x * (f32(1) / scale), f32(low), f32(high)))


def calibrated_scale(x, rule, low, high):
    magnitude = np.abs(x)
    if rule == "minmax":
        return range_scale(magnitude.max(), low, high)
    if rule == "percentile":
        return range_scale(f32(np.quantile(magnitude.astype(np.float64), 0.999)), low, high)
    candidates = [
        range_scale(magnitude.max() * (f32(1) - f32(1 / 50) * f32(i)), low, high) for i in range(40)
    ]
    errors = []
    for scale in candidates:
        rounded = (codes_of(x, scale, low, high) * scale).astype(np.float64)
        errors.append(np.sum((rounded - x.astype(np.float64)) ** 2))
    order = np.argsort(errors, kind="stable")
    assert errors[order[1]] - errors[order[0]] > 1e-5 * errors[order[0]], "a tie"
    return candidates[order[0]]


def quantize(weights, rule, x, g):
    """codes, scale, gradient of one part, by a rule without parameters."""
    mean_magnitude = np.maximum(f32(np.mean(np.abs(x).astype(np.float64))), f32(1e-5))
    if weights == "binary":
        center = f32(np.mean(x.astype(np.float64)))
        return np.where(x > center, f32(1), f32(-1)), mean_magnitude, g
    low, high = WIDTHS[weights][1]
    if rule == "absmean":
        return codes_of(x, mean_magnitude, low, high), mean_magnitude, g
    scale = calibrated_scale(x, rule, low, high)
    gradient = g
    if rule != "minmax":
        place = x * (f32(1) / scale)
        gradient = np.where((place < low - 0.5) | (place > high + 0.5), f32(0), g)
    return codes_of(x, scale, low, high), scale, gradient


def learned_start(weights, x):
    high = WIDTHS[weights][0][1]
    return f32(2 * np.mean(np.abs(x).astype(np.float64)) / np.sqrt(high))


def learned(weights, x, g, step):
    """codes, gradient, gradient of the step."""
    low, high = WIDTHS[weights][0]
    clip = (-0.99 * 1.5, 0.99 * 1.5) if weights == "ternary" else (low, high)
    place = x / step
    inside = (place >= clip[0]) & (place <= clip[1])
    codes = np.clip(np.rint(place), low, high)
    exact = x.astype(np.float64) / np.float64(step)
    slope = np.where(inside, codes - exact, codes)
    step_gradient = np.sum(g * slope) / np.sqrt(len(x) * high)
    return codes, np.where(inside, g, f32(0)), step_gradient


def main():
    random = np.random.default_rng(7)
    w = (0.05 * random.standard_normal(ROWS * COLS)).astype(f32)
    w[::29] *= 4  # a few outliers
    g = random.standard_normal(ROWS * COLS).astype(f32)
    tensors = {"w": w, "upstream": g}
    for weights, (_, _, rules) in WIDTHS.items():
        for rule in rules:
            for granularity in ("tensor", "row", str(GROUP)):
                parts = parts_of(granularity)
                case = f"{weights}/{rule}/{granularity}."
                codes, gradient = np.zeros_like(w), np.zeros_like(w)
                scales = np.zeros(len(parts), f32)
                if rule == "learned":
                    start, steps = np.zeros(len(parts), f32), np.zeros(len(parts), f32)
                    step_gradients = np.zeros(len(parts), f32)
                for i, part in enumerate(parts):
                    x, dx = w[part], g[part]
                    if rule == "learned":
                        start[i] = learned_start(weights, x)
                        scales[i] = steps[i] = start[i] * f32(0.7)  # so that some are clipped
                        codes[part], gradient[part], step_gradients[i] = learned(
                            weights, x, dx, steps[i]
                        )
                    else:
                        codes[part], scales[i], gradient[part] = quantize(weights, rule, x, dx)
                tensors[case + "codes"] = codes
                tensors[case + "scales"] = scales
                tensors[case + "gradient"] = gradient
                if rule == "learned":
                    tensors[case + "start"] = start
                    tensors[case + "learned"] = steps
                    tensors[case + "learned_gradient"] = step_gradients
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
