# SPDX-License-Identifier: Apache-2.0
"""Every panel of the dashboard, row by row; make-dashboard lays them out.

In an expression `@` stands for the chosen jobs and instances and `[~]` for the range of a rate.
"""

G, L = "fanfare_gateway_", "fanfare_logic_"


def rate(name, *by):
    """Events a second, summed but for these labels."""
    return f"sum by ({', '.join(by)}) (rate({name}@[~]))" if by else f"sum(rate({name}@[~]))"


def total(name, *by):
    return f"sum by ({', '.join(by)}) ({name}@)" if by else f"sum({name}@)"


def quantile(q, name, *by):
    return f"histogram_quantile({q}, sum by ({', '.join(('le', *by))}) (rate({name}_bucket@[~])))"


def quantiles(name):
    return [(quantile(q, name), legend) for q, legend in ((0.5, "half within"), (0.9, "90 %"), (0.99, "99 %"))]


def average(name):
    return f"sum(rate({name}_sum@[~])) / sum(rate({name}_count@[~]))"


def graph(title, unit, description, *queries, size=(8, 8), **more):
    return {"kind": "timeseries", "title": title, "unit": unit, "description": description, "queries": queries, "size": size, **more}


def stat(title, unit, description, *queries, size=(4, 4), **more):
    return {**graph(title, unit, description, *queries, size=size, **more), "kind": "stat"}


def table(title, description, *queries, size=(8, 8)):
    return {**graph(title, "none", description, *queries, size=size), "kind": "table"}


# Everything that did not reach somebody, stage by stage along a push's way.
DROPS = [
    (rate(L + "pushes_refused_total", "reason"), "logic refused: {{reason}}"),
    (rate(L + "link_pushes_dropped_total", "reason"), "link: {{reason}}"),
    (rate(L + "bus_pushes_dropped_total", "reason"), "bus: {{reason}}"),
    (rate(G + "bus_gap_pushes_total"), "gateway: gap on the bus"),
    (rate(G + "bus_dropped_total"), "gateway: behind a gap"),
    (rate(G + "items_dropped_total", "reason"), "gateway items: {{reason}}"),
    (rate(G + "frames_dropped_total", "reason"), "client's frames: {{reason}}"),
]

OVERVIEW = [
    stat("Daemons", "none", "Gateways and logics that Prometheus reads.",
         (f"count({G}draining@)", "gateways"), (f"count({L}draining@)", "logics")),
    stat("Clients", "short", "WebSocket clients connected now.", (total(G + "clients"), "")),
    stat("Pushes", "ops", "Pushes a second that logic took from callers.", (rate(L + "pushes_accepted_total"), "")),
    stat("Links up", "percentunit", "Links from logics to gateways that are up. Less than all: see the row Logic.",
         (f'sum({L}links{{state="up",@}}) / sum({L}links@)', ""), colors=[(None, "red"), (1, "green")]),
    stat("Push to socket", "s", "From a push's arrival at a gateway to its clients' sockets: 99 of 100 frames are faster.",
         (quantile(0.99, G + "push_to_socket_seconds"), ""), colors=[(None, "green"), (1, "orange"), (2.5, "red")]),
    stat("Lost in the time shown", "short",
         "Pushes and items that logics, links, bus or gateways dropped. Frames of slow clients are in Delivery.",
         (f"sum(increase({L}link_pushes_dropped_total@[$__range]))", "pushes"),
         (f'sum(increase({G}items_dropped_total{{reason!="expired",@}}[$__range]))', "items"), colors=[(None, "green"), (1, "orange")]),
    graph("Clients by gateway", "short", "Even lines: the load is spread. A step down: a gateway has left, or its network.",
          (total(G + "clients", "instance"), "{{instance}}"), fill=20),
    graph("Pushes and items", "ops", "What callers sent and what logic took; the difference is refused.",
          (rate(L + "pushes_received_total"), "pushes received"), (rate(L + "pushes_accepted_total"), "pushes accepted"),
          (rate(L + "items_received_total"), "items received"), (rate(L + "items_accepted_total"), "items accepted")),
    graph("Items delivered", "ops",
          "Items sealed into frames that somebody gets (once per room and gateway), and frames that sockets took (once per client).",
          (rate(G + "items_merged_total"), "items"), (rate(G + "frames_delivered_total"), "frames")),
    graph("Drops by stage and reason", "ops",
          "All that did not arrive, along the way of a push. Flat at zero is good; docs/metrics.md has the reasons.", *DROPS,
          size=(16, 10)),
    graph("Links by state", "short", "Each logic has one link to each gateway. Connecting or waiting: that gateway gets nothing of that logic.",
          (total(L + "links", "state"), "{{state}}"), fill=20, size=(8, 10)),
]

