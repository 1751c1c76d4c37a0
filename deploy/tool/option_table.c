/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `fanfare` and their options, one row each. Data only. */
#include "deploy/tool/options.h"

#define PUSH    (1U << COMMAND_PUSH)
#define KICK    (1U << COMMAND_KICK)
#define TAIL    (1U << COMMAND_TAIL)
#define TOP     (1U << COMMAND_TOP)
#define CHECK   (1U << COMMAND_CHECK)
#define WHY     (1U << COMMAND_WHY)
#define TOKEN   (1U << COMMAND_TOKEN)
#define SHOW    (1U << COMMAND_TOKEN_SHOW)
#define JWKS    (1U << COMMAND_TOKEN_JWKS)
#define ROOM    (1U << COMMAND_ROOM)
#define USER    (1U << COMMAND_USER)
#define CLUSTER (1U << COMMAND_CLUSTER)
#define ASK     (ROOM | USER | CLUSTER)
#define NET     (PUSH | KICK | TAIL | TOP | WHY | ASK)

const struct command_row command_rows[COMMAND_COUNT] = {
    [COMMAND_PUSH] =
        {"push", "", "Push items to a room, to several, to users, or to everybody.",
         "The answer is one line: the push's id, how many gateways took it and, with --wait, how many "
         "clients were in the room. With --json it is logic's answer as it came. The items are "
         "sent byte for byte. What was refused on connecting, or answered 503 by a logic, was "
         "queued nowhere and is sent again; a push without an answer never is."},
    [COMMAND_KICK] =
        {"kick", "", "End the connections of users, of everybody in a room, or one connection.",
         "The answer is one line, as of push. With --wait it says how many connections it was about. The "
         "clients get the close code and the reason."},
    [COMMAND_TAIL] =
        {"tail", "", "Follow rooms as a client does.",
         "Prints one item a line behind its room; a broadcast has * in place of the room, a push to the "
         "client's user @ and the user. Comes back "
         "as the close codes ask for it, to the next gateway if several are given. What "
         "was pushed while it was away is not repeated; stderr says when it was away."},
    [COMMAND_TOP] = {"top", "", "Show logics and gateways as a live table.",
                     "Rates are differences between two readings. On a terminal the table is redrawn until "
                     "Ctrl-C; elsewhere it is printed once, as with --once."},
    [COMMAND_ROOM] =
        {"room", "ROOM", "Show who is in a room, over all gateways.",
         "Connections and users, and which gateways did not answer. With --users every user follows, one a "
         "line: name, connections and what the token says, between tabs. With --json it is logic's answer "
         "as it came, of --users one a page."},
    [COMMAND_USER] =
        {"user", "USER", "Show where a user is connected.",
         "Each connection with its gateway, since when, from where, and the rooms that it is in."},
    [COMMAND_CLUSTER] =
        {"cluster", "", "Show gateways, the busiest rooms and recent errors, as one logic sees them.",
         "What each gateway says of itself, asked once, and the last warnings and errors of all "
         "daemons. With --json it is logic's answer as it came."},
    [COMMAND_CHECK] =
        {"check", "FILE", "Check a configuration file.",
         "Says which daemon's file it is, runs that daemon's own --check (from the tool's directory, "
         "from sbin beside it, or from PATH) and exits with its status. The file is checked "
         "alone: variables FANFARE_... of the environment do not count, nor do ports that are taken."},
    [COMMAND_WHY] =
        {"why", "", "Find out why a client of a room did not get a message.",
         "Goes the way of a push step by step: logics, their gateways, the gateways' own counters, a "
         "handshake and a JOIN of the room as a client, and a push to a private room that only the "
         "tool itself is in. Clients notice nothing of it. With --probe that item is pushed to the room "
         "itself, whose clients get it, to learn how many were there."},
    [COMMAND_TOKEN] =
        {"token", "", "Make a token (JWT) for a client.",
         "For tests, and for services that have no library for tokens. The key comes from a file; a gateway "
         "has the same secret, or the JWK Set that `fanfare token jwks` prints, in auth.issuers. With --room "
         "it is a room token: good in a JOIN of what its pattern covers, and for nothing else."},
    [COMMAND_TOKEN_SHOW] =
        {"token show", "[TOKEN|-]", "Show what stands in a token, and whether a gateway would take it.",
         "Without a TOKEN it is read from the standard input. With --jwks or --secret-file the token is "
         "judged "
         "as a gateway does, and the exit status says the verdict; --iss and --aud are what auth.issuers "
         "has, and are not compared when they are not given."},
    [COMMAND_TOKEN_JWKS] =
        {"token jwks", "", "Print the public key of a key file as a JWK Set.",
         "For auth.issuers[].jwks of the gateways. Nothing of the private key is printed."},
};

