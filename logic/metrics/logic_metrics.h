/* SPDX-License-Identifier: Apache-2.0 */
/* Every metric of the logic: X(row, name, labels, type, help). The documentation and the
 * tests walk the same table. At rest:
 *   pushes_received = pushes_accepted + pushes_refused{*} + pushes_repeated        (the API)
 *   bus_pushes_accepted = bus_pushes_published + bus_pushes_dropped{*}             (the bus)
 *   link_pushes_accepted = link_pushes_acked + link_pushes_dropped{*}              (all links)
 * and while work is under way the gauge link_pushes_queued holds the difference. Items count
 * alike; a refused request whose items were never counted out adds no items. A push counts as
 * accepted once per known gateway. */
#ifndef FANFARE_LOGIC_METRICS_LOGIC_METRICS_H
#define FANFARE_LOGIC_METRICS_LOGIC_METRICS_H

#include "shared/base/status.h"
#include "shared/log/metrics.h"

#define L "fanfare_logic_"
/* clang-format off */
#define LOGIC_METRICS(X)                                                                                        \
    X(LM_PUSHES_RECEIVED, L "pushes_received_total", "", COUNTER, "Pushes that callers sent")                   \
    X(LM_PUSHES_ACCEPTED, L "pushes_accepted_total", "", COUNTER, "Pushes that at least one link's queue took") \
    X(LM_PUSHES_REFUSED_INVALID, L "pushes_refused_total", "reason=\"invalid\"", COUNTER, "Pushes answered with an error and queued nowhere") \
    X(LM_PUSHES_REFUSED_FULL, L "pushes_refused_total", "reason=\"queue_full\"", COUNTER, "")                   \
    X(LM_PUSHES_REFUSED_NO_GATEWAY, L "pushes_refused_total", "reason=\"no_gateway\"", COUNTER, "")             \
    X(LM_PUSHES_REFUSED_MEMORY, L "pushes_refused_total", "reason=\"no_memory\"", COUNTER, "")                  \
    X(LM_PUSHES_REFUSED_LIMITS, L "pushes_refused_total", "reason=\"gateway_limits\"", COUNTER, "")             \
    X(LM_PUSHES_REFUSED_FORBIDDEN, L "pushes_refused_total", "reason=\"forbidden\"", COUNTER, "")               \
    X(LM_PUSHES_REFUSED_RATE, L "pushes_refused_total", "reason=\"rate_limited\"", COUNTER, "")                 \
    X(LM_PUSHES_REFUSED_CONFLICT, L "pushes_refused_total", "reason=\"idempotency_conflict\"", COUNTER, "")      \
    X(LM_PUSHES_REFUSED_BANS, L "pushes_refused_total", "reason=\"too_many_bans\"", COUNTER, "")               \
    X(LM_PUSHES_REFUSED_IN_PROGRESS, L "pushes_refused_total", "reason=\"in_progress\"", COUNTER, "")           \
    X(LM_PUSHES_REPEATED, L "pushes_repeated_total", "", COUNTER, "Pushes whose idempotency key was known, answered as their first one and queued nowhere") \
    X(LM_IDEMPOTENCY_UNCHECKED, L "idempotency_unchecked_total", "", COUNTER, "Pushes with an idempotency key that the other logics do not know of, since Redis did not answer") \
    X(LM_IDEMPOTENCY_ENTRIES, L "idempotency_entries", "", GAUGE, "Idempotency keys that are remembered, or whose push is under way") \
    X(LM_IDEMPOTENCY_BYTES, L "idempotency_bytes", "", GAUGE, "Bytes of these and of their answers")             \
    X(LM_IDEMPOTENCY_EVICTED, L "idempotency_evicted_total", "", COUNTER, "Answers that were forgotten before their five minutes were over, for want of room") \
    X(LM_CALLER_PUSHES, L "caller_pushes_total", "caller", NAMED, "Accepted pushes by the name of their caller's token") \
    X(LM_CALLER_REFUSED_FORBIDDEN, L "caller_refused_total", "caller,reason=\"forbidden\"", NAMED, "Pushes and other calls that were refused, by caller: no right to it, too many a second, or not well-formed") \
    X(LM_CALLER_REFUSED_RATE, L "caller_refused_total", "caller,reason=\"rate_limited\"", NAMED, "")            \
    X(LM_CALLER_REFUSED_INVALID, L "caller_refused_total", "caller,reason=\"invalid\"", NAMED, "")              \
    X(LM_ITEMS_RECEIVED, L "items_received_total", "", COUNTER, "Items of well-formed pushes")                  \
    X(LM_ITEMS_ACCEPTED, L "items_accepted_total", "", COUNTER, "Items that at least one link's queue took")    \
    X(LM_ITEMS_REFUSED_FULL, L "items_refused_total", "reason=\"queue_full\"", COUNTER, "Items of refused pushes") \
    X(LM_ITEMS_REFUSED_NO_GATEWAY, L "items_refused_total", "reason=\"no_gateway\"", COUNTER, "")               \
    X(LM_ITEMS_REFUSED_MEMORY, L "items_refused_total", "reason=\"no_memory\"", COUNTER, "")                    \
    X(LM_ITEMS_REFUSED_LIMITS, L "items_refused_total", "reason=\"gateway_limits\"", COUNTER, "")               \
    X(LM_PUSHES_TO_ALL, L "pushes_by_target_total", "target=\"all\"", COUNTER, "Accepted pushes, by whom they are for") \
    X(LM_PUSHES_TO_ROOMS, L "pushes_by_target_total", "target=\"room\"", COUNTER, "")                           \
    X(LM_PUSHES_TO_USERS, L "pushes_by_target_total", "target=\"user\"", COUNTER, "")                           \
    X(LM_PUSHES_TO_CONNECTIONS, L "pushes_by_target_total", "target=\"connection\"", COUNTER, "")               \
    X(LM_COMMANDS, L "commands_accepted_total", "", COUNTER, "Accepted pushes that are commands: kicks, joins and leaves") \
    X(LM_USERS_OFFLINE, L "users_offline_total", "", COUNTER, "Users without any connection, as pushes whose caller waited found them") \
    X(LM_WAITS, L "waits", "", GAUGE, "Pushes whose caller waits for the gateways")                             \
    X(LM_WAIT_TIMEOUTS, L "wait_timeouts_total", "", COUNTER, "Waits answered 504")                             \
    X(LM_GATEWAYS_STATIC, L "gateways", "source=\"static\"", GAUGE, "Gateways known, by where they came from")     \
    X(LM_GATEWAYS_DNS, L "gateways", "source=\"dns\"", GAUGE, "")                                               \
    X(LM_GATEWAYS_REDIS, L "gateways", "source=\"redis\"", GAUGE, "")                                           \
    X(LM_GATEWAYS_REFUSED, L "gateways_refused_total", "", COUNTER, "Times that a gateway was refused because 1,024 were linked") \
    X(LM_DNS_LOOKUPS_OK, L "dns_lookups_total", "result=\"ok\"", COUNTER, "Look-ups of discovery.name, A and AAAA together") \
    X(LM_DNS_LOOKUPS_FAILED, L "dns_lookups_total", "result=\"failed\"", COUNTER, "")                           \
    X(LM_LINKS_UP, L "links", "state=\"up\"", GAUGE, "Links to gateways by state")                              \
    X(LM_LINKS_CONNECTING, L "links", "state=\"connecting\"", GAUGE, "")                                        \
    X(LM_LINKS_WAITING, L "links", "state=\"waiting\"", GAUGE, "")                                              \
    X(LM_LINK_RECONNECTS, L "link_reconnects_total", "", COUNTER, "Connections to gateways that broke or failed and were begun anew") \
    X(LM_LINK_FLOODS, L "link_floods_total", "", COUNTER, "Connections to gateways closed because the gateway flooded them with useless frames") \
    X(LM_BANS, L "bans", "", GAUGE, "Users that are kept out")                                                  \
    X(LM_BANS_DROPPED_FULL, L "bans_dropped_total", "reason=\"full\"", COUNTER, "Bans that this logic was told of and does not keep") \
    X(LM_BANS_DROPPED_CLOCK, L "bans_dropped_total", "reason=\"clock\"", COUNTER, "")                           \
    X(LM_BANS_DROPPED_MEMORY, L "bans_dropped_total", "reason=\"no_memory\"", COUNTER, "")                      \
    X(LM_BAN_EXCHANGES_OK, L "ban_exchanges_total", "result=\"ok\"", COUNTER, "Exchanges of bans with a gateway") \
    X(LM_BAN_EXCHANGES_FAILED, L "ban_exchanges_total", "result=\"failed\"", COUNTER, "")                       \
    X(LM_LINK_BATCHES, L "link_batches_total", "", COUNTER, "Batches sent, repetitions included")               \
    X(LM_LINK_FORM_CALLS, L "link_form_calls_total", "", COUNTER, "Calls in go-push's form, repetitions included") \
    X(LM_RPC_SECONDS, L "rpc_seconds", "", HISTOGRAM, "Time from sending a batch, or a call in go-push's form, to the gateway's answer") \
    X(LM_RPC_BATCH_PUSHES, L "rpc_batch_pushes", "", SIZES, "Pushes of a batch sent, repetitions included")        \
    X(LM_LINK_RPC_ERRORS, L "link_rpc_errors_total", "", COUNTER, "Gateway answers other than 200, or not understood") \
    X(LM_LINK_DUPLICATES, L "link_duplicates_total", "", COUNTER, "Pushes that a gateway had applied before and only acknowledged") \
    X(LM_LINK_PUSHES_ACCEPTED, L "link_pushes_accepted_total", "", COUNTER, "Accepted pushes, once per known gateway") \
    X(LM_LINK_PUSHES_ACKED, L "link_pushes_acked_total", "", COUNTER, "Pushes that a gateway has answered for") \
    X(LM_LINK_PUSHES_EXPIRED, L "link_pushes_dropped_total", "reason=\"expired\"", COUNTER, "Pushes that a gateway did not get") \
    X(LM_LINK_PUSHES_DOWN, L "link_pushes_dropped_total", "reason=\"down\"", COUNTER, "")                       \
    X(LM_LINK_PUSHES_REFUSED, L "link_pushes_dropped_total", "reason=\"refused\"", COUNTER, "")                 \
    X(LM_LINK_PUSHES_GONE, L "link_pushes_dropped_total", "reason=\"gone\"", COUNTER, "")                      \
    X(LM_LINK_PUSHES_SHUTDOWN, L "link_pushes_dropped_total", "reason=\"shutdown\"", COUNTER, "")               \
    X(LM_LINK_ITEMS_ACCEPTED, L "link_items_accepted_total", "", COUNTER, "Accepted items, once per known gateway") \
    X(LM_LINK_ITEMS_ACKED, L "link_items_acked_total", "", COUNTER, "Items that a gateway has answered for")    \
    X(LM_LINK_ITEMS_EXPIRED, L "link_items_dropped_total", "reason=\"expired\"", COUNTER, "Items that a gateway did not get") \
    X(LM_LINK_ITEMS_DOWN, L "link_items_dropped_total", "reason=\"down\"", COUNTER, "")                         \
    X(LM_LINK_ITEMS_REFUSED, L "link_items_dropped_total", "reason=\"refused\"", COUNTER, "")                   \
    X(LM_LINK_ITEMS_GONE, L "link_items_dropped_total", "reason=\"gone\"", COUNTER, "")                        \
    X(LM_LINK_ITEMS_SHUTDOWN, L "link_items_dropped_total", "reason=\"shutdown\"", COUNTER, "")                 \
    X(LM_LINK_PUSHES_QUEUED, L "link_pushes_queued", "", GAUGE, "Pushes in the links' queues, the batches under way included") \
    X(LM_LINK_ITEMS_QUEUED, L "link_items_queued", "", GAUGE, "Items in the links' queues")                     \
    X(LM_LINK_BYTES_QUEUED, L "link_bytes_queued", "", GAUGE, "Bytes in the links' queues; a push counts in each") \
    X(LM_REGISTRY_READINGS, L "registry_readings_total", "", COUNTER, "Whole readings of the registry")         \
    X(LM_REGISTRY_FAILURES, L "registry_failures_total", "", COUNTER, "Readings of the registry that were not completed") \
    X(LM_REGISTRY_NEWS, L "registry_news_total", "", COUNTER, "Messages on the registry's channel")              \
    X(LM_REGISTRY_NOISE, L "registry_noise_total", "", COUNTER, "Values and messages of the registry that are no valid entry") \
    X(LM_REDIS_UP_REGISTRY, L "redis_up", "what=\"registry\"", GAUGE, "1 while the connection to Redis is up")   \
    X(LM_REDIS_UP_NEWS, L "redis_up", "what=\"news\"", GAUGE, "")                                              \
    X(LM_REDIS_UP_BUS, L "redis_up", "what=\"bus\"", GAUGE, "")                                                \
    X(LM_REDIS_UP_STATE, L "redis_up", "what=\"state\"", GAUGE, "")                                            \
    X(LM_REDIS_RECONNECTS_REGISTRY, L "redis_reconnects_total", "what=\"registry\"", COUNTER, "Connections to Redis that broke or failed and were begun anew") \
    X(LM_REDIS_RECONNECTS_NEWS, L "redis_reconnects_total", "what=\"news\"", COUNTER, "")                      \
    X(LM_REDIS_RECONNECTS_BUS, L "redis_reconnects_total", "what=\"bus\"", COUNTER, "")                        \
    X(LM_REDIS_RECONNECTS_STATE, L "redis_reconnects_total", "what=\"state\"", COUNTER, "")                    \
    X(LM_BUS_PUSHES_ACCEPTED, L "bus_pushes_accepted_total", "", COUNTER, "Accepted pushes, once for the bus when it is on") \
    X(LM_BUS_PUSHES_PUBLISHED, L "bus_pushes_published_total", "", COUNTER, "Pushes that Redis has taken")        \
    X(LM_BUS_PUSHES_EXPIRED, L "bus_pushes_dropped_total", "reason=\"expired\"", COUNTER, "Pushes that were not published") \
    X(LM_BUS_PUSHES_DOWN, L "bus_pushes_dropped_total", "reason=\"down\"", COUNTER, "")                        \
    X(LM_BUS_PUSHES_REFUSED, L "bus_pushes_dropped_total", "reason=\"refused\"", COUNTER, "")                  \
    X(LM_BUS_PUSHES_FULL, L "bus_pushes_dropped_total", "reason=\"queue_full\"", COUNTER, "")                  \
    X(LM_BUS_PUSHES_SHUTDOWN, L "bus_pushes_dropped_total", "reason=\"shutdown\"", COUNTER, "")                \
    X(LM_BUS_PUSHES_QUEUED, L "bus_pushes_queued", "", GAUGE, "Pushes that wait to be published")               \
    X(LM_BUS_BYTES_QUEUED, L "bus_bytes_queued", "", GAUGE, "Bytes of pushes that wait to be published")                                \
    X(LM_BUS_BATCHES, L "bus_batches_total", "", COUNTER, "Messages published, repetitions included")           \
    X(LM_BUS_RECEIVERS, L "bus_receivers", "", GAUGE, "Subscribers that the last message reached")              \
    X(LM_CANARY_ARRIVED, L "canaries_total", "result=\"arrived\"", COUNTER, "Canaries: pushes to the gateways' own clients") \
    X(LM_CANARY_FAILED, L "canaries_total", "result=\"failed\"", COUNTER, "")                                 \
    X(LM_CANARY_SECONDS, L "canary_seconds", "", HISTOGRAM, "Time of a canary through a gateway and back")     \
    X(LM_QUERIES, L "queries", "", GAUGE, "Queries of callers under way")                                      \
    X(LM_QUERIES_ASKED, L "queries_total", "", COUNTER, "Queries of callers that gateways were asked")          \
    X(LM_QUERIES_REFUSED, L "queries_refused_total", "", COUNTER, "Queries refused because 32 were under way")  \
    X(LM_QUERY_QUESTIONS, L "query_questions_total", "", COUNTER, "Questions to gateways, one a query and gateway") \
    X(LM_QUERY_ANSWERS_TAKEN, L "query_answers_total", "result=\"answered\"", COUNTER, "What came of questions to gateways") \
    X(LM_QUERY_ANSWERS_LATE, L "query_answers_total", "result=\"late\"", COUNTER, "")                           \
    X(LM_QUERY_ANSWERS_FAILED, L "query_answers_total", "result=\"failed\"", COUNTER, "")                       \
    X(LM_QUERY_SECONDS, L "query_seconds", "", HISTOGRAM, "Time from asking the gateways to the last answer, or the time-out") \
    X(LM_HTTP_2XX, L "http_answers_total", "class=\"2xx\"", COUNTER, "Answers of the API by class")              \
    X(LM_HTTP_4XX, L "http_answers_total", "class=\"4xx\"", COUNTER, "")                                        \
    X(LM_HTTP_5XX, L "http_answers_total", "class=\"5xx\"", COUNTER, "")                                        \
    X(LM_ACCEPT_FAILURES, L "accept_failures_total", "", COUNTER, "Times that accept() failed for want of descriptors or memory; accepting then pauses for 100 ms") \
    X(LM_CONNECTIONS_EVICTED, L "connections_evicted_total", "", COUNTER, "Silent connections of callers closed for a newcomer because maxConnections were open") \
    X(LM_HTTP_REFUSED_FULL, L "http_refused_total", "reason=\"max_connections\"", COUNTER, "Requests and connections answered 503, by what was full") \
    X(LM_HTTP_REFUSED_INFLIGHT, L "http_refused_total", "reason=\"inflight_bytes\"", COUNTER, "") \
    X(LM_HTTP_INFLIGHT, L "http_inflight_bytes", "", GAUGE, "Bytes of bodies that are being received, or whose request is not answered yet") \
    X(LM_HTTP_UNAUTHORIZED, L "http_unauthorized_total", "", COUNTER, "Calls answered 401: no token, or not a valid one") \
    X(LM_HTTP_FORBIDDEN, L "http_forbidden_total", "", COUNTER, "Calls answered 403 because their caller's token lacks a right") \
    X(LM_TLS_FAILURES, L "tls_failures_total", "", COUNTER, "TLS handshakes of callers that failed or took too long, and plain HTTP in their place") \
    X(LM_RELOADS_OK, L "reloads_total", "result=\"ok\"", COUNTER, "SIGHUPs, by whether the settings were taken over") \
    X(LM_RELOADS_FAILED, L "reloads_total", "result=\"failed\"", COUNTER, "")                                   \
    X(LM_CERTIFICATE_EXPIRY_RPC, L "certificate_expiry_timestamp_seconds", "what=\"rpc\"", GAUGE, "When the certificate that new links and callers see ends, in seconds since 1970; 0 without one") \
    X(LM_CERTIFICATE_EXPIRY_API, L "certificate_expiry_timestamp_seconds", "what=\"api\"", GAUGE, "") \
    X(LM_CERTIFICATES_RELOADED, L "certificates_reloaded_total", "", COUNTER, "Times that the files of rpc.cert, rpc.key and rpc.ca, or of api.cert and api.key, were read anew and taken over") \
    X(LM_LOG_LINES_DROPPED, L "log_lines_dropped_total", "", COUNTER, "Log lines that stderr had no room for, or refused") \
    X(LM_DRAINING, L "draining", "", GAUGE, "1 while the daemon shuts down")
/* clang-format on */

#define LOGIC_METRIC_ROW(row, name, labels, type, help) row,
enum logic_metric { LOGIC_METRICS(LOGIC_METRIC_ROW) LOGIC_METRIC_COUNT };
#undef LOGIC_METRIC_ROW

/* Why a push was not published; each has a row of bus_pushes_dropped_total. */
enum bus_drop { BUS_DROP_EXPIRED, BUS_DROP_DOWN, BUS_DROP_REFUSED, BUS_DROP_FULL, BUS_DROP_SHUTDOWN };

/* Why a push was dropped; each has a row of link_pushes_dropped_total and of link_items_dropped_total. */
enum link_drop { LINK_DROP_EXPIRED, LINK_DROP_DOWN, LINK_DROP_REFUSED, LINK_DROP_GONE, LINK_DROP_SHUTDOWN };

/* Counts an answer of the API in its class. The loop's thread. */
void logic_metrics_count_answer(int http_status);
/* Counts a ban that was not taken, by what ban_list_merge said; STATUS_OK counts nothing. The loop's thread.
 */
void logic_metrics_count_ban(enum status status);
/* Hands the table to metrics_setup. Call once, before anything counts. */
void logic_metrics_setup(void);

#endif
