#include "match/lap_rows.h"
#include <math.h>
#include <string.h>

/* Vectors of the compiler, not intrinsics: the same code serves every processor. A target that has
 * no such registers gets them in pieces. */
typedef double lanes __attribute__((vector_size(32)));
typedef int64_t mask __attribute__((vector_size(32)));
enum { LANES = 4, UNROLL = 4, STEP = LANES * UNROLL };
_Static_assert(WELD_LAP_BLOCK % STEP == 0, "a block is made of whole steps");

#define INLINE static inline __attribute__((always_inline))
#define LOAD(v, from) memcpy(&(v), (from), sizeof(v))
#define STORE(to, v) memcpy((to), &(v), sizeof(v))
/* Scores [j, j + LANES), one score: of floats if `single`, a constant wherever this is compiled. */
#define LOAD_SCORES(v, score, j)                                                                      \
    do {                                                                                              \
        if (single) { /* GCC 12 makes one instruction of this, but five of __builtin_convertvector */ \
            const float *s_ = (const float *)(score) + (j);                                           \
            (v) = (lanes){s_[0], s_[1], s_[2], s_[3]};                                                \
        } else                                                                                        \
            LOAD(v, (const double *)(score) + (j));                                                   \
    } while (0)
#define SCORE(score, j)                                                                            \
    (single ? (double)((const float *)(score))[j] : ((const double *)(score))[j])
#define ALL(x) ((lanes){(x), (x), (x), (x)})
#define PICK(type, m, a, b) ((type)(((mask)(m) & (mask)(a)) | (~(mask)(m) & (mask)(b))))
#define LARGER(a, b) PICK(lanes, (a) > (b), (a), (b))

INLINE double largest_of(const lanes *v)
{
    double best = (*v)[0];
    for (int k = 1; k < LANES; k++)
        best = (*v)[k] > best ? (*v)[k] : best;
    return best;
}

/* What compares scores alone has twice as many lanes of floats as of doubles. */
typedef float float_lanes __attribute__((vector_size(32)));
#define COMPARES(scalar, vector)                                                                   \
    INLINE void extent_of_##scalar(weld_lap_extent *out, const scalar *score, int32_t n)           \
    {                                                                                              \
        enum { WIDTH = sizeof(vector) / sizeof(scalar), STRIDE = 2 * WIDTH };                      \
        vector low[2], high[2], sum[2] = {{0}, {0}}, x; /* more do not fit into 16 registers */    \
        int32_t j = 0;                                                                             \
        *out = (weld_lap_extent){INFINITY, -INFINITY, 0};                                          \
        low[0] = low[1] = sum[0] + (scalar)INFINITY;                                               \
        high[0] = high[1] = sum[0] - (scalar)INFINITY;                                             \
        for (; j + STRIDE <= n; j += STRIDE)                                                       \
            for (int u = 0; u < 2; u++) {                                                          \
                LOAD(x, score + j + u * WIDTH);                                                    \
                low[u] = PICK(vector, x < low[u], x, low[u]);                                      \
                high[u] = PICK(vector, x > high[u], x, high[u]);                                   \
                sum[u] += x;                                                                       \
            }                                                                                      \
        for (int k = 0; k < STRIDE; k++) {                                                         \
            const double least = low[k / WIDTH][k % WIDTH], most = high[k / WIDTH][k % WIDTH];     \
            out->low = least < out->low ? least : out->low;                                        \
            out->high = most > out->high ? most : out->high;                                       \
            out->sum += sum[k / WIDTH][k % WIDTH];                                                 \
        }                                                                                          \
        for (; j < n; j++) {                                                                       \
            out->low = score[j] < out->low ? score[j] : out->low;                                  \
            out->high = score[j] > out->high ? score[j] : out->high;                               \
            out->sum += score[j];                                                                  \
        }                                                                                          \
    }                                                                                              \
    INLINE int32_t seek_##scalar(scalar wanted, const scalar *score, int32_t start, int32_t n)     \
    {                                                                                              \
        enum { WIDTH = sizeof(vector) / sizeof(scalar), STRIDE = 4 * WIDTH };                      \
        int32_t j = start;                                                                         \
        for (; j + STRIDE <= n; j += STRIDE) {                                                     \
            mask found = {0};                                                                      \
            for (int u = 0; u < 4; u++) {                                                          \
                vector x;                                                                          \
                LOAD(x, score + j + u * WIDTH);                                                    \
                found |= (mask)(x == wanted);                                                      \
            }                                                                                      \
            if (found[0] | found[1] | found[2] | found[3])                                         \
                break;                                                                             \
        }                                                                                          \
        while (j < n && score[j] != wanted)                                                        \
            j++;                                                                                   \
        return j;                                                                                  \
    }
