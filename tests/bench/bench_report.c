/* SPDX-License-Identifier: Apache-2.0 */
/* CPU is given per delivered frame where clients were held, and per push. */
#include "tests/bench/bench_report.h"

#include <inttypes.h>

struct latency_mark {
    const char *name;
    double share;
};

static const struct latency_mark MARKS[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};

enum { MARK_COUNT = sizeof MARKS / sizeof *MARKS };

static double share_of(double sum, double count)
{
    return count > 0 ? sum / count : 0;
}

static double per_client(uint64_t joined, uint64_t before, size_t clients)
{
    return share_of((double)joined - (double)before, (double)clients);
}

static double frame_cpu_us(const struct bench_report *report, size_t process)
{
    return share_of((double)report->usage[process].cpu_ns / 1e3, (double)report->swarm.frames);
}

static double push_cpu_us(const struct bench_report *report, size_t process)
{
    return share_of((double)report->usage[process].cpu_ns / 1e3, (double)report->push.accepted);
}

bool bench_report_clean(const struct bench_report *report)
{
    const struct tally_result *tally = &report->tally;

    return tally->lost == 0 && tally->unaccepted == 0 && tally->duplicates == 0 && tally->out_of_order == 0 &&
           tally->disagreeing == 0 && report->swarm.gone == 0 && report->swarm.strange == 0 &&
           report->push.failed == 0 && report->swarm.joined == report->options->route.rooms.clients;
}

static void table_histogram(const struct histogram *histogram, FILE *out)
{
    for (size_t i = 0; i < MARK_COUNT; i++)
        fprintf(out, "%s%s %" PRIu64, i > 0 ? " " : "", MARKS[i].name,
                histogram_at(histogram, MARKS[i].share));
    fprintf(out, "\n");
}

static void table_push(const struct bench_report *report, FILE *out)
{
    const struct pusher_result *push = &report->push;

    fprintf(out, "pushes      %zu accepted, %zu refused, %zu callers failed, %.0f/s\n", push->accepted,
            push->refused, push->failed, share_of((double)push->accepted, push->seconds));
    if (push->answer == NULL || push->answer->count == 0)
        return;
    fprintf(out, "answer us   ");
    table_histogram(push->answer, out);
}

static void table_delivery(const struct bench_report *report, FILE *out)
{
    const struct tally_result *tally = &report->tally;

    fprintf(out, "delivered   %" PRIu64 " items in %" PRIu64 " frames\n", tally->items, report->swarm.frames);
    fprintf(out,
            "faults      %" PRIu64 " lost, %" PRIu64 " duplicate, %" PRIu64 " out of order, %" PRIu64
            " though refused, %" PRIu64 " clients with another order, %" PRIu64 " strange, %zu closed\n",
            tally->lost, tally->duplicates, tally->out_of_order, tally->unaccepted, tally->disagreeing,
            report->swarm.strange, report->swarm.gone);
    fprintf(out, "latency us  ");
    table_histogram(report->latency, out);
    fprintf(out, "last client ");
    table_histogram(report->last_latency, out);
}

static void table_process(const struct bench_report *report, size_t i, FILE *out)
{
    const struct bench_usage *usage = &report->usage[i];
    size_t clients = report->options->route.rooms.clients;

    fprintf(out, "%-11s %.2f us CPU per frame, %.2f us per push, %.1f MB anonymous, %.1f MB at most",
            report->options->processes[i].name, frame_cpu_us(report, i), push_cpu_us(report, i),
            (double)usage->joined.anonymous_bytes / 1e6, (double)usage->peak_bytes / 1e6);
    if (i == 0 && clients > 0)
        fprintf(out, ", per client %.0f bytes anonymous, %.0f bytes RSS",
                per_client(usage->joined.anonymous_bytes, usage->before.anonymous_bytes, clients),
                per_client(usage->joined.rss_bytes, usage->before.rss_bytes, clients));
    fprintf(out, "\n");
}

void bench_report_table(const struct bench_report *report, FILE *out)
{
    size_t clients = report->options->route.rooms.clients;

    fprintf(out, "run         %s\n", report->options->label);
    if (clients > 0)
        fprintf(out, "clients     %zu of %zu joined in %.2f s, %.0f/s\n", report->swarm.joined, clients,
                report->connect_seconds, share_of((double)report->swarm.joined, report->connect_seconds));
    table_push(report, out);
    if (clients > 0)
        table_delivery(report, out);
    for (size_t i = 0; i < report->options->process_count; i++)
        table_process(report, i, out);
}

