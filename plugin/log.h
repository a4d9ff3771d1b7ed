/* log.h - messages on standard error, one line each: time (UTC), level, text. Control characters are escaped, so that an id or a broker's
 * message cannot forge a line. Any thread may log. Levels count as syslog and librdkafka do: a smaller number is graver. */
#ifndef LFREC_LOG_H
#define LFREC_LOG_H

#define LFREC_LOG_ERROR 3
#define LFREC_LOG_WARNING 4
#define LFREC_LOG_INFO 6
#define LFREC_LOG_DEBUG 7

#if defined(__GNUC__)
#define LFREC_LOG_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define LFREC_LOG_FORMAT(text, first)
#endif

/* Messages graver than or as grave as `level` are shown; info at the start. */
void lfrec_log_level(int level);

void lfrec_log(int level, const char *format, ...) LFREC_LOG_FORMAT(2, 3);

/* For what may come a thousand times: the first message with a key is shown, later ones are counted and shown as one line every now and
 * then (after 10 s, 20 s, 40 s, ... 5 min). Digits in the key make no difference, so a message's own text may serve as its key.
 * Without news for 10 minutes a key counts as new again. */
void lfrec_log_thinned(int level, const char *key, const char *format, ...) LFREC_LOG_FORMAT(3, 4);

/* The line that stays below all messages on a terminal; NULL takes it away. Only where standard error is a terminal. */
void lfrec_log_status(const char *text);

#endif
