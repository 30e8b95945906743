// The contract every instruction set fulfils (scalar.h avx2.h avx512.h neon.h), in the namespace
// of the unit that includes it. Kernels use these names and nothing else of the machine.
//
//   Real                float (double in scalar64)           kWidth     lanes of V
//   V                   kWidth Reals                         M          kWidth truth values
//   VI                  kWidth signed integers (Int) of Real's size
//   VU                  kWords unsigned 32-bit integers, whatever Real is (philox.h)
//
// memory    load(p) store(p, v)          unaligned, full width
//           load_n(p, n) store_n(p, v, n)    the first n lanes (0 <= n < kWidth); others read as 0, are not written,
//                                        and memory behind them is never touched
//           store_stream(p, v)           non-temporal; p aligned to the vector;  stream_fence() after the last
//           load_i32(p, n) load_u8(p, n) converted to Real; store_i32(p, v, n) (toward zero, NaN -> 0, saturating)
//           store_u8(p, v, n)            v != 0 (NaN counts as true) as 1 or 0.   In these four n may be kWidth
//           prefetch(p)
// make      set1(x) zero() iota()        iota: 0, 1, 2 ...
// arithmetic  + - * / neg(a) abs(a) sqrt(a) fma(a,b,c)=a*b+c  fnma(a,b,c)=c-a*b  fms(a,b,c)=a*b-c   one rounding each
//           floor ceil trunc round_even  min max: a NaN in either argument comes out; copysign(a, sign_of)
//           at_least(x, bound) at_most(x, bound): max and min for a bound that is no NaN, cheaper; a NaN x comes out
// compare   lt le gt ge eq ne (ne: true for NaN) is_nan is_finite -> M;  mask_and mask_or mask_xor mask_not any all
//           select(m, a, b): m ? a : b;  from_mask(m): 1 and 0
// integers  to_int(a): nearest, in range;  to_real(i);  as_int(a) as_real(i) the same bits;
//           iset1 + - & | ^ lt eq select on VI;  shift_left<N>(i) shift_right<N>(i) (arithmetic) shift_right_logical<N>(i)
//           scale2(a, i): a * 2^i with one rounding, also where the result is denormal or i is far outside (|i| <= 400);
//           scale2_near(a, n): the same, cheaper, n a V of whole numbers, 0.5 <= |a| <= 2 and |n| <= 252
//           power2(n): 2^n, n a V of whole numbers from -126 to 127
// words     uset1 + ^ on VU;  mul_wide(a, b, high, low);  block_iota() and store_blocks(p, a, b, c, d): writes
//           a b c d of each lane side by side, the lanes in the order of block_iota's values 0 .. kWords-1
// across    reduce_add reduce_max reduce_min: Real, by one fixed tree;  max/min propagate NaN
//
// Nothing here depends on the rounding mode being other than to nearest. Sources stay free of
// contraction (-ffp-contract=off): an FMA is there where it is written.
#pragma once
