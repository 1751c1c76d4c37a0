/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare why: goes the way of a push step by step and says what it finds. Clients notice nothing
 * of it, but for an item given with --probe. */
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/tool.h"
#include "deploy/tool/why.h"
#include "shared/base/utf8.h"
#include "shared/json/json_scan.h"

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    return false;
}

static void look_at_name(struct why *why)
{
    size_t len = strlen(why->room);

    if (len == 0)
        why_say(why, FINDING_BAD, "room", "", "the name is empty: a JOIN of it closes the client (4001)");
    else if (!utf8_valid(slice_of(why->room, len), NULL))
        why_say(why, FINDING_BAD, "room", "", "the name is not UTF-8: pushes to it are refused");
    else if (has_control(why->room))
        why_say(why, FINDING_BAD, "room", "", "the name has control characters: pushes to it are refused");
    else if (why->room[0] == ' ' || why->room[len - 1] == ' ')
        why_say(why, FINDING_NOTE, "room", "",
                "\"%s\" begins or ends with a space; names are compared byte for byte", why->room);
    else
        why_say(why, FINDING_OK, "room", "", "\"%s\" (%zu B); names are compared byte for byte", why->room,
                len);
}

static int conclude(struct why *why)
{
    if (why->answered == 0)
        return tool_complain(TOOL_UNREACHABLE, "no daemon answered: are the addresses right?");
    if (why->bad == 0) {
        why_say(
            why, FINDING_OK, "verdict", "",
            "nothing is wrong on the way of a push now; a client that missed one was not in the room at that "
            "time, or lost its connection (its close code tells)");
        return TOOL_OK;
    }
    why_say(why, FINDING_NOTE, "verdict", "",
            "%zu reason%s found why a message may be missed, marked BAD above", why->bad,
            why->bad == 1 ? "" : "s");
    return TOOL_REFUSED;
}

static int investigate(struct why *why)
{
    enum status status;

    look_at_name(why);
    status = why_look_at_daemons(why);
    if (status == STATUS_OK && !why->tool->stopping)
        why_try_the_path(why);
    if (status == STATUS_OK && !why->tool->stopping)
        status = why_probe_the_room(why);
    if (status != STATUS_OK)
        return tool_complain(TOOL_UNREACHABLE, "%s", status_text(status));
    return why->tool->stopping ? tool_complain(TOOL_REFUSED, "interrupted") : conclude(why);
}

static enum status check_probe(const char *probe, struct fault *fault)
{
    struct json_value value;
    struct json_error error;
    char text[160];

    if (probe != NULL && json_scan(slice_str(probe), JSON_MAX_DEPTH, &value, &error) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "--probe: not valid JSON %s",
                         json_error_text(&error, text, sizeof text));
    return STATUS_OK;
}

int command_why(struct tool *tool)
{
    struct why why = {.tool = tool, .room = tool->options->rooms.items[0]};
    struct fault fault = {""};
    struct fault url_fault = {""};
    int code;

    if (check_probe(tool->options->probe, &fault) != STATUS_OK ||
        daemons_init(&why.daemons, tool->options, &fault) != STATUS_OK)
        return tool_complain(TOOL_USAGE, "%s", fault.text);
    why.gateways = url_list(&tool->options->gateways, URL_WS, &url_fault);
    if (why.gateways == NULL)
        code = tool_complain(TOOL_USAGE, "--gateway: %s", url_fault.text);
    else
        code = investigate(&why);
    free(why.gateways);
    daemons_fini(&why.daemons);
    return code;
}