DELIVERY = [
    graph("Push to socket", "s", "From a push's arrival at a gateway until its frame is written to the last of a thread's clients. The merge window is part of it, a slow client's queue is not.",
          *quantiles(G + "push_to_socket_seconds")),
    graph("Push to socket by gateway, 99 %", "s", "One line far above the others: that gateway or its network is slow.",
          (quantile(0.99, G + "push_to_socket_seconds", "instance"), "{{instance}}")),
    graph("Merge wait", "s", "From the first item of a batch to its sealing; at most maxMergerDelay.", *quantiles(G + "merge_wait_seconds")),
    graph("Fan-out time", "s", "From a frame's first client in a thread to its last.", *quantiles(G + "fanout_seconds")),
    graph("Items in a batch", "short", "Items merged into one frame. Near maxMergerBatchSize: batches are sealed full before their window ends.",
          (average(G + "batch_items"), "mean"), (quantile(0.99, G + "batch_items"), "99 %")),
    graph("Batches and targets", "ops", "Batches sealed, and items by what they were pushed to.",
          (rate(G + "merge_batches_total"), "batches"), (rate(G + "items_received_total"), "items received"),
          (rate(G + "items_by_target_total", "target"), "items to {{target}}"),
          (rate(G + "items_no_audience_total"), "items without an audience here")),
    graph("Frames queued", "short", "Frames that wait in clients' queues because their sockets are full; and items in merge windows.",
          (total(G + "frames_queued", "instance"), "frames {{instance}}"), (total(G + "items_merging"), "items merging")),
    graph("Frames", "ops", "Frames due to clients and frames that sockets took; the difference is queued or dropped.",
          (rate(G + "frames_addressed_total"), "addressed"), (rate(G + "frames_delivered_total"), "delivered")),
    graph("Bytes delivered", "Bps", "Bytes of delivered frames.", (rate(G + "bytes_delivered_total", "instance"), "{{instance}}"), fill=20),
    graph("Items dropped", "ops", "Items a gateway dropped before the fan-out, by reason. A fault, but for expired: their ttlMs was over.",
          (rate(G + "items_dropped_total", "reason"), "{{reason}}")),
    graph("Frames dropped", "ops", "Frames that a client did not get, by reason.",
          (rate(G + "frames_dropped_total", "reason"), "{{reason}}")),
    graph("Slow clients closed", "ops", "Clients closed with 4200: they read more slowly than they were sent to, and come back.",
          (f'sum by (instance) (rate({G}closes_total{{code="4200",@}}[~]))', "{{instance}}")),
    graph("Fan-out jobs", "short", "Jobs that wait in the buckets. Held: answers to logics are delayed until the buckets have caught up.",
          (total(G + "fanout_jobs", "instance"), "{{instance}}"), (total(G + "rpc_held"), "gateways holding answers")),
    graph("Canary in the gateway", "s", "Time from the RPC to the gateway's own client: the way of a push without the merge window.",
          *quantiles(G + "canary_seconds")),
    graph("Canaries", "ops", "Test pushes by result, and gateways of which three in a row have failed.",
          (rate(G + "canaries_total", "result"), "{{result}}"), (total(G + "canary_failing"), "gateways failing")),
]

