/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-gateway: reads its options and runs. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gateway.h"
#include "gateway/gateway_conf.h"
#include "shared/conf.h"
#include "shared/daemon.h"
#include "shared/event_log.h"
#include "shared/log.h"
#include "shared/reload.h"

int main(int argc, char **argv)
{
    struct gateway_conf conf = {0};
    struct fault fault = {0};
    const struct reload settings = {&gateway_conf_table, &conf, gateway_conf_check_reload, argc, argv};

    reload_hold(true);
    int code = daemon_configure(&gateway_conf_table, &conf, gateway_conf_check, argc, argv);

    if (code < 0) {
        log_setup((enum log_level)conf.log_level, (enum log_format)conf.log_format);
        event_log_setup();
        conf_log_ignored(&gateway_conf_table, &conf);
        code = EXIT_SUCCESS;
        if (gateway_run(&settings, &fault) != STATUS_OK) {
            (void)fprintf(stderr, "fanfare-gateway: %s\n", fault.text);
            code = EXIT_CONFIG;
        }
    }
    log_flush();
    conf_fini(&gateway_conf_table, &conf);
    return code;
}
