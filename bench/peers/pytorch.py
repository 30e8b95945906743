"""PyTorch for `npm run bench:compare`: pytorch.py eager | compile. Also for Debian's older build.

As its performance tuning guide says: gradients set to none instead of zeroed, fused optimizers where the
build has them (Adam and SGD; RMSprop has none), inference under inference_mode; one pool of OpenMP threads,
memory kept by the allocator instead of given back after every step, AVX-512 kernels asked for by name
(Debian's build would take AVX2): these are variables of the environment, set in bench/compare/peers.mjs.
Matrix products stay in float32, which is the default: no bfloat16 behind the scenes.

compile: torch.compile over forward and loss (their backward is compiled with them), the optimizer's step
either its fused kernel or compiled, too; inference frozen, so that weights are packed beforehand, in the
default mode or max-autotune. Whichever is faster while warming up.
"""

import sys

from protocol import fastest, request, serve

asked = request()

import torch  # noqa: E402
from torch import nn  # noqa: E402

COMPILED = sys.argv[1:] == ["compile"]
# Before version 2 nothing is fused and no capability is told.
NEW = int(torch.__version__.split(".")[0]) >= 2
FUSED = {"fused": True} if NEW else {}
ENTROPY = nn.functional.cross_entropy
note = torch.backends.cpu.get_cpu_capability() if NEW else ""
torch.set_num_threads(asked["threads"])
torch.manual_seed(0)


def labels(count):
    return torch.tensor([i * 7 % 10 for i in range(count)])


def trainer(model, optimizer, x, y, loss=ENTROPY, clip=None):
    model.train()

    def forward():
        return loss(model(x), y)

    def stepper(forward, update):
        def step():
            value = forward()
            value.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            update()
            optimizer.zero_grad(set_to_none=True)
            return value

        return step

    if not COMPILED:
        return stepper(forward, optimizer.step)
    global note
    compiled = torch.compile(forward)
    steps = {
        "compiled": stepper(compiled, optimizer.step),
        "compiled, optimizer compiled": stepper(compiled, torch.compile(optimizer.step)),
    }
    note, step = fastest(steps)
    return step


def adam(model):
    return torch.optim.Adam(model.parameters(), 1e-3, **FUSED)


def sgd(model, rate):
    return torch.optim.SGD(model.parameters(), rate, **FUSED)


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
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, alpha=0.99, eps=1e-8)
    return trainer(model, optimizer, torch.randn(64, 64), labels(64), clip=1.0)


def inference(batch):
    model = mlp(784, 512, 256, 10).eval()
    x = torch.rand(batch, 784)

    def stepper(predict):
        def step():
            with torch.inference_mode():
                return predict(x)

        return step

    if not COMPILED:
        return stepper(model)
    global note
    modes = ("default", "max-autotune-no-cudagraphs")
    note, step = fastest({mode: stepper(torch.compile(model, mode=mode)) for mode in modes})
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
serve(asked, "PyTorch", torch.__version__, workloads, lambda: note)
