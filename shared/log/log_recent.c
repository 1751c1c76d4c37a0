/* SPDX-License-Identifier: Apache-2.0 */
/* One ring for the process, as the log is one. */
#include "shared/log/log_recent.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_recent_line lines[LOG_RECENT_LINES];
static size_t count;
static size_t next;

/* No character is cut in two: bytes 10xxxxxx only follow. */
static size_t cut(const char *text, size_t len)
{
    if (len < LOG_RECENT_TEXT)
        return len;
    len = LOG_RECENT_TEXT - 1;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

void log_recent_note(enum log_level level, const char *text, size_t len, int64_t now_ms)
{
    pthread_mutex_lock(&lock);
    struct log_recent_line *line = &lines[next];
    len = cut(text, len);
    memcpy(line->text, text, len);
    line->text[len] = '\0';
    line->level = level;
    line->at_ms = now_ms;
    next = (next + 1) % LOG_RECENT_LINES;
    if (count < LOG_RECENT_LINES)
        count++;
    pthread_mutex_unlock(&lock);
}

size_t log_recent_copy(struct log_recent_line out[LOG_RECENT_LINES])
{
    pthread_mutex_lock(&lock);
    size_t copied = count;
    for (size_t i = 0; i < copied; i++)
        out[i] = lines[(next + LOG_RECENT_LINES - 1 - i) % LOG_RECENT_LINES];
    pthread_mutex_unlock(&lock);
    return copied;
}
