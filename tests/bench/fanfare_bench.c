/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-bench: connects clients, lets them settle, pushes, waits until all has arrived, and
 * reports. The clients live on the main thread, the callers on one of their own. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "tests/bench/bench_options.h"
#include "tests/bench/bench_report.h"
#include "tests/bench/client_swarm.h"

enum { CONNECT_STALL_MS = 10000, DRAIN_STALL_MS = 3000, STEP_MS = 50, PROGRESS_MS = 200 };

struct bench {
    struct bench_options options;
    struct bench_report report;
    struct client_swarm *swarm;
    struct pusher *pusher;
    uint64_t cpu_before[BENCH_MAX_PROCESSES];
    uint64_t own_before;
    int64_t shown_ms; /* when the progress line was last written */
};

/* SIGINT and SIGTERM are blocked in all threads and asked for here. */
static void watched_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
}

static bool told_to_end(void)
{
    const struct timespec now = {0};
    sigset_t signals;

    watched_signals(&signals);
    return sigtimedwait(&signals, NULL, &now) > 0;
}

static void announce(const struct bench *bench, const char *msg)
{
    if (bench->options.announce)
        fprintf(stderr, "msg=%s joined=%zu seconds=%.4f\n", msg, client_swarm_stats(bench->swarm).joined,
                bench->report.connect_seconds);
}

static void progress(struct bench *bench)
{
    struct swarm_stats stats = client_swarm_stats(bench->swarm);
    int64_t now = clock_now_ms();

    if (bench->options.quiet || !isatty(STDERR_FILENO) || now - bench->shown_ms < PROGRESS_MS)
        return;
    bench->shown_ms = now;
    fprintf(stderr, "\r\033[K%s: %zu joined, %zu pushed, %llu frames", bench->options.label, stats.joined,
            bench->pusher != NULL ? pusher_accepted(bench->pusher) : 0, (unsigned long long)stats.frames);
}

static void progress_end(const struct bench *bench)
{
    if (bench->shown_ms != 0)
        fprintf(stderr, "\r\033[K");
}

static bool read_memory(struct bench *bench, bool joined)
{
    for (size_t i = 0; i < bench->options.process_count; i++) {
        struct bench_usage *usage = &bench->report.usage[i];
        const struct bench_process *process = &bench->options.processes[i];

        if (proc_usage_memory(process->pid, joined ? &usage->joined : &usage->before))
            continue;
        fprintf(stderr, "fanfare-bench: cannot measure %s, pid %d\n", process->name, (int)process->pid);
        return false;
    }
    return true;
}

static void read_cpu(struct bench *bench, uint64_t *processes, uint64_t *own)
{
    for (size_t i = 0; i < bench->options.process_count; i++)
        if (!proc_usage_cpu(bench->options.processes[i].pid, &processes[i]))
            processes[i] = 0;
    if (!proc_usage_cpu(getpid(), own))
        *own = 0;
}

static bool open_swarm(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    struct swarm_config config = {.server = options->ws,
                                  .style = options->style,
                                  .rooms = options->route.rooms,
                                  .first_caller = (uint32_t)options->first_caller,
                                  .callers = options->callers,
                                  .item_bytes = options->item_bytes,
                                  .under_way = options->under_way};

    bench->swarm = client_swarm_new(&config);
    if (bench->swarm == NULL)
        fprintf(stderr, "fanfare-bench: clients: %s\n", strerror(errno));
    return bench->swarm != NULL;
}

static bool connect_all(struct bench *bench)
{
    int64_t begin_us = clock_now_us();
    int64_t moved_ms = clock_now_ms();
    struct swarm_stats stats = client_swarm_stats(bench->swarm);

    while (stats.joined + stats.gone < bench->options.route.rooms.clients &&
           clock_now_ms() - moved_ms < CONNECT_STALL_MS && !told_to_end()) {
        size_t before = stats.joined + stats.gone;

        client_swarm_step(bench->swarm, STEP_MS);
        stats = client_swarm_stats(bench->swarm);
        if (stats.joined + stats.gone > before)
            moved_ms = clock_now_ms();
        progress(bench);
    }
    bench->report.connect_seconds = (double)(clock_now_us() - begin_us) / 1e6;
    if (stats.joined == bench->options.route.rooms.clients)
        return true;
    progress_end(bench);
    fprintf(stderr, "fanfare-bench: only %zu of %zu clients joined, %zu failed\n", stats.joined,
            bench->options.route.rooms.clients, stats.gone);
    return false;
}

static void settle(struct bench *bench)
{
    int64_t end = clock_now_ms() + bench->options.settle_ms;
    int64_t left;

    while ((left = end - clock_now_ms()) > 0)
        client_swarm_step(bench->swarm, left < STEP_MS ? (int)left : STEP_MS);
}

