// Several programs at once, each with threads of its own: two directions are two jobs.

#include <pthread.h>

namespace {

struct Alone {
    int (*function)(const void*);
    const void* call;
    int result;
};

void* run_alone(void* argument) {
    Alone& job = *(Alone*)argument;
    job.result = job.function(job.call);
    return nullptr;
}

constexpr int MOST_JOBS = 16;

}  // namespace

// Returns 0, or -1 where one of the calls is not well formed.
extern "C" __attribute__((visibility("default"))) int unroll_together(
    int (*const* functions)(const void*), const void* const* calls, int64_t jobs) {
    if (jobs < 1 || jobs > MOST_JOBS) return -1;
    Alone all[MOST_JOBS];
    pthread_t threads[MOST_JOBS];
    bool started[MOST_JOBS];
    for (int64_t i = 0; i < jobs; i++) all[i] = {functions[i], calls[i], 0};
    for (int64_t i = 1; i < jobs; i++)
        started[i] = !pthread_create(&threads[i], nullptr, run_alone, &all[i]);
    run_alone(&all[0]);
    int result = all[0].result;
    for (int64_t i = 1; i < jobs; i++) {
        if (started[i]) pthread_join(threads[i], nullptr);
        else run_alone(&all[i]);  // the system gives no more threads
        result |= all[i].result;
    }
    return result;
}
