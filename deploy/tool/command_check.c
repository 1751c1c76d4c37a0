/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare check: finds out whose configuration file it is and lets that daemon check it. Knows no
 * rule of its own: the daemon's word counts. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/tool/text_file.h"
#include "deploy/tool/tool.h"
#include "gateway/conf/gateway_conf.h"
#include "logic/conf/logic_conf.h"
#include "shared/conf/conf_internal.h"

enum { CONFIG_MAX = 1 << 20 };

/* How many keys of the file stand in the table; "rpc.ca" counts for {"rpc":{"ca":…}}. */
static int count_known(const struct conf_table *table, const cJSON *object, const char *prefix)
{
    const cJSON *member;
    int known = 0;

    cJSON_ArrayForEach(member, object)
    {
        char key[CONF_NAME_MAX];

        snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", member->string);
        if (conf_find(table, CONF_SPELL_KEY, key) != NULL)
            known++;
        else if (cJSON_IsObject(member) && !prefix[0])
            known += count_known(table, member, member->string);
    }
    return known;
}

static const char *owner_of(const cJSON *tree)
{
    int gateway = count_known(&gateway_conf_table, tree, "");
    int logic = count_known(&logic_conf_table, tree, "");

    return gateway == logic ? NULL : gateway > logic ? "gateway" : "logic";
}

/* NULL when the file does not tell; a file that is not JSON is left to a daemon to complain about. */
static const char *find_owner(const char *path, struct fault *fault)
{
    struct buf text;
    const char *owner = NULL;

    buf_init(&text, CONFIG_MAX);
    if (text_file_read(path, &text, fault) == STATUS_OK) {
        cJSON *tree = cJSON_ParseWithLength((const char *)text.data, text.len);

        owner = tree != NULL ? owner_of(tree) : "gateway";
        if (owner == NULL)
            fault_set(fault, STATUS_INVALID,
                      "%s: its keys fit a gateway as well as a logic; say --as gateway or --as logic", path);
        cJSON_Delete(tree);
    }
    buf_fini(&text);
    return owner;
}

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool find_in_path(const char *program, char *out, size_t cap)
{
    const char *at = getenv("PATH");

    while (at != NULL && *at) {
        size_t len = strcspn(at, ":");

        snprintf(out, cap, "%.*s/%s", (int)len, at, program);
        if (len > 0 && is_program(out))
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

/* Beside the tool, in sbin beside its bin, or in PATH. */
static bool find_daemon(const char *program, char *out, size_t cap)
{
    static const char *const places[] = {"", "/../sbin"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *directory;

    self[len > 0 ? len : 0] = '\0';
    directory = dirname(self);
    for (size_t i = 0; len > 0 && i < sizeof places / sizeof places[0]; i++) {
        snprintf(out, cap, "%s%s/%s", directory, places[i], program);
        if (is_program(out))
            return true;
    }
    return find_in_path(program, out, cap);
}

/* The daemon takes FANFARE_… for options; here the file alone is meant. */
static void forget_settings(void)
{
    for (char **at = environ; at != NULL && *at != NULL;) {
        char name[CONF_NAME_MAX];

        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        if (strncmp(name, "FANFARE_", 8) != 0 || unsetenv(name))
            at++;
        else
            at = environ;
    }
}

/* alarm() outlives execv(): a daemon that hangs over its files is ended. */
static _Noreturn void become(const char *path, const struct options *options, bool gateway)
{
    char *arguments[] = {(char *)path,       "--check",     "--config",       (char *)options->file,
                         "--service-port=0", "--ws-port=0", "--admin-port=0", NULL};

    /* The daemon itself may be running on its ports. A port that is not one was refused in the file. */
    arguments[options->ports ? 4 : gateway ? 7 : 5] = NULL;

    forget_settings();
    (void)alarm((unsigned)options->timeout_s);
    (void)execv(path, arguments);
    (void)fprintf(stderr, "fanfare: %s: %s\n", path, strerror(errno));
    _exit(TOOL_UNREACHABLE);
}

static int run(const char *path, const struct options *options, bool gateway)
{
    int state = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0)
        become(path, options, gateway);
    while (child > 0 && waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            child = -1;
    if (child < 0)
        return tool_complain(TOOL_UNREACHABLE, "%s: %s", path, strerror(errno));
    if (WIFSIGNALED(state))
        return tool_complain(TOOL_UNREACHABLE, "%s was ended by signal %d%s", path, WTERMSIG(state),
                             WTERMSIG(state) == SIGALRM ? ": no answer in time" : "");
    return WEXITSTATUS(state);
}

int command_check(struct tool *tool)
{
    const struct options *options = tool->options;
    struct fault fault = {""};
    const char *owner = options->as != NULL ? options->as : find_owner(options->file, &fault);
    char program[32];
    char path[PATH_MAX + 32];

    if (owner == NULL)
        return tool_complain(TOOL_USAGE, "%s", fault.text);
    snprintf(program, sizeof program, "fanfare-%s", owner);
    if (!find_daemon(program, path, sizeof path))
        return tool_complain(TOOL_UNREACHABLE,
                             "%s was not found beside this tool, in sbin beside it, or in PATH", program);
    printf("%s: a file of %s\n", options->file, program);
    return run(path, options, strcmp(owner, "gateway") == 0);
}
