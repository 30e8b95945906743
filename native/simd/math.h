// Elementary functions over V, Real = float: one source for every instruction set (double: math64.h).
// The bounds are the largest errors in ULP over all floats whose argument and result are normal,
// found by walking through every float (tests/native/math_test.cpp; pow and Phi: by sampling).
// Coefficients: scripts/fit-math.py. No result depends on denormals being kept, but log and log2
// take denormal arguments exactly even where the machine reads denormals as zero.
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr float kLn2High = 0x1.62e4p-1f;    // ln 2 = kLn2High + kLn2Low; a whole number up to 511 times
constexpr float kLn2Low = 0x1.7f7d1cp-20f;  // kLn2High is exact, so x = n ln 2 + r is rounded once
constexpr float kLog2E = 0x1.715476p+0f;

/** P of e^r = 1 + r + r^2 P(r), |r| <= ln 2 / 2; farther out it still grows with r. */
inline V exp_polynomial(V r) {
  V p = set1(0x1.6a2438p-10f);
  p = fma(p, r, set1(0x1.1239e2p-7f));
  p = fma(p, r, set1(0x1.5558f2p-5f));
  p = fma(p, r, set1(0x1.555492p-3f));
  return fma(p, r, set1(0x1.fffffcp-2f));
}
inline V exp_rest(V x, V n) { return fnma(n, set1(kLn2Low), fnma(n, set1(kLn2High), x)); }
/** 2^n e^r */
inline V exp_join(V r, V n) { return scale2_near(fma(fma(exp_polynomial(r), r, set1(1)), r, set1(1)), n); }

/** e^x: 0.90 ULP; gradual underflow. At -104 and 89 the result has become 0 and infinity. */
inline V exp(V x) {
  const V c = at_most(at_least(x, set1(-104)), set1(89));
  const V n = round_even(c * set1(kLog2E));
  return exp_join(exp_rest(c, n), n);
}
/** e^(x + low), low a correction of x below its last place */
inline V exp_sum(V x, V low) {
  const V c = at_most(at_least(x, set1(-104)), set1(89));
  const V n = round_even(c * set1(kLog2E));
  return exp_join(exp_rest(c, n) + low, n);
}

/** x = n ln 2 + r with whole n;  q = e^r - 1: where e^x is only a term of a sum, 2^n q + 2^n. */
struct Exponential {
  V n, q;
};
inline Exponential exponential(V x, V n) {
  const V r = exp_rest(x, n);
  return {n, fma(r * r, exp_polynomial(r), r)};
}
inline Exponential exponential(V x) { return exponential(x, round_even(x * set1(kLog2E))); }

/** e^x - 1: 1.46 ULP. 2^n q + (2^n - 1), halved so that 2^n exists where the result does. */
inline V expm1(V x) {
  const Exponential e = exponential(at_most(at_least(x, set1(-18)), set1(89)));
  const V half = power2(e.n - set1(1));
  const V y = fma(e.q, half, half - set1(0.5f));
  return select(lt(abs(x), set1(0x1p-25f)), x, y + y);
}

/** 1 / (1 + e^-x): 2.00 ULP. The small terms of 2^n q + 2^n + 1 first. n stops at 127, where q goes on. */
inline V sigmoid(V x) {
  const V y = at_least(neg(x), set1(-87));
  const Exponential e = exponential(y, at_most(round_even(y * set1(kLog2E)), set1(127)));
  const V power = power2(e.n), one = set1(1);
  return one / (fma(e.q, power, at_most(power, one)) + at_least(power, one));
}

/** tanh x: 1.34 ULP. |x| < 0.55: x + x^3 T(x^2);  else 1 - 2 / (e^(2|x|) + 1), which is 1 from 10 on. */
inline V tanh(V x) {
  const V size = at_most(abs(x), set1(10));
  const V s = size * size;
  V p = set1(-0x1.9b303ep-8f);
  p = fma(p, s, set1(0x1.593d06p-6f));
  p = fma(p, s, set1(-0x1.b9287ap-5f));
  p = fma(p, s, set1(0x1.110d26p-3f));
  p = fma(p, s, set1(-0x1.55554ap-2f));
  const V low = fma(p * s, size, size);
  const Exponential e = exponential(size + size);
  const V power = power2(e.n);
  const V high = set1(1) - set1(2) / fma(e.q, power, power + set1(1));
  return copysign(select(lt(size, set1(0.55f)), low, high), x);
}

