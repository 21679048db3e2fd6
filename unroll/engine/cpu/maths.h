// Elementwise mathematics on vectors of LANES numbers, for the code that unroll generates for CPUs.
//
// It is put in front of generated code, in one translation unit. Before it stands
//     #define UNROLL_REAL float            (or double)
//     #define UNROLL_VECTOR_BYTES 32       (16, 32 or 64; optional, else what the machine has)
// and the compiler is GCC or Clang with -O3 -fno-math-errno -fno-trapping-math, without
// -ffast-math: NaN, infinities and signs of zero go through as IEEE 754 says.
//
//     Real            float or double
//     Vec             LANES times Real
//     Mask            LANES times false (0) or true (-1, every bit), as wide as Real
//     Int             LANES times int64_t
//
// Memory need not be aligned; load and store with a count touch the first `count` elements and
// nothing else.
//
// Accuracy: docs/compiler.md promises the greatest error of each function, in units in the last
// place. tests/engine/cpu/test_maths.py measures that, for both types and every width.
//
// Written here and branch-free: exp_, expm1_, sigmoid_, tanh_, sinh_, cosh_, log_, log1p_. The
// reduction in two steps by the logarithm of two is Cody and Waite's; the logarithm by atanh and
// the split of log1p are ideas of fdlibm; the small branches of tanh and sinh are Cephes'; the
// interval [2/3, 4/3) of the logarithm is that of Arm's optimized routines. The polynomials are
// minimax polynomials, computed for this file by Remez' algorithm. The rare functions go lane by
// lane through the C library, in functions of their own, which keeps generated code short.

#ifndef UNROLL_MATHS_H
#define UNROLL_MATHS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX__) && defined(__clang__)
#include <immintrin.h>
#elif defined(__AVX__)
// what GCC's immintrin.h calls; reading all of that header takes a fifth of a build
#define _mm512_maskz_loadu_ps(lanes, from) \
    __builtin_ia32_loadups512_mask(from, (__m512){}, lanes)
#define _mm512_maskz_loadu_pd(lanes, from) \
    __builtin_ia32_loadupd512_mask(from, (__m512d){}, lanes)
#define _mm512_mask_storeu_ps(to, lanes, x) __builtin_ia32_storeups512_mask(to, x, lanes)
#define _mm512_mask_storeu_pd(to, lanes, x) __builtin_ia32_storeupd512_mask(to, x, lanes)
#define _mm256_maskload_ps(from, lanes) __builtin_ia32_maskloadps256((const __m256*)(from), (__v8si)(lanes))
#define _mm256_maskload_pd(from, lanes) __builtin_ia32_maskloadpd256((const __m256d*)(from), (__v4di)(lanes))
#define _mm256_maskstore_ps(to, lanes, x) __builtin_ia32_maskstoreps256((__m256*)(to), (__v8si)(lanes), x)
#define _mm256_maskstore_pd(to, lanes, x) __builtin_ia32_maskstorepd256((__m256d*)(to), (__v4di)(lanes), x)
typedef uint8_t __mmask8;
typedef uint16_t __mmask16;
typedef float __m256 __attribute__((vector_size(32), may_alias));
typedef float __m512 __attribute__((vector_size(64), may_alias));
typedef double __m256d __attribute__((vector_size(32), may_alias));
typedef double __m512d __attribute__((vector_size(64), may_alias));
typedef long long __m256i __attribute__((vector_size(32), may_alias));
typedef int __v8si __attribute__((vector_size(32)));
typedef long long __v4di __attribute__((vector_size(32)));
#endif

#ifndef UNROLL_VECTOR_BYTES
#if defined(__AVX512F__)
#define UNROLL_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define UNROLL_VECTOR_BYTES 32
#else
#define UNROLL_VECTOR_BYTES 16
#endif
#endif

// the compiler makes one instruction, and one rounding, of a product and a sum
#if defined(__FMA__) || defined(__aarch64__)
#define UNROLL_FUSED
#endif

// vectors wider than a register are passed between functions of this one file only
#pragma GCC diagnostic ignored "-Wpsabi"

#define UNROLL_INLINE static inline __attribute__((always_inline, unused))

typedef UNROLL_REAL Real;

