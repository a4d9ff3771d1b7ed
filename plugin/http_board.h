/* http_board.h - the notice board between the daemon and whoever asks by HTTP: the daemon pins its figures and newest lists up, HTTP's threads
 * copy them and write text from the copy. The mutex is held for a copy of some 100 KB at most, never while anything is written, sent or
 * waited for. */
#ifndef LFREC_HTTP_BOARD_H
#define LFREC_HTTP_BOARD_H

#include "metrics.h"

typedef struct lfrec_board lfrec_board; /* opaque */

/* topic, library: as for lfrec_metrics_write; borrowed until close. NULL: no memory. */
lfrec_board *lfrec_board_open(const char *topic, const char *library);
void lfrec_board_close(lfrec_board *board); /* NULL is allowed */

/* ---- for the daemon's thread ---- */

/* Now and then: the figures as they are. A model version that is new makes a mark in the history. */
void lfrec_board_show(lfrec_board *board, const lfrec_metrics *metrics, int64_t now_ms);
/* A list was published. Of many in a short time only some are shown: it costs next to nothing then. */
void lfrec_board_list(lfrec_board *board, const lfrec_recommendation *list, int64_t now_ms);
/* The daemon is going down: not ready any more. */
void lfrec_board_stopping(lfrec_board *board);

/* ---- for any thread ---- */

/* Milliseconds since the daemon last showed something: how long its loop has not turned. */
int64_t lfrec_board_silent_ms(lfrec_board *board, int64_t now_ms);
/* NULL: ready; else what is waited for. */
const char *lfrec_board_not_ready(lfrec_board *board);
/* Prometheus's text. false: no memory. */
bool lfrec_board_metrics(lfrec_board *board, lfrec_buffer *out);
/* What the page draws, as JSON, to be freed; NULL: no memory. */
char *lfrec_board_status(lfrec_board *board);

#endif