/** erf x: 1.05 ULP. |x| < 0.92: x + x P(x^2);  else 1 - e^-(t + t Q(t)), t = |x|, which is 1 from 4 on. The
 * split and the two forms are Norbert Juffa's (erff, published in the NVIDIA developer forums and elsewhere).
 */
inline V erf(V x) {
  const V t = at_most(abs(x), set1(4));
  const V s = t * t;
  V p = set1(-0x1.395866p-11f);
  p = fma(p, s, set1(0x1.470d3ap-8f));
  p = fma(p, s, set1(-0x1.b68384p-6f));
  p = fma(p, s, set1(0x1.ce19e2p-4f));
  p = fma(p, s, set1(-0x1.8126e2p-2f));
  p = fma(p, s, set1(0x1.06eba6p-3f));
  const V low = fma(p, t, t);
  V q = set1(0x1.78dd1ap-17f);
  q = fma(q, t, set1(-0x1.527c3cp-12f));
  q = fma(q, t, set1(0x1.dd6cbep-9f));
  q = fma(q, t, set1(-0x1.855156p-6f));
  q = fma(q, t, set1(0x1.b32572p-4f));
  q = fma(q, t, set1(0x1.45328ep-1f));
  q = fma(q, t, set1(0x1.0778dap-3f));
  const Exponential e = exponential(neg(fma(q, t, t)));
  const V power = power2(e.n);
  const V high = set1(1) - fma(e.q, power, power);
  return copysign(select(lt(t, set1(0.92f)), low, high), x);
}

/** Phi(x) and phi(x) of the normal distribution, relative error below 1e-6 also far left:
 *  Phi(-a) = e^(-a^2/2) u Q(u), u = 1 / (1 + 0.304 a), for a = |x|. */
inline void normal_cdf_pdf(V x, V& cdf, V& pdf) {
  const V a = at_most(abs(x), set1(15));
  const V half = a * set1(0.5f);
  const V square = half * a;
  const V e = exp_sum(neg(square), fnma(half, a, square));
  const V u = set1(1) / fma(a, set1(0.304f), set1(1));
  V q = set1(0x1.2c0654p-5f);
  q = fma(q, u, set1(-0x1.3c1b32p-3f));
  q = fma(q, u, set1(0x1.8656bap-3f));
  q = fma(q, u, set1(-0x1.559d04p-5f));
  q = fma(q, u, set1(0x1.f70e24p-4f));
  q = fma(q, u, set1(0x1.a46a9ep-4f));
  q = fma(q, u, set1(0x1.f44574p-4f));
  q = fma(q, u, set1(0x1.f09612p-4f));
  const V tail = e * (q * u);
  cdf = select(lt(x, zero()), tail, set1(1) - tail);
  pdf = e * set1(0x1.988454p-2f);  // 1 / sqrt(2 pi)
}
inline V normal_cdf(V x) {
  V cdf, pdf;
  normal_cdf_pdf(x, cdf, pdf);
  return cdf;
}

/** The exponent e of bits = m 2^e, m in [2/3, 4/3), as an integer. */
inline VI exponent_of(VI bits) { return shift_right<23>(bits - iset1(0x3f2aaaab)); }

/** log(1 + f) = f + f^2 L(f), -1/3 <= f <= 1/3: the second term. */
inline V log_rest(V f) {
  V p = set1(-0x1.0931bap-3f);
  p = fma(p, f, set1(0x1.1ed146p-3f));
  p = fma(p, f, set1(-0x1.f25decp-4f));
  p = fma(p, f, set1(0x1.1ebe68p-3f));
  p = fma(p, f, set1(-0x1.55a752p-3f));
  p = fma(p, f, set1(0x1.99d1f2p-3f));
  p = fma(p, f, set1(-0x1.fffe86p-3f));
  p = fma(p, f, set1(0x1.555502p-2f));
  p = fma(p, f, set1(-0.5f));
  return f * f * p;
}

