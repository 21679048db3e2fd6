// The fixed part of every compiled cell: tiles of products, packing, the loop over time, threads.
//
// It stands behind maths.h and team.h and in front of the generated stages of one or more programs.
//
//     R rows of a tile (sequences), V vectors of a panel, U vectors of units, G segments (gates)
//
// A product is rows [R, K] times a packed matrix. The matrix is cut into panels of U vectors of
// units; a panel holds, for each k, G segments of those units side by side, [K][G][U][LANES], so
// that all gates of the same units are accumulated together and never leave the registers before
// the last k. The sums are then handed, in a few lines of cache, to the elementwise part.
//
// Sums run over k in order whatever the tile, so that no result depends on how rows are split.

namespace {

// ---------------------------------------------------------------- what the caller passes

struct Block {  // part of a matrix: element (k, unit) at start[k * of_k + unit * of_unit]
    const Real* start;  // null: ones
    int64_t of_k, of_unit, count;  // count: how many k
};

struct Call {
    int64_t steps, sequences, threads, by_units;
    const int64_t* counts;        // sequences at each step
    char* const* starts;          // of each buffer: row 0; null where nobody wants it
    const int64_t* strides;       // of each buffer: bytes from row to row
    const int64_t* const* times;  // of each buffer: its first row at each step; null where fixed
    const int64_t* widths;        // of each group
    const Block* blocks;          // in the order of products, operands, segments
    const int64_t* offsets;       // of each product in `packed`
    Real* packed;                 // room for the packed matrices
    int64_t is_packed;            // they are there already
    const Runtime* runtime;       // whose threads to borrow; null: nobody's
};

constexpr int MOST_BUFFERS = 1024;

// one thread's view of one step
struct Frame {
    const Call* call;
    int64_t first, last;        // sequences
    int64_t part, parts;        // of the units
    bool turned;                // panels from the last to the first
    char* at[MOST_BUFFERS];     // of each buffer: row 0 of this step
};

// ---------------------------------------------------------------- tiles

#if UNROLL_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int REGISTERS = 32, WIDE = 4;
#else
constexpr int REGISTERS = 16, WIDE = 2;
#endif

constexpr int units_of(int segments) { return segments >= WIDE ? 1 : WIDE / segments; }
constexpr int least(int a, int b) { return a < b ? a : b; }

// vectors of a panel that are accumulated at once, and rows with them
constexpr int MOST_VECTORS = REGISTERS == 32 ? 6 : 3;
constexpr int rows_of(int vectors) {
    return least(8, (REGISTERS - 1 - least(vectors, MOST_VECTORS)) / least(vectors, MOST_VECTORS));
}

struct Operand {
    const Real* rows;
    int64_t stride, count;  // from row to row; how many k
};

// Products are added in blocks of this many, and then the blocks: the error of a long sum grows with
// its length.
constexpr int64_t BLOCK = 256;

// Rows [R, K] times N vectors of a panel. With one row the panel is read once and used once: then
// the machine is as fast as its second cache, and more panels at once are slower (measured).
template <int R, int V, int FROM, int N>
UNROLL_INLINE void accumulate(const Operand* operands, int n, const Real* w, Real* out) {
    Vec sum[R][N];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int v = 0; v < N; v++) sum[r][v] = Vec{};
    int64_t left = BLOCK;
    bool begun = false;
    for (int o = 0; o < n; o++) {
        const Real* a = operands[o].rows;
        const int64_t stride = operands[o].stride, count = operands[o].count;
        for (int64_t from = 0; from < count;) {
            const int64_t upto = count - from < left ? count : from + left;
            left -= upto - from;
#pragma GCC unroll 2
            for (int64_t k = from; k < upto; k++) {
                Vec b[N];
#pragma GCC unroll 8
                for (int v = 0; v < N; v++) b[v] = *(const Vec*)(w + (FROM + v) * LANES);
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) {
                    const Vec x = splat(a[r * stride + k]);
#pragma GCC unroll 8
                    for (int v = 0; v < N; v++) sum[r][v] += x * b[v];
                }
                w += V * LANES;
            }
            from = upto;
            if (!left) {  // the sum of a block joins the sum of the blocks before
#pragma GCC unroll 8
                for (int r = 0; r < R; r++)
#pragma GCC unroll 8
                    for (int v = 0; v < N; v++) {
                        Vec* at = (Vec*)(out + (r * V + FROM + v) * LANES);
                        *at = begun ? *at + sum[r][v] : sum[r][v];
                        sum[r][v] = Vec{};
                    }
                begun = true;
                left = BLOCK;
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int v = 0; v < N; v++) {
            Vec* at = (Vec*)(out + (r * V + FROM + v) * LANES);
            *at = begun ? *at + sum[r][v] : sum[r][v];
        }
}

// R rows of a panel, [R][V][LANES]; what does not fit into the registers in several passes
template <int R, int V, int FROM = 0>
__attribute__((noinline)) void tile(const Operand* operands, int n, const Real* w, Real* out) {
    constexpr int N = least(V - FROM, V > MOST_VECTORS ? least(WIDE, MOST_VECTORS) : V);
    accumulate<R, V, FROM, N>(operands, n, w, out);
    if constexpr (FROM + N < V) tile<R, V, FROM + N>(operands, n, w, out);
}

template <int V, int R = 1>
UNROLL_INLINE void tile_of(int rows, const Operand* operands, int n, const Real* w, Real* out) {
    if constexpr (R <= rows_of(V)) {
        if (rows == R) return tile<R, V>(operands, n, w, out);
        tile_of<V, R + 1>(rows, operands, n, w, out);
    }
}

template <class... Rest>
constexpr int fewest(int first, Rest... rest) {
    if constexpr (sizeof...(rest) == 0) return first;
    else return least(first, fewest(rest...));
}

// a vector of units, or the first few of one
template <bool whole, class Type>
UNROLL_INLINE auto get(const Type* at, int count) {
    if constexpr (whole) return load(at);
    else return load(at, count);
}

template <bool whole, class Type, class Vector>
UNROLL_INLINE void put(Type* at, Vector value, int count) {
    if constexpr (whole) store(at, value);
    else store(at, value, count);
}

// ---------------------------------------------------------------- packing

constexpr int64_t panels_in(int64_t width, int units) {
    return (width + units * LANES - 1) / (units * LANES);
}

// How many k all operands of a product have together.
int64_t total_of(const Block* blocks, int operands, int segments) {
    int64_t total = 0;
    for (int o = 0; o < operands; o++) total += blocks[o * segments].count;
    return total;
}

// Numbers that a packed matrix takes.
int64_t room_of(const Block* blocks, int operands, int segments, int units, int64_t width) {
    return panels_in(width, units) * total_of(blocks, operands, segments) * segments * units * LANES;
}

template <int... index>
struct Lanes {};
template <int n, int... index>
struct UpTo : UpTo<n - 1, n - 1, index...> {};
template <int... index>
struct UpTo<0, index...> {
    typedef Lanes<index...> type;
};

// One step of a transposition: lanes with bit D clear and set change places between two rows.
template <int D, int... l>
UNROLL_INLINE void exchange(Vec& a, Vec& b, Lanes<l...>) {
    const Vec low = __builtin_shufflevector(a, b, (l & D ? l - D + LANES : l)...);
    b = __builtin_shufflevector(a, b, (l & D ? l + LANES : l + D)...);
    a = low;
}

template <int D>
UNROLL_INLINE void transpose(Vec (&v)[LANES]) {
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (!(i & D)) exchange<D>(v[i], v[i + D], UpTo<LANES>::type());
    if constexpr (2 * D < LANES) transpose<2 * D>(v);
}

// to[k * row + l] = from[l * of_unit + k * of_k] for the first lanes, zeros for the others.
void turn(Real* to, int64_t row, const Real* from, int64_t of_k, int64_t of_unit, int64_t count,
          int lanes) {
    int64_t k = 0;
    if (of_k == 1 && lanes == LANES && LANES > 1) {
        for (; k + LANES <= count; k += LANES) {
            Vec v[LANES];
#pragma GCC unroll 16
            for (int l = 0; l < LANES; l++) v[l] = load(from + l * of_unit + k);
            transpose<1>(v);
#pragma GCC unroll 16
            for (int l = 0; l < LANES; l++) *(Vec*)(to + (k + l) * row) = v[l];
        }
    }
    for (; k < count; k++)
        for (int l = 0; l < LANES; l++)
            to[k * row + l] = l < lanes ? from[l * of_unit + k * of_k] : 0;
}

// Panel by panel: [K][segment][U][LANES], zeros beyond the last unit. Blocks come operand by
// operand, and for each operand segment by segment.
void pack(Real* out, const Block* blocks, int operands, int segments, int units, int64_t width,
             int64_t part, int64_t parts) {
    const int64_t panels = panels_in(width, units), row = (int64_t)segments * units * LANES;
    const int64_t total = total_of(blocks, operands, segments);
    for (int64_t p = panels * part / parts; p < panels * (part + 1) / parts; p++) {
        Real* at = out + p * total * row;
        for (int o = 0; o < operands; o++) {
            const int64_t count = blocks[o * segments].count;
            for (int g = 0; g < segments; g++) {
                const Block b = blocks[o * segments + g];
                for (int u = 0; u < units; u++) {
                    Real* to = at + (g * units + u) * LANES;
                    const int64_t unit = (p * units + u) * LANES;
                    const int lanes = (int)(width - unit < 0 ? 0
                                            : width - unit < LANES ? width - unit : LANES);
                    if (!b.start) {
                        for (int64_t k = 0; k < count; k++)
                            for (int l = 0; l < LANES; l++) to[k * row + l] = l < lanes;
                    } else if (b.of_unit == 1) {
                        for (int64_t k = 0; k < count; k++)
                            *(Vec*)(to + k * row) =
                                lanes == LANES ? load(b.start + k * b.of_k + unit)
                                               : load(b.start + k * b.of_k + unit, lanes);
                    } else {
                        turn(to, row, b.start + unit * b.of_unit, b.of_k, b.of_unit, count, lanes);
                    }
                }
            }
            at += count * row;
        }
    }
}

// ---------------------------------------------------------------- threads

// Threads wait for each other a few microseconds at full speed, then give way: on a busy machine
// the one they wait for may not be running.
struct Barrier {
    int waiting;
    int round;

