/* log.h - messages on standard error or in a file, one line each (log_line.h has the formats). Any thread may log. Levels count as syslog and
 * librdkafka do: a smaller number is graver. */
#ifndef LFREC_LOG_H
#define LFREC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LFREC_LOG_ERROR 3
#define LFREC_LOG_WARNING 4
#define LFREC_LOG_INFO 6
#define LFREC_LOG_DEBUG 7

#if defined(__GNUC__)
#define LFREC_LOG_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define LFREC_LOG_FORMAT(text, first)
#endif

typedef enum lfrec_log_format { LFREC_LOG_TEXT, LFREC_LOG_LOGFMT, LFREC_LOG_JSON } lfrec_log_format;

#define LFREC_LOG_ERROR_MAX 256u /* bytes for an error text, NUL included */

/* Messages graver than or as grave as `level` are shown; info at the start. */
void lfrec_log_level(int level);
/* Debug messages too, or no longer; returns the level from now on. */
int lfrec_log_toggle_debug(void);
/* Plain text at the start. */
void lfrec_log_set_format(lfrec_log_format format);

/* From now on to the end of this file; "": to standard error. false: error says why not, and all is as before. */
bool lfrec_log_open(const char *path, char error[LFREC_LOG_ERROR_MAX]);
/* Opens the file's path anew, after somebody has moved the file away; logs that it did, or why not. */
void lfrec_log_reopen(void);

void lfrec_log(int level, const char *format, ...) LFREC_LOG_FORMAT(2, 3);

/* What a message says, for programs: shown by the formats that have fields. */
typedef struct lfrec_log_field {
    const char *name; /* lower_case */
    enum { LFREC_LOG_IS_TEXT, LFREC_LOG_IS_INTEGER, LFREC_LOG_IS_REAL } kind;
    const char *text;
    int64_t integer;
    double real; /* not finite: shown as null */
} lfrec_log_field;

#define LFREC_LOG_STRING(key, value)                              \
    {                                                             \
        .name = (key), .kind = LFREC_LOG_IS_TEXT, .text = (value) \
    }
#define LFREC_LOG_INTEGER(key, value)                                   \
    {                                                                   \
        .name = (key), .kind = LFREC_LOG_IS_INTEGER, .integer = (value) \
    }
#define LFREC_LOG_REAL(key, value)                                \
    {                                                             \
        .name = (key), .kind = LFREC_LOG_IS_REAL, .real = (value) \
    }

void lfrec_log_with(int level, const lfrec_log_field *fields, size_t count, const char *format, ...) LFREC_LOG_FORMAT(4, 5);

/* For what may come a thousand times: the first message with a key is shown, later ones are counted and shown as one line every now and
 * then (after 10 s, 20 s, 40 s, ... 5 min). Digits in the key make no difference, so a message's own text may serve as its key.
 * Without news for 10 minutes a key counts as new again. */
void lfrec_log_thinned(int level, const char *key, const char *format, ...) LFREC_LOG_FORMAT(3, 4);
void lfrec_log_thinned_with(int level, const char *key, const lfrec_log_field *fields, size_t count, const char *format,
                            ...) LFREC_LOG_FORMAT(5, 6);

/* Is it a terminal that people read the messages on, as plain text? */
bool lfrec_log_on_terminal(void);
/* The line that stays below all messages on a terminal; NULL takes it away. Only where lfrec_log_on_terminal. */
void lfrec_log_status(const char *text);

#endif