// What a type's bits mean, and its polynomials. Unnamed, so that two libraries loaded into one
// process share nothing.
namespace {

template <class Type>
struct Format;

template <>
struct Format<float> {
    typedef uint32_t Unsigned;
    typedef int32_t Signed;
    static constexpr int MANTISSA = 23, BIAS = 127;
    static constexpr float SMALLEST_NORMAL = 1.17549435e-38f;
    // added to a small number, it leaves the nearest integer in the low bits
    static constexpr float MAGIC = 12582912.0f;
    static constexpr Unsigned TWO_THIRDS = 0x3f2aaaab;
    // LN2_HIGH has few enough bits for its products with exponents to be exact
    static constexpr float LN2_HIGH = 0x1.62e4p-1f, LN2_LOW = 1.42860682e-6f;
    // where results are zero, one, minus one or infinite for certain
    static constexpr float EXP_LOW = -104, EXP_HIGH = 89, EXPM1_LOW = -18;
    static constexpr float SIGMOID_LOW = -80, TANH_HIGH = 10;
#ifdef UNROLL_FUSED
    static constexpr float TANH_SMALL = 0.9f;
#else
    static constexpr float TANH_SMALL = 0.8f;
#endif
    // (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2
    static constexpr float EXP[] = {0.5000000095f, 0.1666651861f, 0.04166620515f, 0.008368917677f,
                                    0.001395053466f};
    // (tanh(x) - x) / x^3 in x^2, for |x| <= 0.9
    static constexpr float TANH[] = {-0.333333224f,  0.133329809f,   -0.0539294742f,
                                     0.0216640923f,  -0.00826545432f, 0.00258342316f,
                                     -0.000455708097f};
    // (sinh(x) - x) / x^3 in x^2, for |x| <= 1
    static constexpr float SINH[] = {0.166666665f, 0.008333350058f, 0.0001983615978f,
                                     2.816951224e-6f};
    // (log(1 + f) - f) / f^2 for |f| <= 1/3
    static constexpr float LOG[] = {-0.5000000273f, 0.3333320791f,  -0.2499950739f,
                                    0.2001077141f,  -0.1668950176f, 0.1400082572f,
                                    -0.1207816814f, 0.1400622297f,  -0.133116762f};
};

template <>
struct Format<double> {
    typedef uint64_t Unsigned;
    typedef int64_t Signed;
    static constexpr int MANTISSA = 52, BIAS = 1023;
    static constexpr double SMALLEST_NORMAL = 2.2250738585072014e-308;
    static constexpr double MAGIC = 6755399441055744.0;
    static constexpr Unsigned TWO_THIRDS = 0x3fe5555555555555;
    static constexpr double LN2_HIGH = 0x1.62e42fefa2p-1, LN2_LOW = 7.3710025651677989018e-13;
    static constexpr double EXP_LOW = -746, EXP_HIGH = 710, EXPM1_LOW = -38;
    static constexpr double SIGMOID_LOW = -700, TANH_HIGH = 20, TANH_SMALL = 0.75;
    static constexpr double EXP[] = {
        0.5, 0.166666666666666839, 0.0416666666666667245, 0.008333333333316685,
        0.00138888888888584392, 0.000198412698971941845, 0.0000248015873737486389,
        2.75572340994501517e-6, 2.75572333513008164e-7, 2.51122884260106259e-8,
        2.09269463563729963e-9};
    // as above, but tanh for |x| <= TANH_SMALL
    static constexpr double TANH[] = {
        -0.333333333333332685, 0.133333333333241762, -0.0539682539637229344, 0.0218694884229415713,
        -0.00886323385619466982, 0.00359211207419861826, -0.00145573100913275783,
        0.000589558804759379547, -0.000237618622469635303, 0.0000934407784864856875,
        -0.0000336149670873742627, 9.49125580184074399e-6, -1.48538696487685272e-6};
    static constexpr double SINH[] = {
        0.166666666666666674, 0.00833333333333314774, 0.000198412698414318764,
        2.75573191570706446e-6, 2.50521231369150586e-8, 1.60572597541852011e-10,
        7.75874922781957487e-13};
    // (2 atanh(s) - 2 s) / s^3 in s^2, for s = f / (2 + f), |f| <= 1/3
    static constexpr double LOG[] = {0.666666666666665959, 0.400000000000569505,
                                     0.285714285557682189, 0.222222243028218307,
                                     0.181816655136050962, 0.153911233336221718,
                                     0.131734134394525242, 0.138442686337476494};
};

// In double precision a Mask would be the same type as an Int; the other one of long and long long
// keeps them apart, so that functions are chosen by type.
template <class Type>
struct Other;
template <>
struct Other<int> {
    typedef int type;
};
template <>
struct Other<long> {
    typedef long long type;
};
template <>
struct Other<long long> {
    typedef long type;
};

}  // namespace

typedef Format<Real> RealFormat;

#define LANES (UNROLL_VECTOR_BYTES / (int)sizeof(Real))

typedef Other<RealFormat::Signed>::type MaskLane;
static_assert(sizeof(MaskLane) == sizeof(Real), "double precision needs 64-bit long");

