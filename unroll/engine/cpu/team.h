// A team of threads: torch's own workers where there is a way to them, else threads that are begun
// for the occasion.
//
// After a parallel product torch's workers wait at full speed for milliseconds; other threads would
// have to share the cores with them, and a waiting worker begins at once where a new thread takes
// tens of microseconds.

#include <pthread.h>
#include <sched.h>

namespace {

// the functions of GNU's OpenMP runtime, of the one that torch has loaded
struct Runtime {
    void (*parallel)(void (*)(void*), void*, unsigned, unsigned);
    int (*index)();
    int (*members)();
};

typedef void (*Work)(void* job, int64_t index, int64_t members);

enum { WAIT, GO, GIVE_UP };

struct Member {
    Work work;
    void* job;
    const Runtime* runtime;
    int* order;  // threads begin when all of them are there
    int64_t index, members;
};

void borrowed(void* argument) {
    const Member& all = *(const Member*)argument;  // the runtime may give fewer than were asked for
    all.work(all.job, all.runtime->index(), all.runtime->members());
}

void* begun(void* argument) {
    const Member& one = *(const Member*)argument;
    int order;
    while ((order = __atomic_load_n(one.order, __ATOMIC_ACQUIRE)) == WAIT) sched_yield();
    if (order == GO) one.work(one.job, one.index, one.members);
    return nullptr;
}

constexpr int MOST_THREADS = 64;

// Calls work(job, index, members) once for each index, at the same time.
void run_team(Work work, void* job, int64_t members, const Runtime* runtime) {
    if (members == 1) return work(job, 0, 1);
    if (runtime) {
        Member all = {work, job, runtime, nullptr, 0, members};
        return runtime->parallel(borrowed, &all, (unsigned)members, 0);
    }
    int order = WAIT;
    Member each[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    for (int64_t i = 0; i < members; i++) each[i] = {work, job, nullptr, &order, i, members};
    int64_t started = 1;
    while (started < members &&
           !pthread_create(&threads[started], nullptr, begun, &each[started]))
        started++;
    const bool all = started == members;
    __atomic_store_n(&order, all ? GO : GIVE_UP, __ATOMIC_RELEASE);
    if (all) work(job, 0, members);
    for (int64_t i = 1; i < started; i++) pthread_join(threads[i], nullptr);
    // the system gives no more threads: this one does it all, with the same result
    if (!all) work(job, 0, 1);
}

}  // namespace
