// Small products of rows, a @ b with b's rows in one piece: no packing, and no library to wake up.
//
// Eight rows of a and two vectors of b's columns are a tile whose sums stay in registers. It stands
// behind maths.h.
//
// Traffic: b once for every eight rows, a once for every two vectors of columns, the result once.

namespace {

#if UNROLL_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int TILE_ROWS = 8;
#else
constexpr int TILE_ROWS = 4;  // 16 registers
#endif

struct Factor {
    const Real* start;
    int64_t of_row, of_k;
};

template <int R, bool whole>
UNROLL_INLINE void tile(Factor a, const Real* b, int64_t b_row, int64_t ks, Real* out,
                        int64_t out_row, int columns) {
    const int second = columns - LANES;  // of the second vector, where not whole
    Vec sum[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) sum[r][0] = sum[r][1] = Vec{};
    for (int64_t k = 0; k < ks; k++, b += b_row) {
        Vec row[2];
        if constexpr (whole) {
            row[0] = load(b);
            row[1] = load(b + LANES);
        } else {
            row[0] = second >= 0 ? load(b) : load(b, columns);
            row[1] = second > 0 ? load(b + LANES, second) : Vec{};
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const Vec x = splat(a.start[r * a.of_row + k * a.of_k]);
            sum[r][0] += x * row[0];
            sum[r][1] += x * row[1];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        Real* to = out + r * out_row;
        if constexpr (whole) {
            store(to, sum[r][0]);
            store(to + LANES, sum[r][1]);
        } else {
            if (second >= 0) store(to, sum[r][0]);
            else store(to, sum[r][0], columns);
            if (second > 0) store(to + LANES, sum[r][1], second);
        }
    }
}

template <bool whole, int R = TILE_ROWS>
UNROLL_INLINE void tile_of(int64_t rows, Factor a, const Real* b, int64_t b_row, int64_t ks,
                           Real* out, int64_t out_row, int columns) {
    if (rows >= R) return tile<R, whole>(a, b, b_row, ks, out, out_row, columns);
    if constexpr (R > 1) tile_of<whole, R - 1>(rows, a, b, b_row, ks, out, out_row, columns);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void unroll_product(
    const Real* a, int64_t a_row, int64_t a_k, const Real* b, int64_t b_row, Real* out,
    int64_t out_row, int64_t rows, int64_t ks, int64_t columns) {
    for (int64_t c = 0; c < columns; c += 2 * LANES) {
        const int64_t wide = columns - c;
        for (int64_t r = 0; r < rows; r += TILE_ROWS) {
            const Factor from = {a + r * a_row, a_row, a_k};
            Real* to = out + r * out_row + c;
            if (wide >= 2 * LANES)
                tile_of<true>(rows - r, from, b + c, b_row, ks, to, out_row, 2 * LANES);
            else
                tile_of<false>(rows - r, from, b + c, b_row, ks, to, out_row, (int)wide);
        }
    }
}
