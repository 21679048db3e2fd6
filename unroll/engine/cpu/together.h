// Several programs at once: two directions are two jobs. It stands behind team.h.

namespace {

struct Programs {
    int (*const* functions)(const void*);
    const void* const* calls;
    int64_t count;
    int refused;
};

void run_some(void* argument, int64_t index, int64_t members) {
    Programs& all = *(Programs*)argument;
    for (int64_t i = index; i < all.count; i += members)
        if (all.functions[i](all.calls[i])) __atomic_store_n(&all.refused, -1, __ATOMIC_RELAXED);
}

}  // namespace

// Returns 0, or -1 where one of the calls is not well formed.
extern "C" __attribute__((visibility("default"))) int unroll_together(
    int (*const* functions)(const void*), const void* const* calls, int64_t count,
    const Runtime* runtime) {
    if (count < 1 || count > MOST_THREADS) return -1;
    Programs all = {functions, calls, count, 0};
    run_team(run_some, &all, count, runtime);
    return all.refused;
}