LOGIC = [
    graph("Answers", "reqps", "Answers of the HTTP API by class.", (rate(L + "http_answers_total", "class"), "{{class}}"), fill=20),
    graph("Refused", "ops", "Pushes and their items answered with an error and queued nowhere, by reason; requests without a valid token.",
          (rate(L + "pushes_refused_total", "reason"), "pushes: {{reason}}"),
          (rate(L + "items_refused_total", "reason"), "items: {{reason}}"),
          (rate(L + "http_unauthorized_total"), "unauthorized")),
    graph("Pushes by target", "ops", "Pushes accepted by what they are for, and users that a push that waited found without any connection.",
          (rate(L + "pushes_by_target_total", "target"), "{{target}}"), (rate(L + "users_offline_total"), "users offline")),
    graph("Callers that wait", "short", "Pushes with wait=1 that are under way, and those answered 504 a second.",
          (total(L + "waits"), "waiting"), (rate(L + "wait_timeouts_total"), "timed out a second")),
    graph("RPC time", "s", "From a batch's sending to the gateway's answer.", *quantiles(L + "rpc_seconds")),
    graph("RPC time by logic, 99 %", "s", "One line above the others: that logic's machine or network.",
          (quantile(0.99, L + "rpc_seconds", "instance"), "{{instance}}")),
    graph("Pushes in a batch", "short", "Pushes sent in one RPC. It grows with the load: while one batch is under way the next one gathers.",
          (average(L + "rpc_batch_pushes"), "mean"), (quantile(0.99, L + "rpc_batch_pushes"), "99 %")),
    graph("Link queues", "short", "Pushes and items that wait for a gateway's answer, the batches under way included.",
          (total(L + "link_pushes_queued", "instance"), "pushes {{instance}}"), (total(L + "link_items_queued"), "items")),
    graph("Bytes in link queues", "bytes", "Past linkQueueBytes a link's callers get 503.",
          (total(L + "link_bytes_queued", "instance"), "{{instance}}")),
    graph("Time in the link queue", "s", "Pushes queued, divided by those answered a second. A link that is down lets go past linkQueueSeconds.",
          (f"{total(L + 'link_pushes_queued', 'instance')} / {rate(L + 'link_pushes_acked_total', 'instance')}", "{{instance}}")),
    graph("Pushes on links", "ops", "Once per gateway: accepted = answered for + dropped + queued.",
          (rate(L + "link_pushes_accepted_total"), "accepted"), (rate(L + "link_pushes_acked_total"), "acked"),
          (rate(L + "link_duplicates_total"), "only acknowledged again")),
    graph("Dropped by links", "ops", "Pushes and items that a gateway did not get, by reason.",
          (rate(L + "link_pushes_dropped_total", "reason"), "pushes: {{reason}}"),
          (rate(L + "link_items_dropped_total", "reason"), "items: {{reason}}")),
    graph("Items on links", "ops", "The same, in items.",
          (rate(L + "link_items_accepted_total"), "accepted"), (rate(L + "link_items_acked_total"), "acked")),
    graph("Links not up, by logic", "short", "Connecting, or waiting for the next attempt. GET /gateways of that logic names the gateway and its last error.",
          (f'sum by (instance, state) ({L}links{{state=~"connecting|waiting",@}})', "{{instance}} {{state}}")),
    graph("Reconnects and errors", "ops", "Links begun anew, and answers of gateways other than 200.",
          (rate(L + "link_reconnects_total", "instance"), "reconnects {{instance}}"), (rate(L + "link_rpc_errors_total"), "RPC errors"),
          (rate(G + "rpc_refused_total"), "refused by gateways"),
          (rate(G + "rpc_certificates_refused_total"), "refused by gateways: certificate"),
          (rate(G + "rpc_closes_total", "reason"), "closed by gateways: {{reason}}"),
          (rate(L + "link_floods_total"), "closed by logics: flood")),
    graph("Batches", "ops", "RPCs sent, in the native form and in go-push's, and batches that gateways applied.",
          (rate(L + "link_batches_total"), "batches sent"), (rate(L + "link_form_calls_total"), "form calls"),
          (rate(G + "rpc_batches_total"), "batches applied")),
    graph("Gateways known", "short", "By where they came from; and connections that gateways count from logics.",
          (total(L + "gateways", "source", "instance"), "{{instance}} {{source}}"), (total(G + "rpc_connections"), "RPC connections"),
          (f"sum(increase({L}gateways_refused_total@[~]))", "refused, past 1,024")),
    graph("Look-ups", "ops", "Look-ups of discovery.name by result.", (rate(L + "dns_lookups_total", "result"), "{{result}}")),
    graph("Canary through a gateway", "s", "Test pushes from logic through a gateway and back; and those that failed a second.",
          *quantiles(L + "canary_seconds"), (f'sum(rate({L}canaries_total{{result="failed",@}}[~]))', "failed a second")),
]

