/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-gateway: reads its options and runs. */
#include <stdlib.h>

#include "gateway/conf/gateway_conf.h"
#include "gateway/gateway.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/conf/conf.h"
#include "shared/conf/daemon.h"
#include "shared/conf/reload.h"
#include "shared/log/event_log.h"
#include "shared/log/log.h"

int main(int argc, char **argv)
{
    struct gateway_conf conf = {0};
    struct fault fault = {0};
    const struct reload settings = {&gateway_conf_table, &conf, gateway_conf_check_reload, argc, argv};

    event_log_setup();
    reload_hold(true);
    int code = daemon_configure(&gateway_conf_table, &conf, gateway_conf_check, argc, argv);

    if (code < 0) {
        log_setup((enum log_level)conf.log_level, (enum log_format)conf.log_format);
        gateway_metrics_setup();
        log_start(M_LOG_LINES_DROPPED);
        conf_log_ignored(&gateway_conf_table, &conf);
        code = EXIT_SUCCESS;
        enum status status = gateway_run(&settings, &fault);

        if (status != STATUS_OK) {
            log_text("fanfare-gateway: %s", fault.text);
            code = daemon_exit_code(status);
        }
    }
    log_end();
    conf_fini(&gateway_conf_table, &conf);
    return code;
}