typedef Real Vec __attribute__((vector_size(UNROLL_VECTOR_BYTES)));
typedef MaskLane Mask __attribute__((vector_size(UNROLL_VECTOR_BYTES)));
typedef RealFormat::Unsigned Bits __attribute__((vector_size(UNROLL_VECTOR_BYTES)));
typedef int64_t Int __attribute__((vector_size(UNROLL_VECTOR_BYTES / sizeof(Real) * 8)));
typedef uint64_t UnsignedInt __attribute__((vector_size(UNROLL_VECTOR_BYTES / sizeof(Real) * 8)));
typedef int8_t Bytes __attribute__((vector_size(UNROLL_VECTOR_BYTES / sizeof(Real))));

// ---- one number in every lane

// subtracting zero changes no number, adding it would change -0.0
UNROLL_INLINE Vec splat(Real number) { return number - Vec{}; }
UNROLL_INLINE Int splat(int64_t number) { return number - Int{}; }
UNROLL_INLINE Mask splat(bool truth) { return (MaskLane)-(int)truth - Mask{}; }

UNROLL_INLINE Bits splat_bits(RealFormat::Unsigned bits) { return bits - Bits{}; }

// ---- choice

#if defined(__x86_64__) && !defined(__SSE4_1__) && UNROLL_VECTOR_BYTES == 16
// Without an instruction that chooses, GCC 12 stops with an internal error where two choices follow
// from one comparison: it is not to see that they do.
UNROLL_INLINE Mask compared(Mask x) {
    __asm__("" : "+x"(x));
    return x;
}
UNROLL_INLINE Vec where_(Mask condition, Vec yes, Vec no) {
    return (Vec)((condition & (Mask)yes) | (~condition & (Mask)no));
}
#else
UNROLL_INLINE Mask compared(Mask x) { return x; }
UNROLL_INLINE Vec where_(Mask condition, Vec yes, Vec no) { return condition ? yes : no; }
#endif
UNROLL_INLINE Mask where_(Mask condition, Mask yes, Mask no) {
    return (condition & yes) | (~condition & no);
}
UNROLL_INLINE Int where_(Mask condition, Int yes, Int no) {
    Int wide = __builtin_convertvector(condition, Int);
    return (wide & yes) | (~wide & no);
}

// ---- loads and stores

UNROLL_INLINE Vec load(const Real* from) {
    Vec x;
    memcpy(&x, from, sizeof x);
    return x;
}
UNROLL_INLINE void store(Real* to, Vec x) { memcpy(to, &x, sizeof x); }

UNROLL_INLINE Int load(const int64_t* from) {
    Int x;
    memcpy(&x, from, sizeof x);
    return x;
}
UNROLL_INLINE void store(int64_t* to, Int x) { memcpy(to, &x, sizeof x); }

UNROLL_INLINE Mask load(const uint8_t* from) {
    // a loop: GCC takes a conversion of a vector of bytes apart into single lanes
    MaskLane lanes[LANES];
    for (int i = 0; i < LANES; i++) lanes[i] = -(MaskLane)(from[i] != 0);
    Mask x;
    memcpy(&x, lanes, sizeof x);
    return x;
}
UNROLL_INLINE void store(uint8_t* to, Mask x) {
    Bytes bytes = __builtin_convertvector(x & 1, Bytes);
    memcpy(to, &bytes, sizeof bytes);
}

#if UNROLL_VECTOR_BYTES == 64 && defined(__AVX512F__)
#define UNROLL_LOAD_MASKED
UNROLL_INLINE Vec load_masked(const float* from, uint32_t lanes) {
    return (Vec)_mm512_maskz_loadu_ps((__mmask16)lanes, from);
}
UNROLL_INLINE Vec load_masked(const double* from, uint32_t lanes) {
    return (Vec)_mm512_maskz_loadu_pd((__mmask8)lanes, from);
}
UNROLL_INLINE void store_masked(float* to, uint32_t lanes, Vec x) {
    _mm512_mask_storeu_ps(to, (__mmask16)lanes, (__m512)x);
}
UNROLL_INLINE void store_masked(double* to, uint32_t lanes, Vec x) {
    _mm512_mask_storeu_pd(to, (__mmask8)lanes, (__m512d)x);
}
UNROLL_INLINE uint32_t first(int count) { return (1u << count) - 1; }
#elif UNROLL_VECTOR_BYTES == 32 && defined(__AVX2__)
#define UNROLL_LOAD_MASKED
UNROLL_INLINE Vec load_masked(const float* from, Mask lanes) {
    return (Vec)_mm256_maskload_ps(from, (__m256i)lanes);
}
UNROLL_INLINE Vec load_masked(const double* from, Mask lanes) {
    return (Vec)_mm256_maskload_pd(from, (__m256i)lanes);
}
UNROLL_INLINE void store_masked(float* to, Mask lanes, Vec x) {
    _mm256_maskstore_ps(to, (__m256i)lanes, (__m256)x);
}
UNROLL_INLINE void store_masked(double* to, Mask lanes, Vec x) {
    _mm256_maskstore_pd(to, (__m256i)lanes, (__m256d)x);
}
UNROLL_INLINE Mask first(int count) {
    Mask index;
    for (int i = 0; i < LANES; i++) index[i] = i;
    return (Mask)(index < (MaskLane)count);
}
#endif

