"""tests/reference/ops.json: what operations give, by PyTorch and NumPy (made with 1.13 and 1.24).

tests/ops/forward.test.ts has the same operation under each name.
"""

import numpy as np
import torch

from reference import Numbers, entry, write

numbers = Numbers(3)
cases = []
nan, inf = float("nan"), float("inf")


def add(name, result, *inputs):
    cases.append({"name": name, "inputs": [entry(x) for x in inputs], "output": entry(result)})


def t(*data):
    return torch.tensor(data, dtype=torch.float64)


# Functions of one element, over ordinary and special values.
ordinary = numbers.normal(13) * 3
special = t(-inf, -120.5, -3.0, -1.5, -0.5, -0.0, 0.0, 0.5, 1.0, 2.5, 80.5, inf, nan).float().double()
unary = {
    "neg": torch.neg, "abs": torch.abs, "sign": lambda x: torch.from_numpy(np.sign(x.numpy())), "square": torch.square, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p,
    "log2": torch.log2, "sin": torch.sin, "cos": torch.cos, "erf": torch.erf, "floor": torch.floor, "ceil": torch.ceil,
    "round": torch.round, "trunc": torch.trunc, "isNaN": torch.isnan, "isFinite": torch.isfinite, "logicalNot": torch.logical_not,
    "sigmoid": torch.sigmoid, "logSigmoid": torch.nn.functional.logsigmoid, "tanh": torch.tanh, "relu": torch.relu,
    "relu6": torch.nn.functional.relu6, "softplus": lambda x: torch.nn.functional.softplus(x, threshold=1e9),
    "softsign": torch.nn.functional.softsign, "silu": torch.nn.functional.silu, "gelu": torch.nn.functional.gelu,
    "geluTanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"), "mish": torch.nn.functional.mish,
    "selu": torch.selu, "elu": torch.nn.functional.elu, "leakyRelu": torch.nn.functional.leaky_relu,
    "hardSigmoid": torch.nn.functional.hardsigmoid, "hardSwish": torch.nn.functional.hardswish,
    "hardTanh": torch.nn.functional.hardtanh,
}
# Results that a limit decides are compared where PyTorch itself gives that limit.
avoids_infinity = {"sin", "cos", "silu", "gelu", "geluTanh", "mish", "hardSwish", "softsign", "softplus"}
for name, function in unary.items():
    add(name, function(ordinary), ordinary)
    x = special[torch.isfinite(special) | torch.isnan(special)] if name in avoids_infinity else special
    with np.errstate(all="ignore"):
        result = function(x)
    # float64 results beyond the range of float32 are infinite there.
    if result.is_floating_point():
        result = torch.where(result.abs() > 3.5e38, torch.sign(result) * inf, result)
        result = torch.where(result.abs() < 1.2e-38, result * 0, result)
    add(name, result, x)

# Functions of two elements: broadcasting and special values.
binary = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "minimum": torch.minimum, "maximum": torch.maximum,
    "equal": torch.eq, "notEqual": torch.ne, "less": torch.lt, "lessEqual": torch.le, "greater": torch.gt,
    "greaterEqual": torch.ge, "logicalAnd": torch.logical_and, "logicalOr": torch.logical_or, "logicalXor": torch.logical_xor,
    "squaredDifference": lambda a, b: (a - b) ** 2,
}
shapes = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((3, 1, 2), (2, 1)), ((0, 3), (3,)), ((2, 0), (1, 1))]
row, column = t(nan, -inf, -1.0, 0.0, -0.0, 1.0, inf), t(nan, -inf, -1.0, 0.0, 1.0, inf).reshape(6, 1)
for name, function in binary.items():
    for a, b in shapes:
        x, y = numbers.normal(*a), numbers.normal(*b)
        add(name, function(x, y), x, y)
    add(name, function(row, column), row, column)
