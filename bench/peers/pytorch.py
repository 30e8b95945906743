"""PyTorch for `npm run bench:compare`: pytorch.py eager | compile. Also for Debian's older build.

As its performance tuning guide says: gradients set to none instead of zeroed, fused optimizers where the build
has them (Adam and SGD; RMSprop has none), one pool of OpenMP threads that does not sleep between operations,
bound to cores, memory kept by the allocator instead of given back after every step, AVX-512 kernels asked for
by name (Debian's build would take AVX2), inference under inference_mode. These are variables of the
environment, set in bench/compare/peers.mjs. Matrix products stay in float32: no bfloat16 behind the scenes.

compile: torch.compile with mode max-autotune-no-cudagraphs over forward and loss (their backward is compiled
with them), and over the optimizer's step where that is faster than its fused kernel.
"""

import os
import sys

from protocol import request, serve

asked = request()

import torch  # noqa: E402  after the request, so that a failure to import is not taken for a hang
from torch import nn  # noqa: E402

COMPILED = sys.argv[1:] == ["compile"]
NEW = int(torch.__version__.split(".")[0]) >= 2
ENTROPY = nn.functional.cross_entropy
VARIANT = os.environ.get("VARIANT", "")
torch.set_num_threads(asked["threads"])
torch.manual_seed(0)


def compiled(function):
    return torch.compile(function, mode=os.environ.get("MODE", "default")) if COMPILED else function


def labels(count):
    return torch.tensor([i * 7 % 10 for i in range(count)])


def trainer(model, optimizer, x, y, loss=ENTROPY, clip=None):
    model.train()
    forward = compiled(lambda: loss(model(x), y))
    update = optimizer.step
    if COMPILED and "opt" in VARIANT:
        update = torch.compile(optimizer.step)

    def step():
        value = forward()
        value.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        update()
        optimizer.zero_grad(set_to_none=True)
        return value

    return step


def adam(model):
    return torch.optim.Adam(model.parameters(), 1e-3, **({"fused": True} if NEW and "nofused" not in VARIANT else {}))


def sgd(model, rate):
    return torch.optim.SGD(model.parameters(), rate, **({"fused": True} if NEW and "nofused" not in VARIANT else {}))


def mlp(*sizes):
    layers = []
    for size, out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(size, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def xor_tiny():
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    return trainer(model, sgd(model, 0.5), x, y, nn.functional.mse_loss)


def mlp_small():
    model = mlp(784, 128, 10)
    return trainer(model, sgd(model, 0.1), torch.rand(32, 784), labels(32))


def mlp_mnist():
    model = mlp(784, 512, 256, 10)
    return trainer(model, adam(model), torch.rand(128, 784), labels(128))


def mlp_bn_dropout():
    def block(size):
        return [nn.Linear(size, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Dropout(0.5)]

    model = nn.Sequential(*block(784), *block(512), nn.Linear(512, 10))
    return trainer(model, adam(model), torch.rand(128, 784), labels(128))


class Deep(nn.Module):
    """A stem, 20 residual blocks h + tanh(LayerNorm(Linear(h))), a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(64, 256)
        self.linears = nn.ModuleList(nn.Linear(256, 256) for _ in range(20))
        self.norms = nn.ModuleList(nn.LayerNorm(256) for _ in range(20))
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        h = self.stem(x)
        for linear, norm in zip(self.linears, self.norms):
            h = h + torch.tanh(norm(linear(h)))
        return self.head(h)


def mlp_deep():
    model = Deep()
    options = {"foreach": True} if "foreach" in VARIANT else {}
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, alpha=0.99, eps=1e-8, **options)
    return trainer(model, optimizer, torch.randn(64, 64), labels(64), clip=1.0)


def inference(batch):
    model = mlp(784, 512, 256, 10).eval()
    x = torch.rand(batch, 784)
    predict = compiled(model)

    def step():
        with torch.inference_mode():
            return predict(x)

    return step


workloads = {
    "xor_tiny": xor_tiny,
    "mlp_small": mlp_small,
    "mlp_mnist": mlp_mnist,
    "mlp_bn_dropout": mlp_bn_dropout,
    "mlp_deep": mlp_deep,
    "infer_mlp_b1": lambda: inference(1),
    "infer_mlp_b128": lambda: inference(128),
}
serve(asked, "PyTorch", torch.__version__, workloads, torch.backends.cpu.get_cpu_capability() if NEW else "")
