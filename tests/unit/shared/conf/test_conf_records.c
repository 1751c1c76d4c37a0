/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of objects in the configuration: read from file, environment and flag with one strictness, compared,
 * printed by all printers, and objects in objects. Every fault is compared as the user reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/conf/conf.h"
#include "shared/conf/conf_internal.h"
#include "shared/conf/conf_print.h"

struct door {
    char *name;
    struct conf_list keys;
    int64_t width;
    bool locked;
    char *plan;
    int colour;
};

struct house {
    struct conf_records doors;
    char *roof;
    int64_t depth;
};

#define DOOR(field)  offsetof(struct door, field)
#define HOUSE(field) offsetof(struct house, field)

static const struct conf_option door_rows[] = {
    {"name", CONF_STRING, CONF_LIVE, DOOR(name), 0, 8, "", NULL, "", "A name.", NULL},
    {"keyRing", CONF_LIST, CONF_LIVE, DOOR(keys), 0, 4, "k1,k2", NULL, "", "The keys.", NULL},
    {"width", CONF_INT, CONF_LIVE, DOOR(width), 1, 9, "3", NULL, "ms", "A width.", NULL},
    {"locked", CONF_BOOL, CONF_LIVE, DOOR(locked), 0, 0, "true", NULL, "", "A lock.", NULL},
    {"plan", CONF_PATH, CONF_LIVE, DOOR(plan), 0, 4095, "", NULL, "", "A plan.", NULL},
    {"colour", CONF_ENUM, CONF_LIVE, DOOR(colour), 0, 0, "red", "red|blue", "", "A colour.", NULL},
};
static const struct conf_table door_table = {.options = door_rows,
                                             .count = sizeof door_rows / sizeof door_rows[0],
                                             .struct_size = sizeof(struct door)};
static const struct conf_option house_rows[] = {
    {"house.doors", CONF_RECORDS, CONF_LIVE, HOUSE(doors), 0, 3, "", &door_table, "", "The doors.", "House"},
    {"house.roof.kind", CONF_STRING, CONF_LIVE, HOUSE(roof), 0, 16, "", NULL, "", "A roof.", NULL},
    {"house.roof.depth", CONF_INT, CONF_RESTART, HOUSE(depth), 0, 9, "1", NULL, "", "A depth.", NULL},
};
static const struct conf_table house_table = {.program = "house",
                                              .summary = "A house.",
                                              .options = house_rows,
                                              .count = sizeof house_rows / sizeof house_rows[0],
                                              .struct_size = sizeof(struct house)};

static struct house conf;
static struct fault fault;
static char path[] = "/tmp/fanfare-records-XXXXXX";

static int begin(void **state)
{
    int fd;

    (void)state;
    memset(&fault, 0, sizeof fault);
    snprintf(path, sizeof path, "/tmp/fanfare-records-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return conf_defaults(&house_table, &conf);
}

static int end(void **state)
{
    (void)state;
    conf_fini(&house_table, &conf);
    unlink(path);
    return 0;
}

static enum status load(const char *json)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(json, file);
    fclose(file);
    return conf_load_file(&house_table, &conf, path, &fault);
}

static void loads(const char *json)
{
    if (load(json) != STATUS_OK)
        fail_msg("%s: %s", json, fault.text);
}

static void refuses(const char *json, const char *expected)
{
    char whole[512];

    assert_int_equal(load(json), STATUS_INVALID);
    snprintf(whole, sizeof whole, "%s: %s", path, expected);
    assert_string_equal(fault.text, whole);
}

static void flag(const char *value, const char *expected)
{
    enum status status = conf_set_flag(&house_table, &conf, "house-doors", value, &fault);

    assert_int_equal(status, expected == NULL ? STATUS_OK : STATUS_INVALID);
    if (expected != NULL)
        assert_string_equal(fault.text, expected);
}

static const struct door *door(size_t index)
{
    const struct door *doors = conf.doors.items;

    assert_true(index < conf.doors.count);
    return &doors[index];
}