/* One row of the table a line. */
/* clang-format off */
#define AT(field) offsetof(struct options, field)
const struct option_row option_rows[] = {
    {"room", PUSH, OPTION_LIST, AT(rooms), 0, 0, "ROOM", "", "The room to push to; again for more rooms."},
    {"room", TAIL, OPTION_LIST, AT(rooms), 0, 0, "ROOM", "", "The room to follow; again for more rooms (a gateway allows maxJoinRoom)."},
    {"room", WHY, OPTION_LIST, AT(rooms), 0, 0, "ROOM", "", "The room whose client misses something."},
    {"rooms", PUSH | TAIL, OPTION_COMMAS, AT(rooms), 0, 0, "ROOM,...", "", "Several rooms at once; names with a comma need --room."},
    {"user", PUSH, OPTION_LIST, AT(users), 0, 0, "USER", "", "The user to push to; again for more users."},
    {"users", ROOM, OPTION_FLAG, AT(list_users), 0, 0, "", "", "List the users, one a line."},
    {"room", KICK, OPTION_LIST, AT(rooms), 0, 0, "ROOM", "", "Kick everybody in this room; again for more rooms."},
    {"user", KICK, OPTION_LIST, AT(users), 0, 0, "USER", "", "Kick this user, on all connections; again for more users."},
    {"connection", KICK, OPTION_TEXT, AT(connection), 0, 0, "ID", "", "Kick one connection, by the id of its WELCOME."},
    {"code", KICK, OPTION_NUMBER, AT(code), 4003, 4299, "N", "", "The close code: 4003, 4050 to 4099, 4150 to 4199 or 4250 to 4299; otherwise 4003."},
    {"ban", KICK, OPTION_NUMBER, AT(ban), 1, 2592000, "SECONDS", "", "Keep the users (--user) out of every gateway for so many seconds."},
    {"reason", KICK, OPTION_TEXT, AT(reason), 0, 0, "TEXT", "", "The reason in the close frame, at most 100 bytes; otherwise kicked."},
    {"all", PUSH, OPTION_FLAG, AT(all), 0, 0, "", "", "Push to every client."},
    {"items", PUSH, OPTION_TEXT, AT(items), 0, 0, "JSON|@FILE|-", "", "A JSON array of items, a file that holds one, or - for the standard input."},
    {"wait", PUSH | KICK, OPTION_FLAG, AT(wait), 0, 0, "", "", "Answer only when the gateways have applied the push, with the clients reached."},
    {"retries", PUSH | KICK, OPTION_NUMBER, AT(retries), 0, 1000, "N", "4", "How often to try again when nothing can have been taken: the connection was refused, or logic answered 503."},
    {"api", PUSH | KICK | ASK, OPTION_TEXT, AT(api), 0, 0, "URL", "http://127.0.0.1:7799", "Address of a logic: http://, https:// or unix:/path."},
    {"gateway", TAIL, OPTION_LIST, AT(gateways), 0, 0, "URL", "ws://127.0.0.1:7777", "Address of a gateway: ws:// or wss://; again for more, tried in turn."},
    {"count", TAIL, OPTION_NUMBER, AT(count), 0, INT64_C(1000000000000), "N", "0", "Exit after so many items; 0 is never."},
    {"logic", TOP | WHY, OPTION_LIST, AT(logics), 0, 0, "URL", "http://127.0.0.1:7799", "Address of a logic: http://, https:// or unix:/path; again for more."},
    {"gateway-admin", TOP | WHY, OPTION_LIST, AT(admins), 0, 0, "URL", "http://127.0.0.1:7789", "Address of a gateway's admin port; again for more."},
    {"gateway", WHY, OPTION_LIST, AT(gateways), 0, 0, "URL", "ws://127.0.0.1:7777", "Address of a gateway as its clients know it; again for more."},
    {"probe", WHY, OPTION_TEXT, AT(probe), 0, 0, "ITEM", "", "Push this item (JSON) to the room itself; its clients get it."},
    {"interval", TOP, OPTION_NUMBER, AT(interval_ms), 100, 3600000, "MS", "1000", "Time between two readings, in milliseconds."},
    {"once", TOP, OPTION_FLAG, AT(once), 0, 0, "", "", "Print one table and exit."},
    {"as", CHECK, OPTION_CHOICE, AT(as), 0, 0, "gateway|logic", "", "Whose file it is, when its keys do not tell."},
    {"ports", CHECK, OPTION_FLAG, AT(ports), 0, 0, "", "", "Check as well that its ports are free, which they are not while the daemon runs."},
    {"json", NET, OPTION_FLAG, AT(json), 0, 0, "", "", "Print JSON, one object a line."},
    {"timeout", NET | CHECK, OPTION_NUMBER, AT(timeout_s), 1, 600, "SECONDS", "10", "Time for each connection and each answer, in seconds."},
    {"ca", NET, OPTION_FILE, AT(ca), 0, 0, "FILE", "", "CA certificates (PEM) to verify https:// and wss:// with; otherwise the system's."},
    {"header", NET, OPTION_LIST, AT(headers), 0, 0, "NAME:VALUE|@FILE", "", "A header for every request, or a file that holds it (a token is better kept there); again for more."},
    {"tokens", NET, OPTION_FILE, AT(tokens), 0, 0, "FILE", "", "A file of tokens, one a line: the first is shown (Authorization: Bearer). To a logic as api.tokensFile has them, to a gateway a user's (JWT)."},
    {"secret-file", TOKEN, OPTION_FILE, AT(secret_file), 0, 0, "FILE", "", "Sign with this secret (HS256): the file's bytes without one line end at their end; 32 bytes or more."},
    {"secret-file", SHOW, OPTION_FILE, AT(secret_file), 0, 0, "FILE", "", "Judge the token with this secret."},
    {"key-file", TOKEN, OPTION_FILE, AT(key_file), 0, 0, "FILE", "", "Sign with this private key (PEM): RSA (RS256), EC on P-256 (ES256) or P-384 (ES384), Ed25519 (EdDSA)."},
    {"key-file", JWKS, OPTION_FILE, AT(key_file), 0, 0, "FILE", "", "The key (PEM), private or public."},
    {"jwks", SHOW, OPTION_FILE, AT(jwks), 0, 0, "FILE", "", "Judge the token with the keys of this JWK Set."},
    {"alg", TOKEN | JWKS, OPTION_CHOICE, AT(alg), 0, 0, "HS256|HS384|HS512|RS256|PS256|ES256|ES384|EdDSA", "", "The algorithm, where the key allows several; in a JWK Set the only one it is for."},
    {"kid", TOKEN | JWKS, OPTION_TEXT, AT(kid), 0, 0, "KID", "", "The key's name. Otherwise that of a key file is its thumbprint (RFC 7638), and a secret has none; an empty one leaves it out."},
    {"sub", TOKEN, OPTION_TEXT, AT(sub), 0, 0, "USER", "", "The user."},
    {"iss", TOKEN, OPTION_TEXT, AT(iss), 0, 0, "ISSUER", "", "The issuer, as auth.issuers has it."},
    {"iss", SHOW, OPTION_TEXT, AT(iss), 0, 0, "ISSUER", "", "The issuer that the token has to name."},
    {"aud", TOKEN, OPTION_LIST, AT(auds), 0, 0, "AUDIENCE", "", "Whom the token is for; again for more."},
    {"aud", SHOW, OPTION_LIST, AT(auds), 0, 0, "AUDIENCE", "", "Whom the token has to be for; again for more, of which one is enough."},
    {"rooms", TOKEN, OPTION_COMMAS, AT(rooms), 0, 0, "PATTERN,...", "", "The rooms that may be joined: * is any run of characters, {sub} the user."},
    {"join", TOKEN, OPTION_LIST, AT(joins), 0, 0, "ROOM", "", "A room that the server joins at once; again for more."},
    {"room", TOKEN, OPTION_TEXT, AT(pattern), 0, 0, "PATTERN", "", "Make a room token for the rooms of this pattern."},
    {"info", TOKEN, OPTION_TEXT, AT(info), 0, 0, "JSON", "", "What others may learn of the client, at most 1,024 bytes."},
    {"seconds", TOKEN, OPTION_NUMBER, AT(seconds), 1, INT64_C(315360000), "N", "3600", "How long the token is good for; gateways refuse more than auth.maxTokenSeconds."},
    {"leeway-seconds", SHOW, OPTION_NUMBER, AT(leeway_s), 0, 3600, "N", "10", "How far clocks may differ (auth.leewaySeconds)."},
    {"max-seconds", SHOW, OPTION_NUMBER, AT(max_s), 1, INT64_C(315360000), "N", "86400", "How long a token may be good for (auth.maxTokenSeconds)."},
    {"help", NET | CHECK | TOKEN | SHOW | JWKS, OPTION_FLAG, AT(help), 0, 0, "", "", "Print this help."},
};
/* clang-format on */
const size_t option_row_count = sizeof option_rows / sizeof option_rows[0];