CONNECTIONS = [
    graph("Handshakes", "ops", "Handshakes completed. A ramp after a restart, never a spike.",
          (rate(G + "clients_opened_total", "instance"), "{{instance}}"), fill=20),
    graph("Refused", "ops", "Connections refused or closed before the handshake was complete, by reason.",
          (rate(G + "clients_refused_total", "reason"), "{{reason}}")),
    graph("Trusted proxies", "ops", "PROXY headers, connections closed for want of a good one, and requests by what X-Forwarded-For says. "
          "absent, unreadable: no address for the client.",
          (rate(G + "proxy_headers_total", "version"), "PROXY version {{version}}"),
          (rate(G + "proxy_headers_refused_total", "reason"), "PROXY refused: {{reason}}"),
          (rate(G + "forwarded_total", "result"), "X-Forwarded-For {{result}}"), (total(G + "proxy_headers_waiting"), "waiting for a header")),
    graph("Closes", "ops", "Close frames by code; 1006: lost without one. docs/protocol.md has the codes.",
          (rate(G + "closes_total", "code"), "{{code}}")),
    graph("Handshake time", "s", "From the accepted connection to the completed handshake, TLS included.",
          *quantiles(G + "handshake_seconds")),
    graph("Balance of the buckets", "percentunit", "Clients of the fullest thread, divided by the mean. 100 % is even.",
          (f"max by (instance) ({G}bucket_clients@) / avg by (instance) ({G}bucket_clients@)", "{{instance}}")),
    graph("Jobs of the busiest thread", "short", "Past bucketJobChannelSize answers to logics are held back.",
          (f"max by (instance) ({G}bucket_jobs@)", "{{instance}}")),
    graph("Messages from clients", "ops", "JOIN, LEAVE, PING and others.", (rate(G + "client_messages_total", "instance"), "{{instance}}")),
    graph("Rooms", "short", "Rooms with at least one client, by gateway.", (total(G + "rooms", "instance"), "{{instance}}")),
    graph("Users", "short", "Users with at least one connection, by gateway.", (total(G + "users", "instance"), "{{instance}}")),
    graph("Kind of socket writes", "short", "Gateways that write with io_uring and with send().", (total(G + "wire", "kind"), "{{kind}}")),
]