UNROLL_INLINE Vec load(const Real* from, int count) {
#ifdef UNROLL_LOAD_MASKED
    return load_masked(from, first(count));
#else
    Vec x = {};
    for (int i = 0; i < LANES; i++)
        if (i < count) x[i] = from[i];
    return x;
#endif
}
UNROLL_INLINE void store(Real* to, Vec x, int count) {
#ifdef UNROLL_LOAD_MASKED
    store_masked(to, first(count), x);
#else
    for (int i = 0; i < LANES; i++)
        if (i < count) to[i] = x[i];
#endif
}
UNROLL_INLINE Int load(const int64_t* from, int count) {
    Int x = {};
    memcpy(&x, from, sizeof(int64_t) * (size_t)count);
    return x;
}
UNROLL_INLINE void store(int64_t* to, Int x, int count) {
    memcpy(to, &x, sizeof(int64_t) * (size_t)count);
}
UNROLL_INLINE Mask load(const uint8_t* from, int count) {
    uint8_t bytes[LANES] = {};
    memcpy(bytes, from, (size_t)count);
    return load(bytes);
}
UNROLL_INLINE void store(uint8_t* to, Mask x, int count) {
    uint8_t bytes[LANES];
    store(bytes, x);
    memcpy(to, bytes, (size_t)count);
}

// ---- lane by lane through the C library, never inlined: these functions are rare and long

template <Real (*function)(Real)>
static __attribute__((noinline)) Vec by_lane(Vec x) {
    for (int i = 0; i < LANES; i++) x[i] = function(x[i]);
    return x;
}
template <Real (*function)(Real, Real)>
static __attribute__((noinline)) Vec by_lane(Vec x, Vec y) {
    for (int i = 0; i < LANES; i++) x[i] = function(x[i], y[i]);
    return x;
}
template <int64_t (*function)(int64_t, int64_t)>
static __attribute__((noinline)) Int by_lane(Int x, Int y) {
    for (int i = 0; i < LANES; i++) x[i] = function(x[i], y[i]);
    return x;
}

#define UNROLL_LIBRARY_1(name)                                                                 \
    UNROLL_INLINE float name##_of_one(float x) { return __builtin_##name##f(x); }              \
    UNROLL_INLINE double name##_of_one(double x) { return __builtin_##name(x); }
#define UNROLL_LIBRARY_2(name)                                                                 \
    UNROLL_INLINE float name##_of_two(float x, float y) { return __builtin_##name##f(x, y); }  \
    UNROLL_INLINE double name##_of_two(double x, double y) { return __builtin_##name(x, y); }

#define UNROLL_RARE_1(name)                                                                    \
    UNROLL_LIBRARY_1(name)                                                                     \
    UNROLL_INLINE Vec name##_(Vec x) { return by_lane<name##_of_one>(x); }
#define UNROLL_RARE_2(name)                                                                    \
    UNROLL_LIBRARY_2(name)                                                                     \
    UNROLL_INLINE Vec name##_(Vec x, Vec y) { return by_lane<name##_of_two>(x, y); }

UNROLL_RARE_1(erf)
UNROLL_RARE_1(sin)
UNROLL_RARE_1(cos)
UNROLL_RARE_1(asin)
UNROLL_RARE_1(acos)
UNROLL_RARE_1(atan)
UNROLL_RARE_1(exp2)
UNROLL_RARE_1(log2)
UNROLL_RARE_2(pow)
UNROLL_RARE_2(fmod)

// The C library's own in float are more than one unit in the last place off: in double they are
// not, and what is left is the rounding to float.
#define UNROLL_WIDENED_1(name)                                                                 \
    UNROLL_INLINE float name##_of_one(float x) { return (float)__builtin_##name(x); }          \
    UNROLL_INLINE double name##_of_one(double x) { return __builtin_##name(x); }               \
    UNROLL_INLINE Vec name##_(Vec x) { return by_lane<name##_of_one>(x); }
