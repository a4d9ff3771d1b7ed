/* pipe.h - the operator between standard input and standard output, without Kafka.
 *
 * A row of input is an event (JSON or CSV; see lines.h and codec.h), a line of output a user's new list as JSON. A user whose last rating
 * was taken back is written with "rated":0 and no items. Rows that are no events are logged and counted, and never stop the stream.
 *
 * Trainings happen where they are due, and reading waits for them: the same input gives the same output. At the end of the input a last
 * one takes in what came since, and every list that it changed is written. */
#ifndef LFREC_PIPE_H
#define LFREC_PIPE_H

#include "options.h"

/* The process's exit code: 0 at the end of the input or after TERM or INT, 1 when reading, writing or memory failed, 2 for bad options. */
int lfrec_pipe_run(const lfrec_config *options);

#endif
