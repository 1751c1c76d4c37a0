/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-logic: takes pushes from business services over HTTP and sends them to every gateway. */
#include "logic/logic.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/conf/daemon.h"
#include "shared/log/event_log.h"
#include "shared/log/log.h"

static int run(const struct reload *settings)
{
    struct logic *logic;
    struct fault fault;
    enum status status = logic_new(settings, &logic, &fault);

    if (status != STATUS_OK) {
        log_text("fanfare-logic: %s", fault.text);
        return daemon_exit_code(status);
    }
    int code = logic_run(logic);
    logic_free(logic);
    return code;
}

int main(int argc, char **argv)
{
    event_log_setup();
    reload_hold(true);
    struct logic_conf conf = {.service_port = 0};
    int code = daemon_configure(&logic_conf_table, &conf, logic_conf_check, argc, argv);
    if (code < 0) {
        log_setup((enum log_level)conf.log_level, (enum log_format)conf.log_format);
        logic_metrics_setup();
        log_start(LM_LOG_LINES_DROPPED);
        log_event(LOG_INFO, "starting", LOG_S("program", "fanfare-logic"), LOG_S("version", FANFARE_VERSION));
        conf_log_ignored(&logic_conf_table, &conf);
        code = run(&(struct reload){.table = &logic_conf_table,
                                    .conf = &conf,
                                    .check = logic_conf_recheck,
                                    .argc = argc,
                                    .argv = argv});
    }
    log_end();
    conf_fini(&logic_conf_table, &conf);
    return code;
}