IDENTITY = [
    graph("Granted", "ops", "Clients that showed who they are, renewals included, by how; and rooms that they asked for and may not join.",
          (rate(G + "auth_granted_total", "source"), "{{source}}"), (rate(G + "joins_refused_total"), "joins refused")),
    graph("Refused by reason", "ops", "What clients showed and was refused; docs/metrics.md has the reasons. A step: a key has changed, or a clock.",
          (rate(G + "auth_refused_total", "reason"), "{{reason}}")),
    graph("Without a token", "short", "Clients that have yet to show who they are (at most auth.maxPending), and those closed a second since their token had ended.",
          (total(G + "auth_pending", "instance"), "pending {{instance}}"), (rate(G + "auth_expired_total"), "ended a second")),
    graph("Answers of auth.hook", "ops", "Questions to your service by what came; all but granted and refused are failures. Kept: answered without asking.",
          (rate(G + "hook_answers_total", "result"), "{{result}}"), (rate(G + "hook_cache_hits_total"), "kept"),
          (total(G + "hook_waiting"), "waiting now")),
    graph("Pushes by caller", "ops", "Accepted pushes by the name that their token has in api.tokensFile.",
          (rate(L + "caller_pushes_total", "caller"), "{{caller}}"), fill=20),
    graph("Callers refused", "ops", "Calls that a good token did not allow, by its name; and those without a valid token, without a right, without TLS.",
          (rate(L + "caller_refused_total", "caller", "reason"), "{{caller}}: {{reason}}"),
          (rate(L + "http_forbidden_total"), "forbidden, all"), (rate(L + "tls_failures_total"), "TLS failed")),
    graph("Time of auth.hook", "s", "From a question to its answer; past auth.hook.timeout the client is refused.", *quantiles(G + "hook_seconds")),
    graph("Keys fetched and read", "short", "Asked for at an issuer's URL, and files read anew, by what came; issuers that have no keys.",
          (f"sum by (result) (increase({G}key_fetches_total@[~]))", "URL: {{result}}"),
          (f"sum by (result) (increase({G}key_files_read_total@[~]))", "file: {{result}}"),
          (f"max({G}issuers_without_keys@)", "issuers without keys")),
    graph("Age of the oldest keys", "s", "Of those from a URL. It falls with each fetch: between five minutes and a day.",
          (f"max by (instance) ({G}keys_age_seconds@)", "{{instance}}")),
]

REACH = [
    graph("Not sent as asked for", "ops", "Items that a newer one of their key replaced, items and frames whose ttlMs was over. Many frames: clients are behind.",
          (rate(G + "items_conflated_total"), "items: replaced"),
          (f'sum(rate({G}items_dropped_total{{reason="expired",@}}[~]))', "items: expired"),
          (f'sum(rate({G}frames_dropped_total{{reason="expired",@}}[~]))', "frames: expired")),
    graph("Repeats", "ops", "Pushes answered as the first one with their idempotency key; those that the other logics do not know of, since Redis was away; "
          "answers forgotten early: idempotency.maxEntries or .maxBytes is too small.",
          (rate(L + "pushes_repeated_total"), "repeated"), (rate(L + "idempotency_unchecked_total"), "known to one logic"),
          (rate(L + "idempotency_evicted_total"), "forgotten early")),
    graph("Idempotency keys", "short", "Keys that are remembered, for five minutes each, or whose push is under way.",
          (total(L + "idempotency_entries", "instance"), "{{instance}}")),
    graph("Bytes of idempotency keys", "bytes", "Bytes of these and of their answers; past idempotency.maxBytes the oldest go.",
          (total(L + "idempotency_bytes", "instance"), "{{instance}}")),
    graph("Queries", "ops", "Queries of callers, those refused since 32 were under way, and questions to gateways by what came of them.",
          (rate(L + "queries_total"), "queries"), (rate(L + "queries_refused_total"), "refused"), (total(L + "queries"), "under way"),
          (rate(L + "query_questions_total"), "questions to gateways"), (rate(L + "query_answers_total", "result"), "of these {{result}}")),
    graph("Queries in gateways", "ops", "What became of the questions of logics, a second, and how many are under way (at most 16).",
          (rate(G + "queries_total", "result"), "{{result}}"), (total(G + "queries"), "under way")),
    graph("Time of a query", "s", "From asking the gateways to the last answer; past queryTimeout the answer goes without it.",
          *quantiles(L + "query_seconds")),
    graph("Kicks, joins, leaves", "ops", "Commands that logics took, those that gateways applied, and what of them was not carried out. "
          "In steps of one kick many clients wait to be closed: they are, spread over time.",
          (rate(L + "commands_accepted_total"), "accepted"), (rate(G + "commands_total", "kind"), "applied: {{kind}}"),
          (rate(G + "commands_dropped_total", "reason"), "dropped: {{reason}}"), (rate(G + "join_orders_dropped_total"), "joins for later forgotten"),
          (total(G + "kicks_waiting"), "clients to be closed")),
    graph("Users kept out", "short", "Bans that each daemon knows; equal everywhere. Refused: clients of these users, a second.",
          (total(G + "bans", "instance"), "{{instance}}"), (total(L + "bans", "instance"), "{{instance}}"),
          (f'sum(rate({G}auth_refused_total{{reason="banned",@}}[~]))', "refused")),
    graph("Bans not kept", "short", "Bans that a daemon was told of and did not take, by reason, and exchanges of bans that failed. Their users may get in.",
          (f"sum by (instance, reason) (increase({G}bans_dropped_total@[~]))", "{{instance}} {{reason}}"),
          (f"sum by (instance, reason) (increase({L}bans_dropped_total@[~]))", "{{instance}} {{reason}}"),
          (f"sum by (instance, result) (increase({L}ban_exchanges_total@[~]))", "{{instance}} exchanges: {{result}}")),
]

