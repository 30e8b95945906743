"""The child's side of bench/compare/session.mjs, for every peer written in Python.

A request comes as one line of JSON: {workload, threads, blockMs}. The answer is one line: {peer, version,
note}, once everything is warm, or {unable}. Then every line "block" is answered with milliseconds a step, and
"end" with the peak of resident memory in bytes.
"""

import json
import os
import resource
import sys
import time

# Libraries print what they like; only answers may go to the pipe.
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

WARM_UP = 0.4  # seconds
SLOW_STEP = 2.0  # seconds; a peer whose step takes longer is warm after two


def _answer(value):
    print(json.dumps(value), file=_answers, flush=True)


def _seconds(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - start


def _warm_up(step):
    """Runs until the speed has settled; returns seconds a step."""
    _seconds(step, 1)  # compiles, allocates
    once = _seconds(step, 1)
    if once > SLOW_STEP:
        return once
    count, end = 1, time.perf_counter() + WARM_UP
    while time.perf_counter() < end:
        once = _seconds(step, count) / count
        if once * count < WARM_UP / 8:
            count *= 2
    return once


def _peak_memory():
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fastest(steps, budget=0.3):
    """Which of several ways to make a step is the fastest here: (name, step). For libraries that have two and
    recommend either; the best of short blocks counts, since others may use the machine, too."""
    best = {}
    for name, step in steps.items():
        _seconds(step, 2)
        count = max(1, round(budget / 5 / max(_seconds(step, 1), 1e-6)))
        best[name] = min(_seconds(step, count) / count for _ in range(5))
    name = min(best, key=best.get)
    return name, steps[name]


def request():
    """What is asked for; read before a library is imported, which may want to know the threads."""
    return json.loads(sys.stdin.readline())


def serve(asked, peer, version, workloads, note=""):
    """`workloads` maps an id to a function that returns one step as a function without arguments.

    A step is done when its result is there: work that goes on in the background has to be waited for.
    """
    make = workloads.get(asked["workload"])
    if make is None:
        return _answer({"unable": "not written for this peer"})
    step = make()
    once = _warm_up(step)
    count = max(1, round(asked["blockMs"] / 1e3 / once))
    lead_in = 0 if count == 1 else -(-count // 8)  # wakes workers, fills the caches again
    _answer({"peer": peer, "version": version, "note": note() if callable(note) else note})
    for line in sys.stdin:
        if line.strip() == "end":
            break
        _seconds(step, lead_in)
        _answer(_seconds(step, count) / count * 1e3)
    _answer(_peak_memory())
    _answers.flush()
    os._exit(0)  # thread pools of some libraries hang when the interpreter takes them down
