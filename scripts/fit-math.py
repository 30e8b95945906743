"""Finds the polynomial coefficients of native/simd/math.h: minimax fits (Remez),
rounded to float32 from the highest power down, each time fitting the lower ones again.

    pip install mpmath && python3 scripts/fit-math.py [name ...]

Prints for every fit the coefficients (lowest power first, exact hexadecimal floats) and the largest
weighted error that is left; the comment beside each fit says what that error is relative to.
"""
import math
import struct
import sys

from mpmath import cos, erf, erfc, exp, expm1, fabs, log, log1p, lu_solve, matrix, mp, mpf, pi, sin, sqrt, tanh

mp.dps = 40
GRID = 800


def chebyshev_grid(low, high):
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle - half * cos(pi * i / GRID) for i in range(GRID + 1)]


def to_float(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def remez(xs, target, weight, terms):
    """Coefficients of sum(c[k] * x**k, k < terms) minimising max |weight * (sum - target)| on the grid xs."""
    reference = [round(GRID * (1 - math.cos(math.pi * (i + 0.5) / (terms + 1))) / 2) for i in range(terms + 1)]
    for _ in range(60):
        a = matrix(terms + 1, terms + 1)
        b = matrix(terms + 1, 1)
        for row, i in enumerate(reference):
            for k in range(terms):
                a[row, k] = weight[i] * xs[i] ** k
            a[row, terms] = (-1) ** row
            b[row] = weight[i] * target[i]
        solution = lu_solve(a, b)
        coefficients = [solution[k] for k in range(terms)]
        errors = weighted_errors(xs, target, weight, coefficients)
        peaks = alternating_peaks(errors, terms + 1)
        if peaks is None or peaks == reference:
            break
        reference = peaks
    return coefficients


def weighted_errors(xs, target, weight, coefficients):
    errors = []
    for x, t, w in zip(xs, target, weight):
        value = mpf(0)
        for c in reversed(coefficients):
            value = value * x + c
        errors.append(w * (value - t))
    return errors


def alternating_peaks(errors, count):
    """The largest error of every run of one sign, reduced to `count` neighbours."""
    peaks = []
    for i, error in enumerate(errors):
        if peaks and (errors[peaks[-1]] > 0) == (error > 0):
            if fabs(error) > fabs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > count:
        peaks.pop(0 if fabs(errors[peaks[0]]) < fabs(errors[peaks[-1]]) else -1)
    return peaks if len(peaks) == count else None


def fit(name, target, weight, low, high, terms):
    xs = chebyshev_grid(mpf(low), mpf(high))
    target = [target(x) for x in xs]
    weight = [weight(x) for x in xs]
    rounded = []
    rest = list(target)
    for k in reversed(range(terms)):
        top = to_float(remez(xs, rest, weight, k + 1)[k])
        rounded.insert(0, top)
        rest = [t - mpf(top) * x**k for t, x in zip(rest, xs)]
    worst = max(fabs(error) for error in weighted_errors(xs, target, weight, rounded))
    print(f"{name}: max weighted error 2^{float(log(worst, 2)):.2f}")
    for k, c in enumerate(rounded):
        print(f"  c{k} = {c.hex()}f  // {c:.9g}")


def near_zero(function, series_value):
    """function(x), or its limit where x is 0 (the grid of a symmetric interval meets it)."""
    return lambda x: function(x) if fabs(x) > mpf(10) ** -12 else mpf(series_value)


def scaled_tail(u):
    """Phi(-a) e^(a^2/2), Phi the normal distribution's cumulative function, a = (1/u - 1) / 0.304."""
    a = (1 / u - 1) / mpf("0.304")
    return erfc(a / sqrt(mpf(2))) * exp(a * a / 2) / 2


LN2_HALF = log(mpf(2)) / 2 * mpf("1.0001")
FITS = {
    # expm1(r) = r + r^2 P(r): relative to e^r
    "exp": lambda: fit("exp", near_zero(lambda r: (expm1(r) - r) / r**2, 0.5), lambda r: r**2 / exp(r), -LN2_HALF, LN2_HALF, 5),
    # log(1 + f) = f + f^2 L(f): relative to log(1 + f)
    "log": lambda: fit("log", near_zero(lambda f: (log1p(f) - f) / f**2, -0.5), near_zero(lambda f: fabs(f**2 / log1p(f)), 0), mpf(-1) / 3, mpf(1) / 3, 9),
    # tanh(x) = x + x^3 T(x^2) up to 0.55: relative to tanh(x)
    "tanh": lambda: fit("tanh", near_zero(lambda s: (tanh(sqrt(s)) / sqrt(s) - 1) / s, mpf(-1) / 3), near_zero(lambda s: s * sqrt(s) / tanh(sqrt(s)), 0), 0, mpf("0.55") ** 2, 5),
    # sin(r) = r + r^3 S(r^2) and cos(r) = 1 - r^2/2 + r^4 C(r^2) up to pi/4: relative to sin, absolute
    "sin": lambda: fit("sin", near_zero(lambda s: (sin(sqrt(s)) / sqrt(s) - 1) / s, mpf(-1) / 6), near_zero(lambda s: s * sqrt(s) / sin(sqrt(s)), 0), 0, (pi / 4 * mpf("1.0001")) ** 2, 3),
    "cos": lambda: fit("cos", near_zero(lambda s: (cos(sqrt(s)) - 1 + s / 2) / s**2 if s > mpf(10) ** -9 else mpf(1) / 24, mpf(1) / 24), lambda s: s**2, 0, (pi / 4 * mpf("1.0001")) ** 2, 3),
    # erf(x) = x + x P(x^2) up to 0.92: relative to erf(x)
    "erf_low": lambda: fit("erf_low", near_zero(lambda s: erf(sqrt(s)) / sqrt(s) - 1, 2 / sqrt(pi) - 1), near_zero(lambda s: sqrt(s) / erf(sqrt(s)), sqrt(pi) / 2), 0, mpf("0.925") ** 2, 6),
    # erf(x) = 1 - exp(-x - x Q(x)) from 0.92 to 4: absolute
    "erf_high": lambda: fit("erf_high", lambda t: -log(erfc(t)) / t - 1, lambda t: t * erfc(t) / erf(t), mpf("0.92"), mpf("4"), 7),
    # log(m) = 2 (q + q^3 A(q^2)), q = (m - 1) / (m + 1), m in [2/3, 4/3]: relative to log(m)
    "atanh": lambda: fit("atanh", near_zero(lambda s: (log((1 + sqrt(s)) / (1 - sqrt(s))) / 2 / sqrt(s) - 1) / s, mpf(1) / 3), lambda s: s, 0, mpf("0.2001") ** 2, 4),
    # Phi(-a) = e^(-a^2/2) u Q(u), u = 1 / (1 + 0.304 a), a up to 14: relative
    "normal_cdf": lambda: fit("normal_cdf", lambda u: scaled_tail(u) / u, lambda u: u / scaled_tail(u), 1 / (1 + mpf("0.304") * 14), 1, 8),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FITS:
        FITS[name]()