base, power = numbers.uniform(0.1, 3, 2, 3), numbers.normal(3)
add("pow", base ** power, base, power)
add("pow", row ** t(2.0), row, t(2.0))
add("pow", row ** t(0.0), row, t(0.0))
add("pow", t(-2.0, -2.0, -2.0, 0.0, 4.0) ** t(3.0, -2.0, 0.5, -1.0, 0.5), t(-2.0, -2.0, -2.0, 0.0, 4.0), t(3.0, -2.0, 0.5, -1.0, 0.5))
condition, x, y = numbers.normal(2, 3) > 0, numbers.normal(3), numbers.normal(2, 1)
add("where", torch.where(condition, x, y), condition, x, y)
add("clip", torch.clamp(ordinary, -1, 1.5), ordinary)
add("clip", torch.clamp(special, -1, 1.5), special)

# Element types: NumPy's results where float32 and int32 stay what they are.
i, j, u = np.array([-3, 0, 7], np.int32), np.array([2, -5, 2], np.int32), np.array([0, 1, 255], np.uint8)
f = np.array([0.5, -1.5, 2.0], np.float32)
b = np.array([True, False, True])
add("add", i + j, i, j)
add("mul", i * j, i, j)
add("sub", i - u.astype(np.int32), i, u)
add("add", (i + f).astype(np.float32), i, f)
add("mul", (b * f).astype(np.float32), b, f)
add("div", (i / j).astype(np.float32), i, j)
add("less", i < j, i, j)
add("maximum", np.maximum(i, f).astype(np.float32), i, f)
add("logicalAnd", np.logical_and(i, b), i, b)
add("cast int32", np.trunc(t(2.9, -2.9, 0.0).numpy()).astype(np.int32), t(2.9, -2.9, 0.0))
add("cast bool", np.array([True, False, True]), t(0.25, 0.0, nan))
add("cast float32", i.astype(np.float32), i)

# Reductions along any axes; an axis list is part of the name.
cube = numbers.normal(2, 3, 4)
axes = {"all": None, "0": 0, "1": 1, "-1": -1, "0,1": (0, 1), "0,2": (0, 2), "1,2": (1, 2), "none": ()}
for label, axis in axes.items():
    a = cube.numpy()
    add(f"sum {label}", np.sum(a, axis), cube)
    add(f"mean {label}", np.mean(a, axis) if axis != () else a, cube)
    add(f"max {label}", np.max(a, axis), cube)
    add(f"min {label}", np.min(a, axis), cube)
    add(f"prod {label}", np.prod(a, axis), cube)
    add(f"sumOfSquares {label}", np.sum(a * a, axis), cube)
    if axis != ():
        add(f"variance {label}", np.var(a, axis, ddof=1), cube)
        add(f"norm {label}", np.sqrt(np.sum(a * a, axis)), cube)
for name in ("sum", "mean", "max", "min", "prod"):
    for data in ([[1.0, nan, 2.0], [inf, 1.0, -inf]], [[inf, 1.0, 2.0], [-inf, -1.0, 0.0]]):
        with np.errstate(all="ignore"):
            add(f"{name} 1", getattr(np, name)(np.array(data), 1), t(*data))
add("sum 1", np.zeros(2), np.zeros((2, 0)))
add("prod 1", np.ones(2), np.zeros((2, 0)))
add("mean 1", np.full(2, nan), np.zeros((2, 0)))
add("sum 1", np.zeros(0), np.zeros((0, 3)))
add("max 1", np.zeros(0), np.zeros((0, 3)))
add("sum 0", np.float32(6), np.array([1, 2, 3], np.int32))
long = numbers.normal(1, 1000)
add("sum 1", long.sum(1), long)
tall = numbers.normal(300, 3)
add("mean 0", tall.mean(0), tall)
ties = t([3.0, 1.0, 3.0], [nan, 5.0, nan], [1.0, 1.0, 1.0])
for axis in (0, 1):
    add(f"argmax {axis}", np.argmax(ties.numpy(), axis).astype(np.int32), ties)
    add(f"argmin {axis}", np.argmin(ties.numpy(), axis).astype(np.int32), ties)

