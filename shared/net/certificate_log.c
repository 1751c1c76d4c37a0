/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the wall clock, which is what the end of a certificate is told in. */
#include "shared/net/certificate_log.h"

#include <time.h>

#include "shared/log/log.h"
#include "shared/net/tls.h"

enum { SOON_SECONDS = 7 * CERTIFICATE_DAY_SECONDS };

void certificate_log_if_ending(const char *what, const char *cert, const SSL_CTX *context)
{
    int64_t end = tls_context_expiry(context);
    int64_t left = end - (int64_t)time(NULL);
    char text[TLS_TIME_MAX];

    if (end == 0 || left >= SOON_SECONDS)
        return;
    tls_time_text(end, text);
    log_event(LOG_WARN, left < 0 ? "certificate has expired" : "certificate expires soon",
              LOG_S("what", what), LOG_S("cert", cert), LOG_S("expires", text),
              LOG_I("days", left / CERTIFICATE_DAY_SECONDS));
}

void certificate_log_taken_over(const char *what, const char *cert, const SSL_CTX *context)
{
    char text[TLS_TIME_MAX] = "";

    if (tls_context_expiry(context) != 0)
        tls_time_text(tls_context_expiry(context), text);
    log_event(LOG_INFO, "certificate files taken over", LOG_S("what", what), LOG_S("cert", cert),
              LOG_S("expires", text));
}

void certificate_log_refused(const char *what, const struct fault *fault)
{
    log_event(LOG_WARN, "certificate files not taken over, the old ones stay", LOG_S("what", what),
              LOG_S("reason", fault->text));
}
