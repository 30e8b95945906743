"""What the scripts of this folder share: making inputs and writing tests/reference/*.json.

Inputs are float32 numbers; results are computed in float64 from exactly these, so they are references
for any precision. NaN, infinities and −0, for which JSON has no word, are written as strings.
"""

import json
import math
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"


def number(x):
    if isinstance(x, (bool, np.bool_)):
        return int(x)
    x = float(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    if x == 0 and math.copysign(1, x) < 0:
        return "-0"
    return int(x) if x == int(x) and abs(x) < 1e15 else float(f"{x:.9g}")


DTYPES = {"float64": "float32", "float32": "float32", "int64": "int32", "int32": "int32", "bool": "bool", "uint8": "uint8"}


def entry(t):
    """A tensor or array as {shape, dtype, data}."""
    a = t.detach().numpy() if isinstance(t, torch.Tensor) else np.asarray(t)
    return {"shape": list(a.shape), "dtype": DTYPES[str(a.dtype)], "data": [number(x) for x in a.ravel()]}


def write(name, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n")


class Numbers:
    """float32 numbers, as float64 tensors."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def normal(self, *shape):
        return torch.from_numpy(self.random.standard_normal(shape).astype(np.float32).astype(np.float64))

    def uniform(self, low, high, *shape):
        return torch.from_numpy(self.random.uniform(low, high, shape).astype(np.float32).astype(np.float64))

    def labels(self, classes, *shape):
        return torch.from_numpy(self.random.integers(0, classes, shape))
