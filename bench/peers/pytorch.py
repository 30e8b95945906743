"""PyTorch's side of the workloads, for bench/compare-torch.mjs: reads commands, answers with times.

Run with one thread: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1. A line `name blockMs` on standard input
prepares the workload and answers `ready VERSION`; every empty line after that measures one block and
answers with milliseconds a step. As fast as its documentation says: one thread pool, gradients set to
none instead of zeroed; BLAS, allocator and ATEN_CPU_CAPABILITY are set by the caller.
"""

import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def labels(n):
    return torch.tensor([i * 7 % 10 for i in range(n)])


def trainer(model, optimizer, x, y, loss):
    model.train()

    def step():
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def workload(name):
    entropy = nn.functional.cross_entropy
    if name == "mlp_small":
        model = mlp(784, 128, 10)
        return trainer(model, torch.optim.SGD(model.parameters(), 0.1), torch.rand(32, 784), labels(32), entropy)
    if name == "mlp_mnist":
        model = mlp(784, 512, 256, 10)
        return trainer(model, torch.optim.Adam(model.parameters(), 1e-3), torch.rand(128, 784), labels(128), entropy)
    if name == "xor_tiny":
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
        x, y = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([[0.0], [1], [1], [0]])
        return trainer(model, torch.optim.SGD(model.parameters(), 0.5), x, y, nn.functional.mse_loss)
    raise SystemExit(f"unknown workload {name}")


def main():
    name, block_ms = sys.stdin.readline().split()
    step = workload(name)
    for _ in range(3):
        step()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 0.1:
        step()
        count += 1
    calls = max(1, int(float(block_ms) / 1e3 / ((time.perf_counter() - start) / count)))
    print("ready", torch.__version__, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(calls):
            step()
        print((time.perf_counter() - start) / calls * 1e3, flush=True)


main()
