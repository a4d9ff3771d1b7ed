/* training.h - when to train: by events, by time, on demand; and the steps from a due training to an adopted model. Starts one only while no
 * other runs. The training itself runs in retrain's thread. */
#ifndef LFREC_TRAINING_H
#define LFREC_TRAINING_H

#include "operator.h"
#include "retrain.h"

typedef struct lfrec_training {
    lfrec_operator *op;               /* borrowed */
    lfrec_retrain *retrain;           /* owned */
    uint64_t every_events;            /* at the latest, see lfrec_training_wait; 0: not by events */
    uint32_t every_seconds;           /* 0: not by time */
    uint64_t events_then;             /* the operator's count when the last one began */
    int64_t began, last;              /* clocks, ms: of the running one; of the last start, or of the opening */
    int64_t adopted;                  /* clock of the last adoption, ms */
    double last_seconds, all_seconds; /* that the newest model took, from start to adoption; that all of them took */
    bool demanded;                    /* on request, whatever the counts say */
} lfrec_training;

typedef enum lfrec_training_result {
    LFREC_TRAINING_NOTHING, /* none has ended */
    LFREC_TRAINING_ADOPTED, /* a new model serves; every user is stale */
    LFREC_TRAINING_FAILED   /* logged and counted; the old model serves on */
} lfrec_training_result;

/* false: error says why. */
bool lfrec_training_open(lfrec_training *training, lfrec_operator *op, uint64_t every_events, uint32_t every_seconds,
                         char error[LFREC_RETRAIN_ERROR_MAX]);
void lfrec_training_close(lfrec_training *training); /* cancels a running one; takes up to an epoch */

/* From a training on `events` events, how many more until the next: a tenth, so that a young model is renewed when that brings most and
 * all trainings together cost some ten times the last one; at least 500, and at most `most`. */
uint64_t lfrec_training_wait(uint64_t events, uint64_t most);
/* Is one due by demand, events or time, with something new to learn from? */
bool lfrec_training_due(const lfrec_training *training, int64_t now);
/* Takes a copy of the ratings and starts. false: too few to train on, one is running, or it failed (logged). */
bool lfrec_training_begin(lfrec_training *training, int64_t now);
/* Takes in the model of a training that has ended. Never waits. */
lfrec_training_result lfrec_training_step(lfrec_training *training, int64_t now);

#endif