# Softmax and log-sum-exp.
spread = t([1000.0, 1001.0, 999.0], [-1000.0, 0.0, -inf], [0.0, 0.0, 0.0])
for label, axis in (("0", 0), ("1", 1), ("-1", -1)):
    add(f"softmax {label}", torch.softmax(cube, axis), cube)
    add(f"logSoftmax {label}", torch.log_softmax(cube, axis), cube)
    add(f"logSumExp {label}", torch.logsumexp(cube, axis), cube)
add("softmax -1", torch.softmax(spread, -1), spread)
add("logSoftmax -1", torch.log_softmax(spread, -1), spread)
extremes = t([1000.0, 1001.0], [-inf, -inf], [inf, 1.0], [nan, 1.0], [-inf, 2.0])
add("logSumExp -1", torch.logsumexp(extremes, -1), extremes)

# Matrix products of all ranks.
products = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
            ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((2, 0), (0, 3)), ((0, 3), (3, 2)),
            ((2, 3), (3, 0)), ((17, 33), (33, 18)), ((1, 40), (40, 1))]
for a, c in products:
    x, y = numbers.normal(*a), numbers.normal(*c)
    add("matmul", torch.matmul(x, y), x, y)
x, y = numbers.normal(3, 2), numbers.normal(4, 3)
add("matmul of transposes", x.T @ y.T, x, y)
x, w, bias = numbers.normal(2, 2, 3), numbers.normal(4, 3), numbers.normal(4)
add("linear", torch.nn.functional.linear(x, w, bias), x, w, bias)

# Views, and what puts tensors together.
box = numbers.normal(2, 3, 4)
add("reshape 4,-1", box.reshape(4, -1), box)
add("permute 2,0,1", box.permute(2, 0, 1), box)
add("transpose", box.transpose(-2, -1), box)
add("reshape of a permutation", box.permute(2, 0, 1).reshape(6, 4), box)
add("slice of a permutation", box.permute(2, 0, 1)[1:3, :, 2], box)
add("sum of a permutation", box.permute(1, 0, 2).sum(0), box)
add("flatten 1", box.flatten(1), box)
add("squeeze", numbers.normal(1, 3, 1).squeeze() * 0 + 1, numbers.normal(1, 3, 1) * 0 + 1)
add("unsqueeze 1", box.unsqueeze(1), box)
column = numbers.normal(3, 1)
add("expand 2,3,4", column.expand(2, 3, 4), column)
add("narrow 1,1,2", box.narrow(1, 1, 2), box)
add("slice 2,1,-1", box[:, :, 1:-1], box)
add("slice 0,-1", box[-1:], box)
add("slice 1,2,1", box[:, 2:1], box)
a, c = numbers.normal(2, 3), numbers.normal(2, 1)
add("concat 1", torch.cat([a, c], 1), a, c)
d = numbers.normal(1, 3)
add("concat 0", torch.cat([a, d], 0), a, d)
empty = torch.zeros(0, 3)
add("concat 0", torch.cat([empty, d], 0), empty, d)
add("concat 0", np.array([-3, 0, 7, 2, -5, 2], np.int32), i, j)
add("concat 0", np.array([0, 1, 255, 0, 1, 255], np.uint8), u, u)
e = numbers.normal(2, 3)
add("stack 0", torch.stack([a, e], 0), a, e)
add("stack 1", torch.stack([a, e], 1), a, e)
add("stack -1", torch.stack([a, e], -1), a, e)
add("pad", torch.nn.functional.pad(a, (2, 0, 0, 1), value=0.5), a)
add("pad", torch.nn.functional.pad(empty, (2, 0, 0, 1), value=0.5), empty)
index, table = numbers.labels(4, 2, 3), numbers.normal(4, 2)
add("gatherRows", table[index], table, index)
add("gatherRows", table[index[:0]], table, index[:0])
whole = np.arange(8, dtype=np.int32).reshape(4, 2)
add("gatherRows", whole[index.numpy()], whole, index)
chosen = numbers.labels(4, 2, 3)
add("pick", torch.gather(box, -1, chosen.unsqueeze(-1)).squeeze(-1), box, chosen)

write("ops", cases)