REDIS = [
    graph("Connections to Redis", "short", "1: up. 0 without a reconnect: not configured.",
          (total(G + "redis_up", "instance", "what"), "{{instance}} {{what}}"),
          (total(L + "redis_up", "instance", "what"), "{{instance}} {{what}}")),
    graph("Reconnects", "ops", "Connections to Redis that broke or failed.",
          (rate(G + "redis_reconnects_total", "instance", "what"), "{{instance}} {{what}}"),
          (rate(L + "redis_reconnects_total", "instance", "what"), "{{instance}} {{what}}")),
    graph("Registered", "short", "1 while a gateway's entry stands in the registry.",
          (total(G + "registered", "instance"), "{{instance}}")),
    graph("Registry", "ops", "Entries written, readings, messages; failures and noise are faults.",
          (rate(G + "registry_refreshes_total"), "refreshes"), (rate(G + "registry_failures_total"), "refused or id taken"),
          (rate(L + "registry_readings_total"), "readings"), (rate(L + "registry_failures_total"), "readings failed"),
          (rate(L + "registry_news_total"), "messages"), (rate(L + "registry_noise_total"), "noise")),
    graph("Pushes on the bus", "ops", "Accepted = published + dropped + queued.",
          (rate(L + "bus_pushes_accepted_total"), "accepted"), (rate(L + "bus_pushes_published_total"), "published"),
          (rate(L + "bus_pushes_dropped_total", "reason"), "dropped: {{reason}}"), (rate(L + "bus_batches_total"), "messages")),
    graph("Waiting for the bus", "short", "Pushes that wait to be published, and who hears the last message.",
          (total(L + "bus_pushes_queued", "instance"), "queued {{instance}}"),
          (f"min by (instance) ({L}bus_receivers@)", "receivers, by {{instance}}")),
    graph("Bytes that wait", "bytes", "On logic to be published, on gateways behind a gap.",
          (total(L + "bus_bytes_queued"), "logic"), (total(G + "bus_waiting_bytes"), "gateway, behind a gap")),
    graph("Applied by path", "ops", "Pushes by the path that brought them first, and copies that came second.",
          (rate(G + "pushes_total"), "all"), (rate(G + "pushes_applied_total", "path"), "{{path}}"),
          (rate(G + "duplicates_total", "path"), "second by {{path}}")),
    graph("Gaps", "ops", "Missing numbers of a logic, those that the other path filled, pushes that came on neither, messages refused.",
          (rate(G + "bus_gaps_total"), "gaps"), (rate(G + "bus_gap_filled_total"), "filled"),
          (rate(G + "bus_gap_pushes_total"), "pushes passed over"), (rate(G + "bus_dropped_total"), "pushes dropped behind a gap"),
          (rate(G + "bus_refused_total", "reason"), "messages refused: {{reason}}")),
    graph("Time in gaps", "s", "Mean time that a gap has waited.",
          (f"{rate(G + 'bus_gap_wait_seconds_total')} / {rate(G + 'bus_gaps_total')}", "mean")),
]

