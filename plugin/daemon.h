/* daemon.h - the stream processor on Kafka: consumer -> codec -> operator -> producer, with training, publishing, commits and shutdown. */
#ifndef LFREC_DAEMON_H
#define LFREC_DAEMON_H

#include "options.h"

/* How a run ended, as the process's exit code. */
enum {
    LFREC_EXIT_CLEAN = 0, /* all that was learned is published, acknowledged and committed, or will be after the next start */
    LFREC_EXIT_FAILED = 1, /* stopped by a run-time failure, or a stop that could not finish its work */
    LFREC_EXIT_CONFIG = 2, /* nothing was started */
    LFREC_EXIT_FATAL = 3   /* the Kafka client is fenced or broken: start the process again */
};

typedef struct lfrec_daemon_end {
    int code;
    bool threads_left; /* a client or a training could not be ended in time: leave by _exit */
} lfrec_daemon_end;

/* Runs until a signal or a failure. Everything that goes wrong is logged. */
lfrec_daemon_end lfrec_daemon_run(const lfrec_config *options);

#endif