static void none_by_default(void **state)
{
    (void)state;
    assert_int_equal(conf.doors.count, 0);
    assert_null(conf.doors.items);
}

static void every_type_and_the_defaults_of_what_is_absent(void **state)
{
    (void)state;
    loads(
        "{\"house\":{\"doors\":[{\"name\":\"a\",\"KEYRING\":[],\"width\":9,\"locked\":false,\"plan\":\"/x\","
        "\"colour\":\"blue\",\"备注\":1},{}]}}");
    assert_int_equal(conf.doors.count, 2);
    assert_string_equal(door(0)->name, "a");
    assert_int_equal(door(0)->keys.count, 0);
    assert_int_equal(door(0)->width, 9);
    assert_false(door(0)->locked);
    assert_string_equal(door(0)->plan, "/x");
    assert_int_equal(door(0)->colour, 1);
    assert_string_equal(door(1)->name, "");
    assert_int_equal(door(1)->keys.count, 2);
    assert_string_equal(door(1)->keys.items[1], "k2");
    assert_int_equal(door(1)->width, 3);
    assert_true(door(1)->locked);
}

static void the_same_text_in_environment_and_flag(void **state)
{
    char variable[] = "FANFARE_HOUSE_DOORS=[{\"name\":\"env\"}]";
    char *variables[] = {variable, NULL};

    (void)state;
    assert_int_equal(conf_load_environment(&house_table, &conf, variables, &fault), STATUS_OK);
    assert_string_equal(door(0)->name, "env");
    flag("[{\"name\":\"x\"},{\"name\":\"y\"}]", NULL);
    assert_string_equal(door(1)->name, "y");
    flag("", NULL);
    assert_int_equal(conf.doors.count, 0);
    strcpy(variable, "FANFARE_HOUSE_DOORS=[{\"width\":0}]");
    assert_int_equal(conf_load_environment(&house_table, &conf, variables, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "FANFARE_HOUSE_DOORS[0].width: 0 is not allowed: 1 to 9 ms");
}

static void a_fault_names_file_index_and_key(void **state)
{
    (void)state;
    loads("{\"house\":{\"doors\":[{\"name\":\"kept\"}]}}");
    refuses("{\"house\":{\"doors\":[{},{\"width\":10}]}}",
            "house.doors[1].width: 10 is not allowed: 1 to 9 ms");
    refuses("{\"house\":{\"doors\":[{\"keyring\":\"k\"}]}}",
            "house.doors[0].keyRing: \"k\" is not allowed: a list of texts, each 1 to 4 bytes");
    refuses("{\"house\":{\"doors\":[{},{},{\"nam\":\"x\"}]}}",
            "house.doors[2]: \"nam\": unknown key; the nearest known one is name");
    refuses("{\"house\":{\"doors\":[{\"name\":\"x\",\"NAME\":\"y\"}]}}",
            "house.doors[0].name: the key stands twice");
    refuses("{\"house\":{\"doors\":[{},7]}}", "house.doors[1]: 7 is not allowed: an object");
    refuses("{\"house\":{\"doors\":{}}}",
            "house.doors: {} is not allowed: a JSON list of at most 3 objects with name, keyRing, width, "
            "locked, plan, colour");
    refuses("{\"house\":{\"doors\":[{},{},{},{}]}}",
            "house.doors: 4 objects are not allowed: a JSON list of at most 3 objects with name, keyRing, "
            "width, locked, plan, colour");
    assert_int_equal(conf.doors.count, 1);
    assert_string_equal(door(0)->name, "kept");
}

static void text_that_is_no_json_is_refused(void **state)
{
    (void)state;
    flag("[{\"name\":\"x\",}]", "--house-doors: column 13: trailing comma");
    flag("[{\"name\":\"a\\u0000b\"}]", "--house-doors: column 12: \\u0000 is not allowed");
    flag("[] []", "--house-doors: column 4: text after the end");
    flag("[{\"width\":01}]", "--house-doors: column 11: leading zero");
    flag("7", "--house-doors: 7 is not allowed: a JSON list of at most 3 objects with name, keyRing, width, "
              "locked, "
              "plan, colour");
}

static void paths_of_records_must_be_readable(void **state)
{
    char text[128];

    (void)state;
    snprintf(text, sizeof text, "[{\"plan\":\"%s\"},{\"plan\":\"/nowhere/plan\"}]", path);
    flag(text, NULL);
    assert_int_equal(conf_check_paths(&house_table, &conf, &fault), STATUS_IO);
    assert_string_equal(fault.text,
                        "house.doors[1].plan: /nowhere/plan cannot be read: No such file or directory");
    snprintf(text, sizeof text, "[{\"plan\":\"%s\"},{}]", path);
    flag(text, NULL);
    assert_int_equal(conf_check_paths(&house_table, &conf, &fault), STATUS_OK);
}

static void takes(const char *before, const char *after, const char *live)
{
    struct house fresh = {{NULL, 0}, NULL, 0};
    struct conf_changes changes;

    flag(before, NULL);
    assert_int_equal(conf_defaults(&house_table, &fresh), STATUS_OK);
    assert_int_equal(conf_set_flag(&house_table, &fresh, "house-doors", after, &fault), STATUS_OK);
    conf_take_live(&house_table, &conf, &fresh, &changes);
    assert_string_equal(changes.live, live);
    conf_fini(&house_table, &fresh);
}

static void a_reload_sees_each_difference(void **state)
{
    (void)state;
    takes("", "", "");
    takes("[{\"name\":\"a\"}]", "[{\"name\":\"a\",\"width\":3}]", "");
    takes("[{\"name\":\"a\"}]", "[{\"name\":\"b\"}]", "house.doors");
    assert_string_equal(door(0)->name, "b");
    takes("[{},{\"colour\":\"red\"}]", "[{},{\"colour\":\"blue\"}]", "house.doors");
    assert_int_equal(door(1)->colour, 1);
    takes("[{},{}]", "[{}]", "house.doors");
    takes("[{\"keyRing\":[\"a\"]}]", "[{\"keyRing\":[\"b\"]}]", "house.doors");
}

static char *printed(void (*print)(const struct conf_table *table, FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    print(&house_table, out);
    fclose(out);
    return text;
}

static void print_settings(const struct conf_table *table, FILE *out)
{
    conf_print_json(table, &conf, out);
}

static void printed_settings_load_again(void **state)
{
    char *first;
    char *second;

    (void)state;
    loads("{\"house\":{\"doors\":[{\"name\":\"a\\\"b\",\"keyRing\":[],\"width\":9},{\"colour\":\"blue\"}],"
          "\"roof\":{\"kind\":\"flat\",\"depth\":4}}}");
    first = printed(print_settings);
    assert_non_null(strstr(first, "\"keyRing\":\t[]"));
    conf_fini(&house_table, &conf);
    assert_int_equal(conf_defaults(&house_table, &conf), STATUS_OK);
    loads(first);
    assert_string_equal(door(0)->name, "a\"b");
    assert_string_equal(conf.roof, "flat");
    assert_int_equal(conf.depth, 4);
    second = printed(print_settings);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void holds(void (*print)(const struct conf_table *table, FILE *out), const char *wanted)
{
    char *text = printed(print);

    if (strstr(text, wanted) == NULL)
        fail_msg("no %s in %s", wanted, text);
    free(text);
}

static void every_printer_names_the_members(void **state)
{
    (void)state;
    holds(conf_print_help, "  --house-doors JSON\n      The doors. Reloaded by SIGHUP.\n");
    holds(conf_print_help, "      width: A width. Default: 3. Allowed: 1 to 9 ms.\n");
    holds(conf_print_markdown, "| `house.doors[].width` | `3` | 1 to 9 ms | A width.");
    holds(conf_print_markdown, "| `house.roof.kind` | empty | ");
    holds(conf_print_man_options, "\\fBhouse.doors[].keyRing\\fR\nThe keys.\n");
    holds(conf_print_man, "\\fB\\-\\-house\\-doors\\fR\n");
    holds(conf_print_bash, "--house-doors ");
    holds(conf_print_zsh, "'--house-doors=[The doors.]:value:'");
}

static void objects_in_objects(void **state)
{
    (void)state;
    loads("{\"House\":{\"Roof\":{\"Kind\":\"steep\",\"说明\":0}}}");
    assert_string_equal(conf.roof, "steep");
    refuses("{\"house\":{\"rof\":{}}}", "\"house.rof\": unknown key; the nearest known one is house.roof");
    refuses("{\"house\":{\"roof\":{\"kindd\":\"\"}}}",
            "\"house.roof.kindd\": unknown key; the nearest known one is house.roof.kind");
    refuses("{\"house\":{\"roof\":7}}", "house.roof: 7 is not allowed: an object");
    refuses("{\"house\":{\"roof\":{},\"roof\":{}}}", "house.roof: the key stands twice");
    refuses("{\"house.roof.kind\":\"x\"}",
            "house.roof.kind: the dot stands for an object: {\"house\": {\"roof\": {\"kind\": ...}}}");
    refuses("{\"house\":{\"roof.kind\":\"x\"}}",
            "house.roof.kind: the dot stands for an object: {\"house\": {\"roof\": {\"kind\": ...}}}");
    refuses("{\"house\":{\"house\":{}}}",
            "\"house.house\": unknown key; the nearest known one is house.doors");
}

struct safe {
    struct conf_records locks;
};
struct lock {
    char *code;
};
static const struct conf_option lock_rows[] = {
    {"code", CONF_SECRET, CONF_LIVE, offsetof(struct lock, code), 0, 6, "", NULL, "", "A code.", NULL},
};
static const struct conf_table lock_table = {
    .options = lock_rows, .count = 1, .struct_size = sizeof(struct lock)};
static const struct conf_option safe_rows[] = {
    {"locks", CONF_RECORDS, CONF_LIVE, offsetof(struct safe, locks), 0, 2, "", &lock_table, "", "Locks.",
     "Safe"},
};
static const struct conf_table safe_table = {.program = "safe",
                                             .summary = "A safe.",
                                             .options = safe_rows,
                                             .count = 1,
                                             .struct_size = sizeof(struct safe)};

static void hides(struct safe *safe, const char *value)
{
    assert_int_equal(conf_set_flag(&safe_table, safe, "locks", value, &fault), STATUS_INVALID);
    assert_null(strstr(fault.text, "s3cret"));
    assert_non_null(strstr(fault.text, "this value"));
}

static void secrets_of_records_stand_nowhere(void **state)
{
    struct safe safe = {{NULL, 0}};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    hides(&safe, "{\"code\":\"s3cret\"}");
    hides(&safe, "[\"s3cret\"]");
    hides(&safe, "[{\"code\":\"s3cret-too-long\"}]");
    assert_int_equal(conf_set_flag(&safe_table, &safe, "locks", "[{\"code\":\"s3cret\"}]", &fault),
                     STATUS_OK);
    conf_print_json(&safe_table, &safe, out);
    fclose(out);
    assert_null(strstr(text, "s3cret"));
    assert_non_null(strstr(text, "\"***\""));
    free(text);
    conf_fini(&safe_table, &safe);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(none_by_default),
        TEST(every_type_and_the_defaults_of_what_is_absent),
        TEST(the_same_text_in_environment_and_flag),
        TEST(a_fault_names_file_index_and_key),
        TEST(text_that_is_no_json_is_refused),
        TEST(paths_of_records_must_be_readable),
        TEST(a_reload_sees_each_difference),
        TEST(printed_settings_load_again),
        TEST(every_printer_names_the_members),
        TEST(objects_in_objects),
        TEST(secrets_of_records_stand_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
