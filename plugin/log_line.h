/* log_line.h - one message as one line, in one of three formats:
 *
 *   text     2026-11-25T12:57:46.332Z info model 3 after 0.5 s of training; 610 users to publish again
 *   logfmt   time=2026-11-25T12:57:46.332Z level=info msg="model 3 after ..." model=3 seconds=0.5
 *   json     {"time":"2026-11-25T12:57:46.332Z","level":"info","msg":"model 3 after ...","model":3,"seconds":0.5}
 *
 * The text says all that the fields say: fields are for programs. Whatever bytes a message has, control characters are escaped, so that
 * an id or a broker's message cannot forge a line; a line of JSON is always one valid object. */
#ifndef LFREC_LOG_LINE_H
#define LFREC_LOG_LINE_H

#include "log.h"
#include <stddef.h>

#define LFREC_LOG_LINE_MAX 4096u /* bytes of any line, line end included; what is longer is cut within a text */

typedef struct lfrec_log_record {
    int64_t milliseconds; /* since 1970 */
    int level;
    const char *text;
    uint64_t hidden; /* earlier messages that this one stands for */
    const lfrec_log_field *fields;
    size_t field_count;
} lfrec_log_record;

/* Returns the length; the line ends with a line end and is not NUL-terminated. */
size_t lfrec_log_line(lfrec_log_format format, const lfrec_log_record *record, char line[LFREC_LOG_LINE_MAX]);

#endif
