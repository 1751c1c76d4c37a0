/* SPDX-License-Identifier: Apache-2.0 */
/* The keys by which each daemon knows the other one's file are the other's, and not its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <strings.h>

#include "gateway/conf/gateway_conf.h"
#include "logic/conf/logic_conf.h"

/* The key itself, or the object that it stands in. */
static bool has(const struct conf_table *table, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < table->count; i++)
        if (strncasecmp(table->options[i].key, key, len) == 0 &&
            (table->options[i].key[len] == '\0' || table->options[i].key[len] == '.'))
            return true;
    return false;
}

static void tells_apart(const struct conf_table *own, const struct conf_table *other)
{
    assert_string_equal(own->twin->program, other->program);
    for (const char *const *key = own->twin->keys; *key != NULL; key++)
        if (has(own, *key) || !has(other, *key))
            fail_msg("%s is not a key of %s alone", *key, other->program);
}

static void keys_of_the_other_daemon_are_its_alone(void **state)
{
    (void)state;
    tells_apart(&gateway_conf_table, &logic_conf_table);
    tells_apart(&logic_conf_table, &gateway_conf_table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_of_the_other_daemon_are_its_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
