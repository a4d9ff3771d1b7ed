/* notify.h - tells a service manager how we are (systemd, Type=notify): datagrams to the socket that NOTIFY_SOCKET names. Without
 * one nothing happens. The protocol is sd_notify(3)'s. */
#ifndef LFREC_NOTIFY_H
#define LFREC_NOTIFY_H

#include <stdint.h>

/* All zero: nobody is told. */
typedef struct lfrec_notify {
    int socket;         /* + 1; 0: none */
    int64_t every;      /* ms between two signs of life; 0: none are wanted */
    int64_t next;       /* clock of the next one, ms */
    const char *status; /* what was said last; constant text */
} lfrec_notify;

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC. */
void lfrec_notify_open(lfrec_notify *notify);
void lfrec_notify_close(lfrec_notify *notify);

void lfrec_notify_ready(lfrec_notify *notify);
/* What SIGHUP asks for is done: that it began, and that it has ended. */
void lfrec_notify_reloaded(lfrec_notify *notify);
void lfrec_notify_stopping(lfrec_notify *notify);
/* A constant text, for systemctl status; said when it is another one than last time. */
void lfrec_notify_status(lfrec_notify *notify, const char *status);
/* From the main loop, often: a sign of life whenever one is due. */
void lfrec_notify_alive(lfrec_notify *notify, int64_t now);

#endif