PROCESS = [
    graph("CPU", "percentunit", "100 % is one core.", ("sum by (instance) (rate(process_cpu_seconds_total@[~]))", "{{instance}}")),
    graph("Memory", "bytes", "Resident memory.", ("sum by (instance) (process_resident_memory_bytes@)", "{{instance}}")),
    graph("File descriptors", "percentunit", "Open ones against the limit; a client is one. At the limit newcomers are refused.",
          ("sum by (instance) (process_open_fds@) / sum by (instance) (process_max_fds@)", "{{instance}}"), colors=[(None, "green"), (0.8, "red")]),
    graph("Failed accepts", "ops", "Connections that had to wait since descriptors or memory were short.",
          (f"sum by (instance, what) (rate({G}accept_failures_total@[~]))", "{{instance}} {{what}}"),
          (f"sum by (instance) (rate({L}accept_failures_total@[~]))", "{{instance}} api")),
    graph("Lost log lines", "ops", "Log lines that stderr did not take: a log driver that stands still, a full disk.",
          (f"sum by (instance) (rate({G}log_lines_dropped_total@[~]))", "{{instance}}"),
          (f"sum by (instance) (rate({L}log_lines_dropped_total@[~]))", "{{instance}}")),
    graph("Places", "ops", "Silent connections closed for a newcomer, and requests and connections refused for want of a place or of memory. Strangers, or limits that are too small.",
          (rate(G + "connections_evicted_total", "what"), "evicted: {{what}}"), (rate(L + "connections_evicted_total"), "evicted: api"),
          (rate(G + "admin_refused_total"), "refused: admin"), (rate(G + "rpc_requests_reset_total", "reason"), "reset: rpc, {{reason}}"),
          (total(G + "rpc_handshakes"), "rpc handshakes under way"), (rate(L + "http_refused_total", "reason"), "refused: api, {{reason}}")),
    graph("Requests in memory", "bytes", "Bodies that are being received or are not answered yet; past maxInflightBytes and maxRpcInflightBytes they are refused.",
          (total(G + "rpc_inflight_bytes", "instance"), "{{instance}} rpc"),
          (total(L + "http_inflight_bytes", "instance"), "{{instance}} api")),
    graph("Certificates", "d", "Days until a certificate in use ends.",
          (f"(min by (instance, what) ({G}certificate_expiry_timestamp_seconds@ > 0) - time()) / 86400", "{{instance}} {{what}}"),
          (f"(min by (instance, what) ({L}certificate_expiry_timestamp_seconds@ > 0) - time()) / 86400", "{{instance}} {{what}}"),
          from_zero=False),
    graph("Reloads", "short", "Settings and certificates read anew while the daemon ran.",
          (f"sum by (instance, result) (increase({G}reloads_total@[~]))", "{{instance}} {{result}}"),
          (f"sum by (instance, result) (increase({L}reloads_total@[~]))", "{{instance}} {{result}}"),
          (f"sum by (instance) (increase({G}certificates_reloaded_total@[~]))", "{{instance}} certificates"),
          (f"sum by (instance) (increase({L}certificates_reloaded_total@[~]))", "{{instance}} certificates")),
    graph("Draining", "short", "1 while the daemon shuts down.",
          (total(G + "draining", "instance"), "{{instance}}"), (total(L + "draining", "instance"), "{{instance}}")),
    graph("Restarts", "short", "Starts of the process within the last hour.",
          ("sum by (instance) (changes(process_start_time_seconds@[1h]))", "{{instance}}")),
    graph("Up", "short", "1 while Prometheus can read the daemon's metrics.", ("min by (job, instance) (up@)", "{{job}} {{instance}}")),
    table("Versions", "Daemons by version. Two of them for long: a rollout has stopped halfway.",
          ("count by (job, version) (fanfare_build_info@)", None)),
]

ROWS = [
    ("Overview", OVERVIEW), ("Delivery", DELIVERY), ("Logic", LOGIC),
    ("Connections", CONNECTIONS), ("Identity", IDENTITY), ("Reach", REACH), ("Redis and bus", REDIS), ("Process", PROCESS),
]
