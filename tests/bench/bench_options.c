/* SPDX-License-Identifier: Apache-2.0 */
/* A table of options, each with a setter that says whether it likes the value, and one of
 * switches. */
#include "tests/bench/bench_options.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/item.h"

typedef bool option_setter(struct bench_options *options, const char *value);

struct option_row {
    const char *name;
    option_setter *set;
    const char *help;
};

static bool read_address(const char *text, struct sockaddr_in *out)
{
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN];
    long port;

    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    port = strtol(colon + 1, NULL, 10);
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return port > 0 && port < 65536 && inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static bool read_number(const char *text, double low, double high, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= low && *out <= high;
}

static bool read_size(const char *text, size_t low, size_t high, size_t *out)
{
    double number;
    bool fits = read_number(text, (double)low, (double)high, &number);

    *out = fits ? (size_t)number : 0;
    return fits;
}

static bool set_ws(struct bench_options *options, const char *value)
{
    options->has_ws = true;
    return read_address(value, &options->ws);
}

static bool set_push(struct bench_options *options, enum push_way way, const char *value)
{
    options->has_push = true;
    options->route.way = way;
    return read_address(value, &options->push);
}

static bool set_http(struct bench_options *options, const char *value)
{
    return set_push(options, PUSH_HTTP, value);
}

static bool set_datagram(struct bench_options *options, const char *value)
{
    return set_push(options, PUSH_DATAGRAM, value);
}

static bool set_nchan(struct bench_options *options, const char *value)
{
    options->has_ws = true;
    options->style = SWARM_NCHAN;
    return read_address(value, &options->ws) && set_push(options, PUSH_NCHAN, value);
}

static bool set_clients(struct bench_options *options, const char *value)
{
    return read_size(value, 0, BENCH_MAX_CLIENTS, &options->route.rooms.clients);
}

static bool set_callers(struct bench_options *options, const char *value)
{
    return read_size(value, 1, 1024, &options->callers);
}

static bool set_item_bytes(struct bench_options *options, const char *value)
{
    return read_size(value, ITEM_MIN_BYTES, ITEM_MAX_BYTES, &options->item_bytes);
}

static bool set_rate(struct bench_options *options, const char *value)
{
    return read_number(value, 0, 1e6, &options->rate);
}

static bool set_seconds(struct bench_options *options, const char *value)
{
    return read_number(value, 0, 86400, &options->seconds);
}

static bool set_settle(struct bench_options *options, const char *value)
{
    size_t ms;
    bool fits = read_size(value, 0, 60000, &ms);

    options->settle_ms = (int)ms;
    return fits;
}

static bool set_first_caller(struct bench_options *options, const char *value)
{
    return read_size(value, 0, 60000, &options->first_caller);
}

static bool set_under_way(struct bench_options *options, const char *value)
{
    return read_size(value, 1, BENCH_MAX_CLIENTS, &options->under_way);
}

static bool set_rooms(struct bench_options *options, const char *value)
{
    return read_size(value, 1, ROOMS_MAX, &options->route.rooms.count);
}

static bool set_room(struct bench_options *options, const char *value)
{
    options->route.rooms.name = value;
    return strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(value) && strlen(value) - 1 < 128;
}

static bool set_with(struct bench_options *options, const char *value)
{
    options->route.members = value;
    return strlen(value) <= ROUTE_MEMBERS_MAX;
}

static bool set_process(struct bench_options *options, const char *value)
{
    struct bench_process *process = &options->processes[options->process_count];
    const char *equals = strchr(value, '=');

    if (options->process_count == BENCH_MAX_PROCESSES || equals == NULL ||
        (size_t)(equals - value) >= sizeof process->name)
        return false;
    snprintf(process->name, sizeof process->name, "%.*s", (int)(equals - value), value);
    process->pid = atoi(equals + 1);
    options->process_count++;
    return process->pid > 0;
}

static bool set_label(struct bench_options *options, const char *value)
{
    options->label = value;
    return strpbrk(value, "\"\\\n") == NULL;
}

static bool set_json(struct bench_options *options, const char *value)
{
    options->json = value;
    return true;
}