COMPARES(float, float_lanes)
COMPARES(double, lanes)

INLINE void extent(bool single, weld_lap_extent *out, const void *score, int32_t n)
{
    if (single)
        extent_of_float(out, score, n);
    else
        extent_of_double(out, score, n);
}

INLINE double mean_of(bool single, const void *score, int32_t n)
{
    lanes sums[UNROLL] = {{0}, {0}, {0}, {0}};
    double sum = 0;
    int32_t j = 0;
    for (; j + STEP <= n; j += STEP)
        for (int u = 0; u < UNROLL; u++) {
            lanes x;
            LOAD_SCORES(x, score, j + u * LANES);
            sums[u] += x;
        }
    for (int k = 0; k < STEP; k++)
        sum += sums[k / LANES][k % LANES];
    for (; j < n; j++)
        sum += SCORE(score, j);
    return sum / n;
}

INLINE int32_t seek(bool single, double wanted, const void *score, int32_t start, int32_t n)
{
    return single ? seek_float((float)wanted, score, start, n)
                  : seek_double(wanted, score, start, n);
}

INLINE void add_to_top(double top[2], double x)
{
    if (x > top[0]) {
        top[1] = top[0];
        top[0] = x;
    } else if (x > top[1]) {
        top[1] = x;
    }
}

INLINE void top_of(bool single, double top[2], const void *score, const double *price, int32_t n)
{
    lanes best[UNROLL], second[UNROLL];
    int32_t j = 0;
    top[0] = top[1] = -INFINITY;
    for (int u = 0; u < UNROLL; u++)
        best[u] = second[u] = ALL(-INFINITY);
    for (; j + STEP <= n; j += STEP)
        for (int u = 0; u < UNROLL; u++) {
            lanes x, p;
            LOAD_SCORES(x, score, j + u * LANES);
            LOAD(p, price + j + u * LANES);
            x -= p;
            const mask wins = x > best[u];
            const lanes loser = PICK(lanes, wins, best[u], x);
            best[u] = PICK(lanes, wins, x, best[u]);
            second[u] = LARGER(loser, second[u]);
        }
    for (int u = 1; u < UNROLL; u++) {
        const mask wins = best[u] > best[0];
        const lanes loser = PICK(lanes, wins, best[0], best[u]);
        second[0] = LARGER(loser, LARGER(second[u], second[0]));
        best[0] = PICK(lanes, wins, best[u], best[0]);
    }
    for (int k = 0; k < LANES; k++) {
        add_to_top(top, best[0][k]);
        add_to_top(top, second[0][k]);
    }
    for (; j < n; j++)
        add_to_top(top, SCORE(score, j) - price[j]);
}

INLINE int32_t find(bool single, double value, const void *score, const double *price,
                    int32_t start, int32_t n)
{
    const lanes wanted = ALL(value);
    int32_t j = start;
    for (; j + STEP <= n; j += STEP) {
        mask found = {0};
        for (int u = 0; u < UNROLL; u++) {
            lanes x, p;
            LOAD_SCORES(x, score, j + u * LANES);
            LOAD(p, price + j + u * LANES);
            found |= x - p == wanted;
        }
        if (found[0] | found[1] | found[2] | found[3])
            break;
    }
    while (j < n && SCORE(score, j) - price[j] != value)
        j++;
    return j;
}

INLINE void maxima_of(bool single, double *out, const void *score, const double *price, int32_t n)
{
    int32_t j = 0;
    for (; j + WELD_LAP_BLOCK <= n; j += WELD_LAP_BLOCK) {
        lanes best[UNROLL];
        for (int u = 0; u < UNROLL; u++)
            best[u] = ALL(-INFINITY);
        for (int32_t b = j; b < j + WELD_LAP_BLOCK; b += STEP)
            for (int u = 0; u < UNROLL; u++) {
                lanes x, p;
                LOAD_SCORES(x, score, b + u * LANES);
                LOAD(p, price + b + u * LANES);
                x -= p;
                best[u] = LARGER(x, best[u]);
            }
        for (int u = 1; u < UNROLL; u++)
            best[0] = LARGER(best[u], best[0]);
        out[j / WELD_LAP_BLOCK] = largest_of(best);
    }
    if (j < n)
        out[j / WELD_LAP_BLOCK] = -INFINITY;
    for (double *last = out + j / WELD_LAP_BLOCK; j < n; j++)
        *last = SCORE(score, j) - price[j] > *last ? SCORE(score, j) - price[j] : *last;
}