    void wait(int64_t parties) {
        if (parties == 1) return;
        const int mine = __atomic_load_n(&round, __ATOMIC_ACQUIRE);
        if (__atomic_add_fetch(&waiting, 1, __ATOMIC_ACQ_REL) == parties) {
            __atomic_store_n(&waiting, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&round, mine + 1, __ATOMIC_RELEASE);
            return;
        }
        for (int spins = 0; __atomic_load_n(&round, __ATOMIC_ACQUIRE) == mine; spins++) {
            if (spins > 4000) {
                sched_yield();
            } else {
#if defined(__x86_64__) || defined(__i386__)
                __builtin_ia32_pause();
#elif defined(__aarch64__)
                __asm__ __volatile__("yield");
#endif
            }
        }
    }
};

typedef void (*Stage)(const Frame&);
typedef void (*Pack)(const Call&, int64_t part, int64_t parts);

struct Program {
    int buffers, stages;
    const Stage* stage;
    Pack pack;
};

struct Job {
    const Program* program;
    const Call* call;
    Barrier barrier;
};

void work(void* argument, int64_t i, int64_t n) {
    Job& job = *(Job*)argument;
    const Program& program = *job.program;
    const Call& call = *job.call;
    if (!call.is_packed) {
        program.pack(call, i, n);
        job.barrier.wait(n);
    }

    Frame frame;
    frame.call = &call;
    frame.part = call.by_units ? i : 0;
    frame.parts = call.by_units ? n : 1;
    const int64_t first = call.by_units ? 0 : call.sequences * i / n;
    const int64_t last = call.by_units ? call.sequences : call.sequences * (i + 1) / n;
    for (int64_t s = 0; s < call.steps; s++) {
        frame.turned = s & 1;  // what was read last is still near
        frame.first = first;
        frame.last = call.counts[s] < last ? call.counts[s] : last;
        if (frame.first >= frame.last && !call.by_units) continue;
        for (int b = 0; b < program.buffers; b++) {
            char* start = call.starts[b];
            frame.at[b] = start && call.times[b] ? start + call.times[b][s] * call.strides[b] : start;
        }
        for (int k = 0; k < program.stages; k++) {
            program.stage[k](frame);
            if (call.by_units) job.barrier.wait(n);
        }
    }
}

// Returns 0, or -1 for a call that is not well formed.
int run(const Program& program, const Call& call) {
    if (call.threads < 1 || call.threads > MOST_THREADS || program.buffers > MOST_BUFFERS)
        return -1;
    Job job = {&program, &call, {0, 0}};
    run_team(work, &job, call.threads, call.runtime);
    return 0;
}

}  // namespace
