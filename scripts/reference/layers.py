"""tests/reference/layers.json: outputs, gradients and states of layers by PyTorch (made with 1.13).

RMSNorm, which that version does not have, is written out here by its formula.
"""

import torch
from torch import nn

from reference import Numbers, entry, write

numbers = Numbers(2)
cases = []


class RMSNorm(nn.Module):
    def __init__(self, features, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.eps = eps

    def forward(self, x):
        return self.weight * x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps)


class ResidualBlock(nn.Module):
    """Named as nabla's Residual names its parts."""

    def __init__(self, inner, shortcut=None):
        super().__init__()
        self.inner = inner
        self.shortcut = shortcut

    def forward(self, x):
        return self.inner(x) + (x if self.shortcut is None else self.shortcut(x))


def randomise(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(numbers.normal(*p.shape) * 0.7 + (1 if p.dim() == 1 else 0))
        for b in module.buffers():
            if b.is_floating_point():
                b.copy_(numbers.uniform(0.5, 1.5, *b.shape))


def state(module):
    return {key: entry(value) for key, value in module.state_dict().items()}


def add(name, module, batches, train=True):
    """One step of forward and backward a batch; parameters stay, running statistics move on."""
    randomise(module)
    module.train(train)
    case = {"name": name, "train": train, "before": state(module), "steps": []}
    for x in batches:
        module.zero_grad()
        leaf = x.clone().requires_grad_(x.is_floating_point())
        y = module(leaf)
        dy = numbers.normal(*y.shape)
        y.backward(dy)
        case["steps"].append({
            "x": entry(x), "y": entry(y), "dy": entry(dy), "dx": entry(leaf.grad) if leaf.grad is not None else None,
            "gradients": {key: entry(p.grad) for key, p in module.named_parameters()},
        })
    case["after"] = state(module)
    cases.append(case)


def batch(*shape):
    return numbers.normal(*shape) * 2 + 0.5


add("Linear", nn.Linear(4, 3), [batch(5, 4)])
add("Linear without bias", nn.Linear(4, 3, bias=False), [batch(2, 3, 4)])
add("Sequential", nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.0), nn.Linear(6, 2)), [batch(5, 4)])
add("Sequential in evaluation", nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 2)),
    [batch(5, 4)], train=False)
add("BatchNorm1d", nn.BatchNorm1d(3), [batch(6, 3), batch(4, 3), batch(2, 3)])
add("BatchNorm1d in evaluation", nn.BatchNorm1d(3), [batch(6, 3)], train=False)
add("BatchNorm1d cumulative", nn.BatchNorm1d(3, momentum=None, eps=1e-3), [batch(6, 3), batch(4, 3), batch(5, 3)])
add("BatchNorm1d over lengths", nn.BatchNorm1d(3, momentum=0.25), [batch(2, 3, 4), batch(1, 3, 5)])
add("BatchNorm1d over lengths in evaluation", nn.BatchNorm1d(3), [batch(2, 3, 4)], train=False)
add("BatchNorm1d plain", nn.BatchNorm1d(3, affine=False), [batch(4, 3)])
add("BatchNorm1d untracked in evaluation", nn.BatchNorm1d(3, track_running_stats=False), [batch(4, 3)], train=False)
add("LayerNorm", nn.LayerNorm(5), [batch(3, 5)])
add("LayerNorm of two dimensions", nn.LayerNorm([2, 3], eps=1e-3), [batch(4, 2, 3)])
add("LayerNorm plain", nn.LayerNorm(5, elementwise_affine=False), [batch(2, 2, 5)])
add("RMSNorm", RMSNorm(5, 1e-6), [batch(2, 3, 5)])
add("Embedding", nn.Embedding(6, 3), [numbers.labels(6, 2, 4)])
padded = nn.Embedding(4, 2, padding_idx=1)
add("Embedding with padding", padded, [torch.tensor([[0, 1, 3], [1, 1, 2]])])
add("PReLU", nn.PReLU(), [batch(3, 4)])
add("PReLU of features", nn.PReLU(3), [batch(2, 3, 4)])
add("Residual", ResidualBlock(nn.Linear(4, 4)), [batch(3, 4)])
add("Residual with shortcut", ResidualBlock(nn.Linear(4, 2), nn.Linear(4, 2, bias=False)), [batch(3, 4)])
add("Flatten", nn.Flatten(), [batch(2, 3, 2)])

around_kinks = torch.tensor([[-7.5, -3.0, -2.0, -1.0, -0.25, 0.0], [0.25, 1.0, 2.0, 3.0, 6.0, 7.5]])
activations = {
    "Sigmoid": nn.Sigmoid(), "Tanh": nn.Tanh(), "ReLU": nn.ReLU(), "LeakyReLU": nn.LeakyReLU(), "LeakyReLU 0.2": nn.LeakyReLU(0.2),
    "ELU": nn.ELU(), "ELU 0.5": nn.ELU(0.5), "SELU": nn.SELU(), "GELU": nn.GELU(), "GELU tanh": nn.GELU(approximate="tanh"),
    "SiLU": nn.SiLU(), "Mish": nn.Mish(), "Softplus": nn.Softplus(), "Softsign": nn.Softsign(), "HardSigmoid": nn.Hardsigmoid(),
    "HardSwish": nn.Hardswish(), "HardTanh": nn.Hardtanh(), "ReLU6": nn.ReLU6(), "LogSigmoid": nn.LogSigmoid(),
    "Softmax": nn.Softmax(-1), "Softmax 0": nn.Softmax(0), "LogSoftmax": nn.LogSoftmax(-1), "LogSoftmax 1": nn.LogSoftmax(1),
}
for name, module in activations.items():
    x = batch(2, 3, 4) if name in ("Softmax 0", "LogSoftmax 1") else around_kinks
    add(name, module, [x])

write("layers", cases)