/** x = m 2^e for positive finite x; denormals are normalised as integers. */
struct Parts {
  V m, e;
  M normal;  // x is positive, finite and normal
};
inline Parts split(V x) {
  VI bits = as_int(x);
  V offset = zero();
  const VI least = iset1(0x00800000);
  const M tiny = lt(bits, least);
  const M normal = mask_and(mask_not(tiny), lt(bits, iset1(0x7f800000)));
  if (!all(normal)) {
    bits = select(tiny, as_int(to_real(bits)), bits);
    offset = select(tiny, set1(-149), zero());
  }
  const VI e = exponent_of(bits);
  return {as_real(bits - shift_left<23>(e)), to_real(e) + offset, normal};
}

/** y, put right where x is not a positive finite number: log(0) = -infinity, log(negative) = NaN. */
inline V log_special(V x, V y) {
  const VI bits = as_int(x), size = bits & iset1(0x7fffffff);
  y = select(lt(bits, iset1(0)), set1(__builtin_nanf("")), y);
  y = select(lt(iset1(0x7f7fffff), bits), x, y);
  return select(eq(size, iset1(0)), set1(-kInfinity), y);
}

/** log x: 0.97 ULP, denormal x included. */
inline V log(V x) {
  const Parts parts = split(x);
  const V f = parts.m - set1(1);
  const V rest = fma(parts.e, set1(kLn2Low), log_rest(f));
  const V y = fma(parts.e, set1(kLn2High), f + rest);
  return all(parts.normal) ? y : log_special(x, y);
}

/** log2 x: 1.96 ULP, denormal x included. */
inline V log2(V x) {
  const Parts parts = split(x);
  const V f = parts.m - set1(1);
  const V y = fma(f + log_rest(f), set1(kLog2E), parts.e);
  return all(parts.normal) ? y : log_special(x, y);
}

/** log(1 + x): 1.72 ULP. The exponent e is that of 1 + x, but f = (x + 1) 2^-e - 1 comes from x itself. */
inline V log1p(V x) {
  const VI e = exponent_of(as_int(x + set1(1)));
  const VI shift = shift_left<23>(e);
  const V scaled = as_real(as_int(x) - shift);          // x 2^-e
  const V power4 = as_real(iset1(0x40800000) - shift);  // 4 2^-e: 2^-e may be denormal
  const V f = scaled + fma(power4, set1(0.25f), set1(-1));
  const V exponent = to_real(e);
  const V rest = fma(exponent, set1(kLn2Low), log_rest(f));
  V y = fma(exponent, set1(kLn2High), f + rest);
  const M inside = mask_and(gt(x, set1(-1)), lt(x, set1(kInfinity)));
  if (!all(inside)) {
    y = select(inside, y, x);
    y = select(eq(x, set1(-1)), set1(-kInfinity), y);
    y = select(lt(x, set1(-1)), set1(__builtin_nanf("")), y);
  }
  return y;
}

/** Beyond this three terms of pi / 2 leave too few places. */
constexpr float kTrigonometricLimit = 65536;

/** sin (quarter 0) or cos (1) lane by lane, from the C library in double. */
[[gnu::noinline]] inline V trigonometric_far(V x, int32_t quarter) {
  float lanes[kWidth];
  store(lanes, x);
  for (float& lane : lanes) {
    const double y = quarter ? std::cos(static_cast<double>(lane)) : std::sin(static_cast<double>(lane));
    lane = static_cast<float>(y);
  }
  return load(lanes);
}

