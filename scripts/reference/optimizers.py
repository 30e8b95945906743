"""Reference trajectories for tests/optim: 100 steps of PyTorch's optimizers and schedulers.

    python3 scripts/reference/optimizers.py > tests/reference/optimizers.json     (PyTorch 1.13 or newer)

The function minimised: f(w) = sum_i (a_i (w_i - c_i)^2 / 2 + cos(w_i) / 10), a_i = 0.2 + 0.3 i and
c_i = sin(3 i), from w_i = (-1)^i (6 + i/2); its gradient is a_i (w_i - c_i) - sin(w_i)/10. It is convex, and
the minimum is further away than an adaptive optimizer goes in 100 steps: near a minimum these divide by
gradients that vanish, and two correct ones part. w is recorded after the steps listed.
"""

import json

import torch

N = 19
STEPS = [1, 2, 10, 50, 100]

OPTIMIZERS = {
    "sgd": ("SGD", dict(lr=0.02)),
    "sgd_momentum": ("SGD", dict(lr=0.02, momentum=0.9)),
    "sgd_dampening": ("SGD", dict(lr=0.02, momentum=0.9, dampening=0.3)),
    "sgd_nesterov": ("SGD", dict(lr=0.02, momentum=0.9, nesterov=True)),
    "sgd_weight_decay": ("SGD", dict(lr=0.02, momentum=0.8, weight_decay=0.1)),
    "sgd_maximize": ("SGD", dict(lr=0.002, momentum=0.5, maximize=True)),
    "adagrad": ("Adagrad", dict(lr=0.1)),
    "adagrad_initial": ("Adagrad", dict(lr=0.1, initial_accumulator_value=0.1, eps=1e-7)),
    "adagrad_weight_decay": ("Adagrad", dict(lr=0.1, weight_decay=0.1)),
    "adagrad_maximize": ("Adagrad", dict(lr=0.01, maximize=True)),
    "rmsprop": ("RMSprop", dict(lr=0.01)),
    "rmsprop_momentum": ("RMSprop", dict(lr=0.005, alpha=0.9, momentum=0.5)),
    "rmsprop_centered": ("RMSprop", dict(lr=0.01, alpha=0.95, centered=True, eps=1e-6)),
    "rmsprop_centered_momentum": ("RMSprop", dict(lr=0.005, alpha=0.9, centered=True, momentum=0.5, eps=1e-4, weight_decay=0.1)),
    "adam": ("Adam", dict(lr=0.05)),
    "adam_betas": ("Adam", dict(lr=0.05, betas=(0.5, 0.9), eps=1e-3)),
    "adam_weight_decay": ("Adam", dict(lr=0.05, weight_decay=0.1)),
    "adam_amsgrad": ("Adam", dict(lr=0.05, amsgrad=True, betas=(0.9, 0.95))),
    "adam_maximize": ("Adam", dict(lr=0.01, maximize=True)),
    "adamw": ("AdamW", dict(lr=0.05)),
    "adamw_weight_decay": ("AdamW", dict(lr=0.05, weight_decay=0.3)),
    "adamw_amsgrad": ("AdamW", dict(lr=0.05, amsgrad=True, weight_decay=0.1, betas=(0.9, 0.95))),
}

SCHEDULES = {
    "step": ("StepLR", dict(step_size=7, gamma=0.5)),
    "multi_step": ("MultiStepLR", dict(milestones=[5, 12, 30], gamma=0.3)),
    "exponential": ("ExponentialLR", dict(gamma=0.93)),
    "polynomial": ("PolynomialLR", dict(total_iters=30, power=2.0)),
    "cosine": ("CosineAnnealingLR", dict(T_max=40, eta_min=0.1)),
    "cosine_restarts": ("CosineAnnealingWarmRestarts", dict(T_0=8, T_mult=2, eta_min=0.05)),
    "cosine_restarts_even": ("CosineAnnealingWarmRestarts", dict(T_0=9)),
    "one_cycle": ("OneCycleLR", dict(max_lr=1.0, total_steps=41, cycle_momentum=False)),
    "one_cycle_linear": (
        "OneCycleLR",
        dict(max_lr=1.0, total_steps=41, pct_start=0.25, div_factor=10.0, final_div_factor=100.0, anneal_strategy="linear", cycle_momentum=False),
    ),
    "linear_warmup": ("LinearLR", dict(start_factor=0.1, total_iters=10)),
}

PLATEAU_VALUES = [1.0, 0.9, 0.9, 0.89999, 0.91, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.4, 0.45, 0.45, 0.45, 0.45, 0.45]
PLATEAU = dict(factor=0.5, patience=2, threshold=1e-3, cooldown=1, min_lr=0.2)


def trajectory(name, options, dtype):
    i = torch.arange(N, dtype=torch.float64)
    a, c = (0.2 + 0.3 * i).to(dtype), torch.sin(3 * i).to(dtype)
    w = (torch.cos(torch.pi * i).round() * (6 + i / 2)).to(dtype).requires_grad_(True)
    optimizer = getattr(torch.optim, name)([w], **options)
    recorded = []
    for step in range(1, max(STEPS) + 1):
        optimizer.zero_grad()
        (a * (w - c) ** 2 / 2 + torch.cos(w) / 10).sum().backward()
        optimizer.step()
        if step in STEPS:
            recorded.append(w.detach().tolist())
    return recorded


def factors(name, options, steps=41):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(values) < steps:
            scheduler.step()
    return values


def plateau(mode, values):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, **PLATEAU)
    seen = []
    for value in values:
        scheduler.step(value)
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


def rounded(value, digits):
    if isinstance(value, float):
        return float(f"%.{digits}g" % value)
    return [rounded(v, digits) for v in value]


print(
    json.dumps(
        {
            "torch": torch.__version__,
            "steps": STEPS,
            "n": N,
            "optimizers": {
                key: {
                    "name": name,
                    "options": options,
                    "float64": rounded(trajectory(name, options, torch.float64), 16),
                    "float32": rounded(trajectory(name, options, torch.float32), 9),
                }
                for key, (name, options) in OPTIMIZERS.items()
            },
            "schedules": {key: rounded(factors(name, options), 12) for key, (name, options) in SCHEDULES.items()},
            "plateau": {
                "options": PLATEAU,
                "values": PLATEAU_VALUES,
                "min": plateau("min", PLATEAU_VALUES),
                "max": plateau("max", [-v for v in PLATEAU_VALUES]),
            },
        },
        separators=(",", ":"),
    )
)