static const struct option_row TABLE[] = {
    {"--ws", set_ws, "HOST:PORT where the clients connect (numbers only)"},
    {"--http", set_http, "HOST:PORT of a logic: push through its HTTP API"},
    {"--datagram", set_datagram, "HOST:PORT of a bare_loop: push as UDP datagrams"},
    {"--nchan", set_nchan, "HOST:PORT of nginx with nchan: /sub?id=ROOM and /pub?id=ROOM"},
    {"--clients", set_clients, "WebSocket clients (default 1000)"},
    {"--rooms", set_rooms, "rooms, pushed to in turn, all with as many clients (default 1)"},
    {"--under-way", set_under_way, "connections on their way at a time (default 128)"},
    {"--callers", set_callers, "keep-alive callers that push (default 1)"},
    {"--first-caller", set_first_caller, "number of the first one: two benches at one server differ in it"},
    {"--item-bytes", set_item_bytes, "length of an item, 48 to 32768 (default 200)"},
    {"--rate", set_rate, "pushes per second; 0: as fast as the answers come (default 10)"},
    {"--seconds", set_seconds, "how long to push (default 5)"},
    {"--settle", set_settle, "milliseconds of quiet before memory is read (default 500)"},
    {"--room", set_room, "the room's name, or how all rooms' names begin (default bench)"},
    {"--with", set_with,
     "push JSON with these members behind the items, % being the push's number; \"\": none"},
    {"--process", set_process, "NAME=PID to measure; may be repeated; the first holds the clients"},
    {"--label", set_label, "a name for this run in the report"},
    {"--json", set_json, "write the report as JSON to this file (- for stdout)"},
};

struct switch_row {
    const char *name;
    size_t offset; /* of the bool in struct bench_options */
    const char *help;
};

static const struct switch_row SWITCHES[] = {
    {"--all", offsetof(struct bench_options, route.to_all), "push to everyone, not to the room"},
    {"--wait", offsetof(struct bench_options, route.wait), "push with wait=1"},
    {"--join-in-url", offsetof(struct bench_options, join_in_url),
     "clients name their room in the handshake"},
    {"--from-sent", offsetof(struct bench_options, from_sent),
     "latency from the moment a push is sent, not from when it was due"},
    {"--hold", offsetof(struct bench_options, hold), "when done, keep the clients until stdin ends"},
    {"--announce", offsetof(struct bench_options, announce),
     "say msg=pushing and msg=done on stderr (SIGTERM ends the pushing early)"},
    {"--quiet", offsetof(struct bench_options, quiet), "no progress line and no table"},
};

static const struct option_row *row_of(const char *name)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (strcmp(TABLE[i].name, name) == 0)
            return &TABLE[i];
    return NULL;
}

static bool set_switch(struct bench_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++)
        if (strcmp(SWITCHES[i].name, name) == 0) {
            *(bool *)((char *)options + SWITCHES[i].offset) = true;
            return true;
        }
    return false;
}

static int help(void)
{
    puts("fanfare-bench: WebSocket clients and callers that count what arrives\n");
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        printf("  %-14s %s\n", TABLE[i].name, TABLE[i].help);
    for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++)
        printf("  %-14s %s\n", SWITCHES[i].name, SWITCHES[i].help);
    puts("\nExit status: 0 all arrived once and in order, 1 not so, 2 it could not be tried.");
    return 0;
}

static int fault(const char *what, const char *value)
{
    fprintf(stderr, "fanfare-bench: %s %s (see --help)\n", what, value);
    return 2;
}

static int check(const struct bench_options *options)
{
    const struct rooms *rooms = &options->route.rooms;

    if (rooms->clients > 0 && !options->has_ws)
        return fault("missing option", "--ws");
    if (options->seconds > 0 && !options->has_push)
        return fault("missing option", "--http, --nchan or --datagram");
    if (options->route.way == PUSH_DATAGRAM && options->rate <= 0)
        return fault("--datagram needs a", "--rate above 0");
    if ((options->route.to_all || options->route.wait || options->route.members != NULL) &&
        options->route.way != PUSH_HTTP)
        return fault("--all, --wait and --with need", "--http");
    if (options->route.to_all && rooms->count > 1)
        return fault("--all is one stream:", "--rooms must be 1");
    if (!rooms_even(rooms) || rooms_per_client(rooms) > SWARM_CLIENT_ROOMS_MAX)
        return fault("one must be a multiple of the other, at most 32 times:", "--rooms and --clients");
    if ((options->style == SWARM_NCHAN || options->join_in_url) && rooms_per_client(rooms) > 1)
        return fault("a room in the URL is one room: --clients must not be below", "--rooms");
    return -1;
}

int bench_options_read(struct bench_options *options, int argc, char **argv)
{
    *options = (struct bench_options){.label = "run",
                                      .route.rooms = {.name = "bench", .count = 1, .clients = 1000},
                                      .callers = 1,
                                      .under_way = 128,
                                      .item_bytes = 200,
                                      .rate = 10,
                                      .seconds = 5,
                                      .settle_ms = 500};
    for (int i = 1; i < argc; i++) {
        const struct option_row *row = row_of(argv[i]);

        if (strcmp(argv[i], "--help") == 0)
            return help();
        if (set_switch(options, argv[i]))
            continue;
        if (row == NULL)
            return fault("unknown option", argv[i]);
        if (++i == argc || !row->set(options, argv[i]))
            return fault("bad or missing value for", row->name);
    }
    if (options->join_in_url && options->style == SWARM_FANFARE)
        options->style = SWARM_FANFARE_URL;
    return check(options);
}