/* Columns [j, j + LANES); the values that they have then. */
#define RELAX(now, r, j, row, drop, score)                                                         \
    do {                                                                                           \
        lanes x_, p_, old_;                                                                        \
        mask from_;                                                                                \
        LOAD_SCORES(x_, score, j);                                                                 \
        LOAD(p_, (r)->price + (j));                                                                \
        LOAD(old_, (r)->value + (j));                                                              \
        LOAD(from_, (r)->from + (j));                                                              \
        x_ = x_ - p_ - (drop);                                                                     \
        const mask wins_ = x_ > old_;                                                              \
        from_ = PICK(mask, wins_, (row), from_);                                                   \
        (now) = PICK(lanes, wins_, x_, old_);                                                      \
        STORE((r)->value + (j), (now));                                                            \
        STORE((r)->from + (j), from_);                                                             \
    } while (0)

INLINE double relax(bool single, const weld_lap_reach *reach, int64_t row, double drop,
                    const void *score, int32_t n)
{
    const weld_lap_reach r = *reach;
    const mask rows = {row, row, row, row};
    const lanes drops = ALL(drop);
    double largest = -INFINITY;
    int32_t j = 0;
    for (; j + WELD_LAP_BLOCK <= n; j += WELD_LAP_BLOCK) {
        lanes best[2] = {ALL(-INFINITY), ALL(-INFINITY)};
        for (int32_t b = j; b < j + WELD_LAP_BLOCK; b += 2 * LANES)
            for (int u = 0; u < 2; u++) {
                lanes now;
                RELAX(now, &r, b + u * LANES, rows, drops, score);
                best[u] = LARGER(now, best[u]);
            }
        best[0] = LARGER(best[1], best[0]);
        r.maxima[j / WELD_LAP_BLOCK] = largest_of(best);
        largest = r.maxima[j / WELD_LAP_BLOCK] > largest ? r.maxima[j / WELD_LAP_BLOCK] : largest;
    }
    double last = -INFINITY;
    for (int32_t k = j; k < n; k++) {
        const double x = SCORE(score, k) - r.price[k] - drop;
        if (x > r.value[k]) {
            r.value[k] = x;
            r.from[k] = row;
        }
        last = r.value[k] > last ? r.value[k] : last;
    }
    if (j < n)
        r.maxima[j / WELD_LAP_BLOCK] = last;
    return last > largest ? last : largest;
}

/* Compiles the passes for one kind of processor and of scores. */
#define KERNELS(kind, target, single)                                                              \
    target static void extent_##kind(weld_lap_extent *out, const void *score, int32_t n)           \
    {                                                                                              \
        extent(single, out, score, n);                                                             \
    }                                                                                              \
    target static double mean_##kind(const void *score, int32_t n)                                 \
    {                                                                                              \
        return mean_of(single, score, n);                                                          \
    }                                                                                              \
    target static int32_t seek_##kind(double wanted, const void *score, int32_t start, int32_t n)  \
    {                                                                                              \
        return seek(single, wanted, score, start, n);                                              \
    }                                                                                              \
    target static void top_##kind(double top[2], const void *score, const double *price,           \
                                  int32_t n)                                                       \
    {                                                                                              \
        top_of(single, top, score, price, n);                                                      \
    }                                                                                              \
    target static int32_t find_##kind(double value, const void *score, const double *price,        \
                                      int32_t start, int32_t n)                                    \
    {                                                                                              \
        return find(single, value, score, price, start, n);                                        \
    }                                                                                              \
    target static void maxima_##kind(double *out, const void *score, const double *price,          \
                                     int32_t n)                                                    \
    {                                                                                              \
        maxima_of(single, out, score, price, n);                                                   \
    }                                                                                              \
    target static double relax_##kind(const weld_lap_reach *reach, int64_t row, double drop,       \
                                      const void *score, int32_t n)                                \
    {                                                                                              \
        return relax(single, reach, row, drop, score, n);                                          \
    }                                                                                              \
    static const weld_lap_kernels kernels_##kind = {extent_##kind, mean_##kind, seek_##kind,       \
                                                    top_##kind,    find_##kind, maxima_##kind,     \
                                                    relax_##kind};

KERNELS(plain, , false)
KERNELS(plain_single, , true)
#if defined __x86_64__ && defined __GNUC__
KERNELS(avx2, __attribute__((target("avx2"))), false)
KERNELS(avx2_single, __attribute__((target("avx2"))), true)
#endif

const weld_lap_kernels *weld_lap_kernels_here(bool single)
{
#if defined __x86_64__ && defined __GNUC__
    if (__builtin_cpu_supports("avx2"))
        return single ? &kernels_avx2_single : &kernels_avx2;
#endif
    return single ? &kernels_plain_single : &kernels_plain;
}