#define UNROLL_WIDENED_2(name)                                                                 \
    UNROLL_INLINE float name##_of_two(float x, float y) {                                      \
        return (float)__builtin_##name(x, y);                                                  \
    }                                                                                          \
    UNROLL_INLINE double name##_of_two(double x, double y) { return __builtin_##name(x, y); }  \
    UNROLL_INLINE Vec name##_(Vec x, Vec y) { return by_lane<name##_of_two>(x, y); }

UNROLL_WIDENED_1(tan)
UNROLL_WIDENED_2(atan2)

// ---- roots and rounding: one instruction where the machine has it, which the compiler sees

#define UNROLL_EVERY_LANE(name)                                                                \
    UNROLL_LIBRARY_1(name)                                                                     \
    UNROLL_INLINE Vec every_##name(Vec x) {                                                    \
        for (int i = 0; i < LANES; i++) x[i] = name##_of_one(x[i]);                            \
        return x;                                                                              \
    }

UNROLL_EVERY_LANE(sqrt)
UNROLL_EVERY_LANE(floor)
UNROLL_EVERY_LANE(ceil)
UNROLL_EVERY_LANE(trunc)
UNROLL_EVERY_LANE(rint)

UNROLL_INLINE Vec sqrt_(Vec x) { return every_sqrt(x); }
UNROLL_INLINE Vec floor_(Vec x) { return every_floor(x); }
UNROLL_INLINE Vec ceil_(Vec x) { return every_ceil(x); }
UNROLL_INLINE Vec trunc_(Vec x) { return every_trunc(x); }
UNROLL_INLINE Vec round_(Vec x) { return every_rint(x); }  // half to even, as torch.round

// ---- comparisons: false with NaN, but for ne_

UNROLL_INLINE Mask eq_(Vec x, Vec y) { return compared((Mask)(x == y)); }
UNROLL_INLINE Mask ne_(Vec x, Vec y) { return compared((Mask)(x != y)); }
UNROLL_INLINE Mask lt_(Vec x, Vec y) { return compared((Mask)(x < y)); }
UNROLL_INLINE Mask le_(Vec x, Vec y) { return compared((Mask)(x <= y)); }
UNROLL_INLINE Mask gt_(Vec x, Vec y) { return compared((Mask)(x > y)); }
UNROLL_INLINE Mask ge_(Vec x, Vec y) { return compared((Mask)(x >= y)); }
UNROLL_INLINE Mask isnan_(Vec x) { return compared((Mask)(x != x)); }

// a loop over memory: GCC takes comparisons of vectors wider than a register apart into lanes
#define UNROLL_COMPARE_INT(name, operator_)                                                    \
    UNROLL_INLINE Mask name(Int x, Int y) {                                                    \
        int64_t a[LANES], b[LANES];                                                            \
        MaskLane c[LANES];                                                                     \
        memcpy(a, &x, sizeof x);                                                               \
        memcpy(b, &y, sizeof y);                                                               \
        for (int i = 0; i < LANES; i++) c[i] = a[i] operator_ b[i] ? -1 : 0;                   \
        Mask result;                                                                           \
        memcpy(&result, c, sizeof c);                                                          \
        return result;                                                                         \
    }

UNROLL_COMPARE_INT(eq_, ==)
UNROLL_COMPARE_INT(ne_, !=)
UNROLL_COMPARE_INT(lt_, <)
UNROLL_COMPARE_INT(le_, <=)
UNROLL_COMPARE_INT(gt_, >)
UNROLL_COMPARE_INT(ge_, >=)

UNROLL_INLINE Mask not_(Mask x) { return ~x; }
UNROLL_INLINE Mask and_(Mask x, Mask y) { return x & y; }
UNROLL_INLINE Mask or_(Mask x, Mask y) { return x | y; }
UNROLL_INLINE Mask xor_(Mask x, Mask y) { return x ^ y; }

// ---- conversions

UNROLL_INLINE Vec to_real(Int x) { return __builtin_convertvector(x, Vec); }
UNROLL_INLINE Vec to_real(Mask x) { return where_(x, splat(Real(1)), Vec{}); }
UNROLL_INLINE Int to_int(Vec x) { return __builtin_convertvector(x, Int); }
UNROLL_INLINE Int to_int(Mask x) { return -__builtin_convertvector(x, Int); }
UNROLL_INLINE Mask to_mask(Vec x) { return compared((Mask)(x != Vec{})); }
UNROLL_INLINE Mask to_mask(Int x) { return ne_(x, Int{}); }

// ---- integers: they wrap around; a division by zero gives 0 where PyTorch raises

