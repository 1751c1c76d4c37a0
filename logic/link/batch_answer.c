/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a gateway's answer without building a tree: an answer to 4096 pushes is long. Pure. */
#include "logic/link/batch_answer.h"

enum { ANSWER_DEPTH = 8 };

static bool read_number(const struct json_value *value, uint64_t *out)
{
    uint64_t number = 0;

    if (value->type != JSON_NUMBER || value->text.len > 20)
        return false;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

static bool take_member(struct batch_answer *answer, struct slice key, const struct json_value *value,
                        bool *applied)
{
    if (json_string_is(key, "applied", false))
        return *applied = read_number(value, &answer->applied);
    if (json_string_is(key, "duplicates", false))
        return read_number(value, &answer->duplicates);
    if (!json_string_is(key, "reached", false))
        return true;
    if (value->type != JSON_ARRAY)
        return false;
    answer->reached = json_iter_of(value, value->text.data);
    return true;
}

enum status batch_answer_parse(struct slice body, struct batch_answer *out)
{
    struct json_value root, key, value;
    struct json_error error;
    bool applied = false;

    *out = (struct batch_answer){.applied = 0};
    if (json_scan(body, ANSWER_DEPTH, &root, &error) != STATUS_OK || root.type != JSON_OBJECT)
        return STATUS_INVALID;
    struct json_iter members = json_iter_of(&root, body.data);
    while (json_next_member(&members, &key, &value))
        if (!take_member(out, key.text, &value, &applied))
            return STATUS_INVALID;
    return applied ? STATUS_OK : STATUS_INVALID;
}

static bool next_reached(struct batch_answer *answer)
{
    struct json_value pair, number;

    answer->offline.text.data = NULL;
    if (answer->reached.at == NULL || !json_next_element(&answer->reached, &pair) || pair.type != JSON_ARRAY)
        return false;
    struct json_iter numbers = json_iter_of(&pair, pair.text.data);
    if (!json_next_element(&numbers, &number) || !read_number(&number, &answer->sequence) ||
        !json_next_element(&numbers, &number) || !read_number(&number, &answer->clients))
        return false;
    if (!json_next_element(&numbers, &answer->offline) || answer->offline.type != JSON_ARRAY)
        answer->offline.text.data = NULL;
    return true;
}

uint64_t batch_answer_clients(struct batch_answer *answer, uint64_t sequence)
{
    while (answer->sequence < sequence)
        if (!next_reached(answer)) {
            answer->reached.at = NULL;
            return 0;
        }
    return answer->sequence == sequence ? answer->clients : 0;
}

void batch_answer_offline(const struct batch_answer *answer, uint64_t sequence, struct offline_users *offline)
{
    struct json_value number;
    uint64_t index;

    if (answer->sequence != sequence || answer->offline.text.data == NULL) {
        offline_users_not_said(offline);
        return;
    }
    struct json_iter indices = json_iter_of(&answer->offline, answer->offline.text.data);
    offline_users_begin(offline);
    while (json_next_element(&indices, &number)) {
        if (read_number(&number, &index))
            offline_users_add(offline, index);
        else
            offline_users_not_said(offline);
    }
    offline_users_end(offline);
}