static bool open_pusher(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    struct pusher_config config = {.route = options->route,
                                   .from_sent = options->from_sent,
                                   .address = options->push,
                                   .first_caller = (uint32_t)options->first_caller,
                                   .callers = options->callers,
                                   .item_bytes = options->item_bytes,
                                   .rate = options->rate,
                                   .seconds = options->seconds};

    bench->pusher = pusher_start(&config);
    if (bench->pusher == NULL)
        fprintf(stderr, "fanfare-bench: callers: %s\n", strerror(errno));
    return bench->pusher != NULL;
}

static bool complete(const struct bench *bench)
{
    uint64_t wanted = (uint64_t)pusher_accepted(bench->pusher) * rooms_members(&bench->options.route.rooms);

    return tally_items(client_swarm_tally(bench->swarm)) >= wanted;
}

static void deliver(struct bench *bench)
{
    int64_t moved_ms = clock_now_ms();
    uint64_t frames = 0;
    int64_t done_us = 0;

    while (done_us == 0 || (!complete(bench) && clock_now_ms() - moved_ms < DRAIN_STALL_MS)) {
        client_swarm_step(bench->swarm, STEP_MS);
        if (told_to_end())
            pusher_stop(bench->pusher);
        if (done_us == 0 && pusher_done(bench->pusher))
            done_us = clock_now_us();
        if (client_swarm_stats(bench->swarm).frames != frames)
            moved_ms = clock_now_ms();
        frames = client_swarm_stats(bench->swarm).frames;
        progress(bench);
    }
    bench->report.drain_seconds = (double)(clock_now_us() - done_us) / 1e6;
}

static void gather(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    uint64_t cpu[BENCH_MAX_PROCESSES];
    uint64_t own;

    read_cpu(bench, cpu, &own);
    for (size_t i = 0; i < bench->options.process_count; i++) {
        report->usage[i].cpu_ns = cpu[i] - bench->cpu_before[i];
        report->usage[i].peak_bytes = proc_usage_peak(bench->options.processes[i].pid);
    }
    report->own_cpu_ns = own - bench->own_before;
    report->push = pusher_finish(bench->pusher);
    report->swarm = client_swarm_stats(bench->swarm);
    report->tally =
        tally_result(client_swarm_tally(bench->swarm), report->push.was_accepted, report->push.pushes);
}

static bool measure(struct bench *bench)
{
    if (!read_memory(bench, false) || !open_swarm(bench) || !connect_all(bench))
        return false;
    settle(bench);
    if (!read_memory(bench, true))
        return false;
    bench->report.swarm = client_swarm_stats(bench->swarm);
    bench->report.latency = client_swarm_latency(bench->swarm);
    bench->report.last_latency = client_swarm_last_latency(bench->swarm);
    if (bench->options.seconds <= 0)
        return true;
    read_cpu(bench, bench->cpu_before, &bench->own_before);
    if (!open_pusher(bench))
        return false;
    announce(bench, "pushing");
    deliver(bench);
    gather(bench);
    return true;
}

/* The clients live on, and what they get meanwhile is read. */
static void hold(struct bench *bench)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[64];

    while (!told_to_end()) {
        client_swarm_step(bench->swarm, STEP_MS);
        if (poll(&input, 1, 0) != 0 && read(STDIN_FILENO, bytes, sizeof bytes) <= 0)
            return;
    }
}

static bool write_json(const struct bench *bench)
{
    const char *path = bench->options.json;
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool written;

    if (out != NULL) {
        bench_report_json(&bench->report, out);
        written = ferror(out) == 0;
        if ((out == stdout ? fflush(out) : fclose(out)) == 0 && written)
            return true;
    }
    fprintf(stderr, "fanfare-bench: cannot write %s: %s\n", path, strerror(errno));
    return false;
}

static int publish(const struct bench *bench)
{
    progress_end(bench);
    if (!bench->options.quiet)
        bench_report_table(&bench->report, stdout);
    if (bench->options.json != NULL && !write_json(bench))
        return 2;
    return bench_report_clean(&bench->report) ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    sigset_t signals;
    int status = bench_options_read(&bench.options, argc, argv);

    if (status >= 0)
        return status;
    watched_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    bench.report.options = &bench.options;
    status = measure(&bench) ? publish(&bench) : 2;
    if (status != 2) {
        announce(&bench, "done");
        if (bench.options.hold)
            hold(&bench);
    }
    pusher_free(bench.pusher);
    client_swarm_free(bench.swarm);
    return status;
}