UNROLL_INLINE Int neg_(Int x) { return (Int)(UnsignedInt{} - (UnsignedInt)x); }
UNROLL_INLINE Int abs_(Int x) { return where_(lt_(x, Int{}), neg_(x), x); }
UNROLL_INLINE Int sign_(Int x) { return to_int(gt_(x, Int{})) - to_int(lt_(x, Int{})); }
UNROLL_INLINE Int maximum_(Int x, Int y) { return where_(gt_(x, y), x, y); }
UNROLL_INLINE Int minimum_(Int x, Int y) { return where_(lt_(x, y), x, y); }

// the processor itself cannot divide by zero, nor the least number by -1
UNROLL_INLINE int64_t remainder_of_two(int64_t x, int64_t y) {
    if (y == 0 || y == -1) return 0;
    int64_t rest = x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
UNROLL_INLINE int64_t floor_divide_of_two(int64_t x, int64_t y) {
    if (y == 0) return 0;
    if (y == -1) return (int64_t)-(uint64_t)x;
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
}
UNROLL_INLINE Int remainder_(Int x, Int y) { return by_lane<remainder_of_two>(x, y); }
UNROLL_INLINE Int floor_divide_(Int x, Int y) { return by_lane<floor_divide_of_two>(x, y); }

// ---- signs, parts and pairs of Vec

UNROLL_INLINE Vec sign_bit(Vec x) {
    return (Vec)((Bits)x & splat_bits(RealFormat::Unsigned(1) << (8 * sizeof(Real) - 1)));
}
UNROLL_INLINE Vec with_bits_of(Vec x, Vec y) { return (Vec)((Bits)x | (Bits)y); }

UNROLL_INLINE Vec neg_(Vec x) { return -x; }
UNROLL_INLINE Vec abs_(Vec x) { return (Vec)((Bits)x ^ (Bits)sign_bit(x)); }
UNROLL_INLINE Vec sign_(Vec x) {  // of NaN: 0, as in PyTorch
    return where_(gt_(x, Vec{}), splat(Real(1)), Vec{}) -
           where_(lt_(x, Vec{}), splat(Real(1)), Vec{});
}
UNROLL_INLINE Vec relu_(Vec x) { return where_(lt_(x, Vec{}), Vec{}, x); }
UNROLL_INLINE Vec reciprocal_(Vec x) { return Real(1) / x; }
UNROLL_INLINE Vec rsqrt_(Vec x) { return Real(1) / sqrt_(x); }

UNROLL_INLINE Vec maximum_(Vec x, Vec y) { return where_(or_(gt_(x, y), isnan_(x)), x, y); }
UNROLL_INLINE Vec minimum_(Vec x, Vec y) { return where_(or_(lt_(x, y), isnan_(x)), x, y); }

UNROLL_INLINE Vec remainder_(Vec x, Vec y) {
    Vec rest = fmod_(x, y);
    Mask wrong_sign = xor_(lt_(y, Vec{}), lt_(rest, Vec{}));
    return where_(and_(ne_(rest, Vec{}), wrong_sign), rest + y, rest);
}

// ---- exponentials

// The polynomial of these coefficients: even and odd powers apart, for half the waiting, but the
// first step, which would round once more.
template <int count>
UNROLL_INLINE Vec polynomial(const Real (&coefficients)[count], Vec x) {
    constexpr int last = count - 1, before = count - 2;
    Vec square = x * x, above = splat(coefficients[last]), below = splat(coefficients[before]);
#pragma GCC unroll 16
    for (int i = last - 2; i > 0; i -= 2) above = above * square + coefficients[i];
#pragma GCC unroll 16
    for (int i = before - 2; i > 0; i -= 2) below = below * square + coefficients[i];
    // `above` and `below` now begin at the powers 1 and 2, in one order or the other
    Vec rest = last % 2 ? below * x + above : above * x + below;
    return rest * x + coefficients[0];
}

// The integer nearest to x / log(2), as a number and, plus `bias`, in the low bits of `shifted`.
UNROLL_INLINE Vec exponent_of(Vec x, int bias, Vec& shifted) {
    shifted = x * Real(1.4426950408889634) + (RealFormat::MAGIC + Real(bias));
    return shifted - (RealFormat::MAGIC + Real(bias));
}
// Two to the power that exponent_of left in `shifted`, with RealFormat::BIAS as bias.
UNROLL_INLINE Vec power_of_two(Vec shifted) {
    return (Vec)((Bits)shifted << RealFormat::MANTISSA);
}
UNROLL_INLINE Vec at_most(Real bound, Vec x) { return splat(bound) < x ? splat(bound) : x; }
UNROLL_INLINE Vec at_least(Real bound, Vec x) { return splat(bound) > x ? splat(bound) : x; }

// x = exponent * log(2) + (result + rest)
UNROLL_INLINE Vec reduce(Vec x, Vec exponent, Vec& rest) {
    Vec high = x - exponent * RealFormat::LN2_HIGH;  // exact
    Vec result = high - exponent * RealFormat::LN2_LOW;
    rest = (high - result) - exponent * RealFormat::LN2_LOW;
    return result;
}

UNROLL_INLINE Vec exp_(Vec x) {
    x = at_least(RealFormat::EXP_LOW, at_most(RealFormat::EXP_HIGH, x));
    Vec shifted, rest, exponent = exponent_of(x, RealFormat::BIAS, shifted);
    Vec r = reduce(x, exponent, rest);
    Vec result = Real(1) + (r + (r * r * polynomial(RealFormat::EXP, r) + rest));
    // in two halves: neither is too great nor too small, and only the last product rounds
    const Real shift = RealFormat::MAGIC + Real(RealFormat::BIAS);
    Vec half = exponent * Real(0.5) + shift;
    return result * power_of_two(half) * power_of_two((exponent - (half - shift)) + shift);
}

UNROLL_INLINE Vec expm1_(Vec x) {
    Vec bounded = at_least(RealFormat::EXPM1_LOW, at_most(RealFormat::EXP_HIGH, x));
    // half of everything: two to the greatest exponent itself is beyond the greatest number
    Vec shifted, rest, exponent = exponent_of(bounded, RealFormat::BIAS - 1, shifted);
    Vec r = reduce(bounded, exponent, rest), scale = power_of_two(shifted);
    Vec tail = r * r * polynomial(RealFormat::EXP, r) + rest;
    // next to 1/2 and log(2) the two summands nearly cancel: what their sum loses is kept
    Vec whole = scale * r + (scale - Real(0.5));
    Vec lost = ((scale - Real(0.5)) - whole) + scale * r;
    Vec result = (whole + (scale * tail + lost)) * Real(2);
    // next to zero it is x itself, which keeps -0.0 and numbers below the smallest normal one
    return where_(lt_(abs_(x), splat(RealFormat::SMALLEST_NORMAL * 4)), x, result);
}

// exp(size) / 4 = up + rest and exp(-size) / 4 = down. A quarter, because cosh and sinh are numbers
// a little beyond where the exponential is, and two to its exponent is no number even before.
UNROLL_INLINE void quarters(Vec size, Vec& up, Vec& down, Vec& rest) {
    size = at_most(RealFormat::EXP_HIGH + Real(0.6), size);
    Vec shifted, lost, exponent = exponent_of(size, RealFormat::BIAS - 2, shifted);
    Vec r = reduce(size, exponent, lost), scale = power_of_two(shifted);
    Vec part = r + (r * r * polynomial(RealFormat::EXP, r) + lost);
    Vec high = part + Real(1);
    up = high * scale;
    rest = ((Real(1) - high) + part) * scale;
    down = Real(0.0625) / up;
}

UNROLL_INLINE Vec cosh_(Vec x) {
    Vec up, down, rest;
    quarters(abs_(x), up, down, rest);
    Vec sum = up + down, lost = (up - sum) + down;
    return (sum + (lost + rest)) * Real(2);
}

UNROLL_INLINE Vec sinh_(Vec x) {
    Vec size = abs_(x), square = size * size, up, down, rest;
    quarters(size, up, down, rest);
    Vec difference = up - down, lost = (up - difference) - down;
    Vec great = (difference + (lost + rest)) * Real(2);
    Vec small = size + size * square * polynomial(RealFormat::SINH, square);
    return with_bits_of(where_(lt_(size, splat(Real(1))), small, great), sign_bit(x));
}

UNROLL_INLINE Vec sigmoid_(Vec x) {
    // above the bound on -x the sum is infinite, and the result 0
    Vec y = at_least(RealFormat::SIGMOID_LOW, at_most(RealFormat::EXP_HIGH, -x));
    Vec shifted, exponent = exponent_of(y, RealFormat::BIAS - 1, shifted);
    Vec r = y - exponent * RealFormat::LN2_HIGH - exponent * RealFormat::LN2_LOW;
    Vec part = Real(1) + (r + r * r * polynomial(RealFormat::EXP, r));
    return Real(1) / (part * power_of_two(shifted) * Real(2) + Real(1));
}

UNROLL_INLINE Vec tanh_(Vec x) {
    // great: 1 - 2 / (exp(2 |x|) + 1), which loses nothing where the quotient is small
    Vec size = abs_(x), twice = at_most(RealFormat::TANH_HIGH, size) * Real(2);
    Vec shifted, exponent = exponent_of(twice, RealFormat::BIAS, shifted);
    Vec r = twice - exponent * RealFormat::LN2_HIGH - exponent * RealFormat::LN2_LOW;
    Vec part = r + r * r * polynomial(RealFormat::EXP, r), scale = power_of_two(shifted);
    Vec under = scale * part + (scale + Real(1));
    Vec quotient = Real(2) / under, great = Real(1) - quotient;
#ifndef UNROLL_FUSED
    // a product and a sum round twice here: what the sum and the difference lose is put back
    Vec lost = ((scale + Real(1)) - under) + scale * part;
    great += ((Real(1) - great) - quotient) + quotient * quotient * (lost * Real(0.5));
#endif
    // small: an odd polynomial
    Vec square = x * x, small = size + size * square * polynomial(RealFormat::TANH, square);
    // the sign is put back last, which keeps -0.0
    return with_bits_of(where_(lt_(size, splat(RealFormat::TANH_SMALL)), small, great),
                        sign_bit(x));
}

// ---- logarithms

// x = (1 + result) * 2^exponent, with 2/3 <= 1 + result < 4/3; x is normal, positive and finite.
// `power` is the exponent with its bias, as an integer.
UNROLL_INLINE Vec split(Vec x, Vec& exponent, Bits& power) {
    const Bits one = splat_bits(RealFormat::Unsigned(RealFormat::BIAS) << RealFormat::MANTISSA);
    power = ((Bits)x + (one - RealFormat::TWO_THIRDS)) >> RealFormat::MANTISSA;
    exponent = (Vec)(power + (Bits)splat(RealFormat::MAGIC)) -
               (RealFormat::MAGIC + Real(RealFormat::BIAS));
    return (Vec)((Bits)x + one - (power << RealFormat::MANTISSA)) - Real(1);
}

// log(1 + f) - f
UNROLL_INLINE Vec log_beyond_first(Vec f) {
    if constexpr (sizeof(Real) == sizeof(float)) return f * f * polynomial(RealFormat::LOG, f);
    // a polynomial in f alone would be twice as long
    Vec half = f * f * Real(0.5), s = f / (f + Real(2)), square = s * s;
    return s * (half + square * polynomial(RealFormat::LOG, square)) - half;
}

// exponent * log(2) + log(1 + f + rest), where rest is less than the last place of f
UNROLL_INLINE Vec log_of_parts(Vec exponent, Vec f, Vec rest) {
    Vec beyond = log_beyond_first(f);
    Vec high = exponent * RealFormat::LN2_HIGH;  // exact
    Vec sum = high + f;
    Vec lost = (high - sum) + f;
    return sum + ((lost + (exponent * RealFormat::LN2_LOW + rest)) + beyond);
}

UNROLL_INLINE Vec log_(Vec x) {
    const Real infinity = __builtin_inf(), nan = __builtin_nan("");
    Mask tiny = lt_(x, splat(RealFormat::SMALLEST_NORMAL));
    const Real normal = Real(RealFormat::Unsigned(1) << RealFormat::MANTISSA);
    Vec exponent;
    Bits power;
    Vec f = split(where_(tiny, x * normal, x), exponent, power);
    exponent = where_(tiny, exponent - Real(RealFormat::MANTISSA), exponent);
    Vec result = log_of_parts(exponent, f, Vec{});
    result = where_(lt_(x, splat(infinity)), result, x);  // infinity and NaN are their own
    Vec outside = where_(eq_(x, Vec{}), splat(-infinity), splat(nan));
    return where_(le_(x, Vec{}), outside, result);
}

UNROLL_INLINE Vec log1p_(Vec x) {
    const Real infinity = __builtin_inf(), nan = __builtin_nan("");
    Vec sum = x + Real(1), back = sum - Real(1), exponent;
    Vec lost = (x - back) + (Real(1) - (sum - back));  // sum + lost is 1 + x exactly
    Bits power;
    Vec f = split(sum, exponent, power);
    // scaled like f; the scale of very great sums is no number, and the loss is nothing to them
    Bits down = (splat_bits(2 * RealFormat::BIAS) - power) << RealFormat::MANTISSA;
    lost = where_(lt_(x, splat(Real(1e30))), lost * (Vec)down, Vec{});
    Vec whole = f + lost;
    Vec rest = (f - whole) + lost;
    Vec result = log_of_parts(exponent, whole, rest - rest * whole);
    result = where_(lt_(x, splat(infinity)), result, x);
    Vec outside = where_(eq_(x, splat(Real(-1))), splat(-infinity), splat(nan));
    result = where_(le_(x, splat(Real(-1))), outside, result);
    return where_(eq_(x, Vec{}), x, result);  // keeps -0.0
}

#endif