/** sin(x + quarter pi / 2): x = k pi / 2 + r, |r| <= pi / 4. */
inline V trigonometric(V x, int32_t quarter) {
  if (any(gt(abs(x), set1(kTrigonometricLimit)))) return trigonometric_far(x, quarter);
  const V k = round_even(x * set1(0x1.45f306p-1f));
  V r = fnma(k, set1(0x1.921fb0p+0f), x);  // pi / 2 in three terms, the first with zeros at its end
  r = fnma(k, set1(0x1.5110b4p-22f), r);
  r = fnma(k, set1(0x1.846988p-48f), r);
  const V s = r * r;
  V sine = fma(set1(-0x1.994388p-13f), s, set1(0x1.11073ap-7f));
  sine = fma(sine, s, set1(-0x1.555546p-3f));
  sine = fma(sine * s, r, r);
  V cosine = fma(set1(0x1.9a020ap-16f), s, set1(-0x1.6c0c8ap-10f));
  cosine = fma(cosine, s, set1(0x1.55554ap-5f));
  cosine = fma(cosine, s, set1(-0.5f));
  cosine = fma(cosine, s, set1(1));
  const VI turn = to_int(k) + iset1(quarter);
  const V y = select(eq(turn & iset1(1), iset1(0)), sine, cosine);
  return as_real(as_int(y) ^ shift_left<30>(turn & iset1(2)));
}
/** sin x and cos x: 1.53 ULP, any finite x. */
inline V sin(V x) { return trigonometric(x, 0); }
inline V cos(V x) { return trigonometric(x, 1); }

/** log a as the sum high + low (relative error 2^-31), a >= 0; log m = 2 atanh(q), q = (m - 1) / (m + 1).
 *  After Norbert Juffa's double-float powf. */
inline void log_sum(V a, V& high, V& low) {
  const Parts parts = split(a);
  const V f = parts.m - set1(1);
  const V r = set1(1) / (parts.m + set1(1));
  const V q = f * r;
  const V q_low = r * fnma(q, f, fnma(q, set1(2), f));  // (f - q (f + 2)) r
  const V s = q * q;
  V p = set1(0x1.ed940ap-4f);
  p = fma(p, s, set1(0x1.23e960p-3f));
  p = fma(p, s, set1(0x1.999bdep-3f));
  p = fma(p, s, set1(0x1.555554p-2f));
  // atanh q = q + (q^3 p + q_low); the cube of q keeps its low part as well
  const V s_low = fma(q, q_low + q_low, fms(q, q, s));
  const V cube = s * q;
  const V cube_low = fma(s, q_low, fma(s_low, q, fms(s, q, cube)));
  const V rest = fma(p, cube, fma(p, cube_low, q_low));
  const V twice = q + q;
  const V sum = fma(parts.e, set1(kLn2High), twice);
  const V lost = fnma(parts.e, set1(kLn2High), sum);  // sum - e ln 2
  const V tail = fma(parts.e, set1(kLn2Low), fma(set1(2), rest, twice - lost));
  high = sum + tail;
  low = (sum - high) + tail;
  if (!all(parts.normal)) {
    const M special = mask_or(eq(as_int(a), iset1(0)), lt(iset1(0x7f7fffff), as_int(a)));
    high = log_special(a, high);
    low = select(special, zero(), low);
  }
}

/** x^y: below 3 ULP, with the special cases of C's pow. */
inline V pow(V x, V y) {
  const V a = abs(x);
  V high, low;
  log_sum(a, high, low);
  const V product = high * y;
  V product_low = fma(low, y, fms(high, y, product));
  product_low = select(lt(abs(product), set1(200)), product_low, zero());
  V power = exp_sum(product, product_low);
  power = select(is_nan(product), product, power);

  const V half = y * set1(0.5f);
  const M whole = eq(y, trunc(y));
  const M odd = mask_and(whole, ne(half, trunc(half)));
  const M negative = lt(as_int(x), iset1(0));
  power = select(mask_and(negative, odd), neg(power), power);
  const VI size = as_int(a);  // compared as integers: a denormal x may be read as zero
  const M finite = mask_and(lt(iset1(0), size), lt(size, iset1(0x7f800000)));
  const M undefined = mask_and(mask_and(negative, finite), mask_not(whole));
  power = select(undefined, set1(__builtin_nanf("")), power);
  const M one =
      mask_or(mask_or(eq(y, zero()), eq(x, set1(1))), mask_and(eq(x, set1(-1)), eq(abs(y), set1(kInfinity))));
  return select(one, set1(1), power);
}

}  // namespace