static void json_histogram(const char *name, const struct histogram *histogram, FILE *out)
{
    fprintf(out, "  \"%s\": {", name);
    for (size_t i = 0; i < MARK_COUNT; i++)
        fprintf(out, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", MARKS[i].name,
                histogram != NULL ? histogram_at(histogram, MARKS[i].share) : 0);
    fprintf(out, "},\n");
}

static void json_process(const struct bench_report *report, size_t i, FILE *out)
{
    const struct bench_usage *usage = &report->usage[i];
    size_t clients = report->options->route.rooms.clients;

    fprintf(out,
            "    \"%s\": {\"cpu_us_per_frame\": %.4f, \"cpu_us_per_push\": %.4f, \"cpu_seconds\": %.6f, "
            "\"anonymous_bytes\": %" PRIu64 ", \"rss_bytes\": %" PRIu64 ", \"peak_bytes\": %" PRIu64
            ", \"anonymous_per_client\": %.1f, \"rss_per_client\": %.1f}%s\n",
            report->options->processes[i].name, frame_cpu_us(report, i), push_cpu_us(report, i),
            (double)usage->cpu_ns / 1e9, usage->joined.anonymous_bytes, usage->joined.rss_bytes,
            usage->peak_bytes,
            per_client(usage->joined.anonymous_bytes, usage->before.anonymous_bytes, clients),
            per_client(usage->joined.rss_bytes, usage->before.rss_bytes, clients),
            i + 1 < report->options->process_count ? "," : "");
}

static void json_delivery(const struct bench_report *report, FILE *out)
{
    const struct tally_result *tally = &report->tally;

    fprintf(out,
            "  \"delivery\": {\"frames\": %" PRIu64 ", \"items\": %" PRIu64 ", \"lost\": %" PRIu64
            ", \"duplicates\": %" PRIu64 ", \"out_of_order\": %" PRIu64 ", \"unaccepted\": %" PRIu64
            ", \"disagreeing\": %" PRIu64 ", \"foreign\": %" PRIu64 ", \"strange\": %" PRIu64
            ", \"closed\": %zu, \"drain_seconds\": %.4f},\n",
            report->swarm.frames, tally->items, tally->lost, tally->duplicates, tally->out_of_order,
            tally->unaccepted, tally->disagreeing, report->swarm.foreign, report->swarm.strange,
            report->swarm.gone, report->drain_seconds);
}

void bench_report_json(const struct bench_report *report, FILE *out)
{
    const struct bench_options *options = report->options;
    const struct pusher_result *push = &report->push;

    fprintf(out, "{\n  \"label\": \"%s\", \"clean\": %s,\n", options->label,
            bench_report_clean(report) ? "true" : "false");
    fprintf(out,
            "  \"clients\": %zu, \"rooms\": %zu, \"callers\": %zu, \"item_bytes\": %zu, \"rate\": %g, "
            "\"seconds\": %g,\n",
            options->route.rooms.clients, options->route.rooms.count, options->callers, options->item_bytes,
            options->rate, options->seconds);
    fprintf(out, "  \"connect\": {\"joined\": %zu, \"seconds\": %.4f, \"per_second\": %.1f},\n",
            report->swarm.joined, report->connect_seconds,
            share_of((double)report->swarm.joined, report->connect_seconds));
    fprintf(out,
            "  \"push\": {\"sent\": %zu, \"accepted\": %zu, \"refused\": %zu, \"failed\": %zu, \"seconds\": "
            "%.4f, "
            "\"per_second\": %.1f},\n",
            push->pushes, push->accepted, push->refused, push->failed, push->seconds,
            share_of((double)push->accepted, push->seconds));
    json_histogram("answer_us", push->answer, out);
    json_histogram("latency_us", report->latency, out);
    json_histogram("last_latency_us", report->last_latency, out);
    json_delivery(report, out);
    fprintf(out, "  \"bench_cpu_seconds\": %.6f,\n  \"processes\": {\n", (double)report->own_cpu_ns / 1e9);
    for (size_t i = 0; i < options->process_count; i++)
        json_process(report, i, out);
    fprintf(out, "  }\n}\n");
}
