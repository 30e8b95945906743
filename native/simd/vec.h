// The contract every instruction set fulfils (scalar.h avx2.h avx512.h neon.h), in the namespace
// of the unit that includes it. Kernels use these names and nothing else of the machine.
//
//   Real    float (double in scalar64)             Int       signed integer of Real's size
//   V       kWidth Reals                           M         kWidth truth values
//   VI      kWidth Ints                            VU        kWords unsigned 32-bit integers (philox.h)
//
// memory      load(p) store(p, v)           unaligned, full width
//             load_n(p, n) store_n(p, v, n) the first n lanes (0 <= n < kWidth); others read as 0, are not
//                                           written, and memory behind them is never touched
//             store_stream(p, v)            non-temporal, p aligned to the vector; then stream_fence()
//             load_i32(p, n) load_u8(p, n)  converted to Real; n may be kWidth here and in the next two
//             store_i32(p, v, n)            toward zero, saturating, NaN to 0
//             store_u8(p, v, n)             v != 0 (NaN counts as true) as 1 or 0
//             prefetch(p) prefetch_far(p)   to the nearest cache; to the one behind it. Always inlined: gcc
//                                           drops calls of a function that does nothing else
// make        set1(x) zero() iota()         iota: 0, 1, 2 ...
// arithmetic  + - * / neg(a) abs(a) sqrt(a)
//             fma(a, b, c) = a b + c        fnma: c - a b   fms: a b - c   one rounding (but see scalar.h)
//             fma_half(a, b, c)             its first kWidth / 2 lanes, the others undefined; kHalfIsCheaper:
//                                           whether that costs less
//             floor ceil trunc round_even copysign(a, sign_of)
//             min max                       a NaN in either argument comes out
//             at_least(x, bound)            cheaper max and min for a bound that is no NaN; a NaN x
//             at_most(x, bound)             comes out
// compare     lt le gt ge eq ne (ne: true for NaN) is_nan is_finite -> M
//             mask_and mask_or mask_xor mask_not any all
//             select(m, a, b)               m ? a : b
//             from_mask(m)                  1 and 0
// integers    to_int(a) to_real(i)          nearest, a in range of Int
//             as_int(a) as_real(i)          the same bits
//             iset1 + - & | ^ lt eq select  on VI
//             shift_left<N>(i) shift_right<N>(i) (arithmetic) shift_right_logical<N>(i)
//             scale2(a, i)                  a 2^i with one rounding, |i| <= 400
//             scale2_near(a, n)             cheaper: n a V, whole, |n| <= 252, 0.5 <= |a| <= 2
//             power2(n)                     2^n, n a V, whole, from -126 to 127
// words       uset1 + ^                     on VU
//             mul_wide(a, b, high, low)     the two halves of the 64-bit products
//             block_iota()                  0 .. kWords-1 in the order of lanes that store_blocks wants
//             store_blocks(p, a, b, c, d)   a b c d of each lane side by side; block_iota i at p + 4 i
// across      reduce_add reduce_max reduce_min   Real, by one fixed tree; max and min propagate NaN
//
// Nothing here depends on the rounding mode being other than to nearest. Sources stay free of
// contraction (-ffp-contract=off): an FMA is there where it is written.
#pragma once
