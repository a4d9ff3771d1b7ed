/* daemon_private.h - what the daemon's two halves share; nobody else includes this.
 *
 * daemon.c         start, the loop, stop
 * daemon_models.c  trainers and scorers
 * daemon_events.c  what happens when Kafka or the operator calls: messages, lists, reports, partitions
 * daemon_metrics.c figures and answers for the HTTP port
 * daemon_published.c what was published before
 * daemon_state.c   snapshots: writing, restoring, and telling whether one fits */
#ifndef LFREC_DAEMON_PRIVATE_H
#define LFREC_DAEMON_PRIVATE_H

#include "codec.h"
#include "daemon.h"
#include "delivery.h"
#include "http.h"
#include "kafka.h"
#include "kafka_models.h"
#include "notify.h"
#include "progress.h"
#include "published.h"
#include "sample.h"
#include "signals.h"
#include "snapshot_writer.h"
#include "training.h"

/* What shows that there is something new to write down. */
typedef struct lfrec_snapshot_mark {
    uint64_t events, acknowledged, version;
    size_t partitions;
} lfrec_snapshot_mark;

/* The output topic, while it is read back. Nothing else is read or published meanwhile. */
typedef struct daemon_reading {
    lfrec_kafka_outputs *outputs; /* NULL: it is not */
    int64_t since, began, told;   /* ms since 1970; clocks, ms */
    uint64_t lists;
} daemon_reading;

typedef struct daemon {
    const lfrec_config *options;
    lfrec_codec codec;
    lfrec_decoded decoded;
    lfrec_buffer buffer;
    lfrec_signals *signals;
    lfrec_operator *op;
    lfrec_delivery *delivery;
    lfrec_training training;
    lfrec_kafka *kafka;
    lfrec_kafka_models *models; /* a trainer's or a scorer's; NULL: neither */
    lfrec_sample sample;        /* of users; a trainer's is bounded */
    lfrec_progress_line progress;
    lfrec_notify notify;

    lfrec_partition *learning; /* where the event being learned came from; NULL outside of learn */
    int64_t learning_offset;

    bool ready;        /* every assigned partition has caught up */
    bool first_model;  /* lists wait for the first training after catching up */
    bool lists_wait;   /* users may be waiting to be published */
    double tokens;     /* lists the publish rate allows now */
    int64_t tokens_at; /* clock, ms */
    int64_t commit_at;
    int64_t back_off; /* ms more between transactions, after aborted ones */
    int64_t started_over_at;

    lfrec_snapshot_writer *snapshots; /* NULL: no snapshots */
    lfrec_snapshot_bytes saved_bytes; /* of the file that is restored from; none while everybody has caught up */
    lfrec_snapshot saved;
    lfrec_published *published;    /* with exactly-once, until everybody has caught up: what the output topic says */
    bool read_back, read_back_all; /* it is to be read back: what came since the snapshot, or all of it */
    daemon_reading reading;
    char *cluster;              /* id; NULL: not asked yet */
    lfrec_snapshot_mark marked; /* what was when the last one was made */

    lfrec_http *http;      /* NULL: no port */
    lfrec_latency latency; /* measured where there is a port */
    double started;        /* seconds since 1970 */
    int64_t shown_at;      /* clock, ms */

    uint64_t events, bad, bad_by_reason[LFREC_BAD_COUNT];
    bool hurry;       /* the broker did not answer in time: wait no longer than needed */
    bool left_behind; /* an offset that could have been committed was not, when its partition left */
    bool stopping;
    bool ceiling_told;
    int64_t ceiling_at; /* clock, ms: when to look again */
    bool start_over;    /* a transaction was aborted while partitions were on their way */
    bool no_commit;     /* an output failed: nothing may be committed any more */
    int code;           /* why to end; 0 while running */
} daemon;

/* Ends the run with this code; the first reason is logged and kept. */
void daemon_give_up(daemon *d, int code, const char *why);

/* The operator's callback and Kafka's. */
bool daemon_on_list(void *context, const lfrec_recommendation *list);
void daemon_on_evicted(void *context, lfrec_id user, uint32_t slot);
lfrec_kafka_handler daemon_kafka_handler(daemon *d);

void daemon_check_ready(daemon *d); /* has everybody caught up? */

/* Sends the offsets that may be committed. */
void daemon_commit(daemon *d);
/* Waits until everything handed to the producer is acknowledged, and what that allows is committed; not longer than makes sense. */
void daemon_finish_outputs(daemon *d);
/* With exactly-once: ends the open transaction, together with the offsets. false: it is still open, or it was aborted and all is read
 * again from the last one. */
bool daemon_transact(daemon *d, int wait_ms);

/* A trainer's or scorer's part; nothing for one that is both. */
lfrec_kafka_status daemon_open_models(daemon *d, const char *bootstrap, char error[LFREC_KAFKA_ERROR_MAX]);
void daemon_serve_models(daemon *d);    /* in every turn */
void daemon_model_trained(daemon *d);   /* a training's model has been adopted */
bool daemon_trains(const daemon *d);    /* now, and here */
bool daemon_publishes(const daemon *d); /* lists; a scorer when it knows the newest model */
bool daemon_in_sample(const daemon *d, lfrec_id user);

/* With exactly-once: what is published for the users of partitions that have just been assigned is to be read back, and in every turn some of it
 * is. */
void daemon_read_back(void *context);
void daemon_serve_read_back(daemon *d, int64_t now);
void daemon_stop_read_back(daemon *d);  /* what is known so far is kept */
void daemon_close_read_back(daemon *d); /* everybody has caught up */

/* Takes the snapshot file for this process and brings the model back. false: error says why not. */
bool daemon_open_state(daemon *d, char error[LFREC_SNAPSHOT_ERROR_MAX]);
/* Brings a partition's users back, and says where to read on: LFREC_KAFKA_BEGINNING, after saying why, if there is no snapshot that fits. */
int64_t daemon_restore(daemon *d, lfrec_partition *partition, int64_t begin, int64_t end);
/* Is this the topic that the partition's restored state came from? false: it was not, and is read from its beginning instead. */
bool daemon_prove(daemon *d, lfrec_partition *partition, const lfrec_kafka_message *message, uint64_t witness);
/* Writes a snapshot when one is due; last: now, and waits for it. */
void daemon_serve_state(daemon *d, int64_t now, bool last);
void daemon_restored(daemon *d); /* everybody has caught up */
void daemon_close_state(daemon *d);

/* Events that partition number i is behind its end, and a sum of such; -1: not known. */
int64_t daemon_lag(const daemon *d, size_t i);
int64_t daemon_add_lag(int64_t total, int64_t lag);

/* Opens the HTTP port if there is to be one. false: error says why not. */
bool daemon_open_http(daemon *d, char error[LFREC_HTTP_ERROR_MAX]);
/* Questions wake the loop; to be switched off before the clients are closed. */
void daemon_wake_for_http(daemon *d, bool on);
/* Answers questions and shows the figures; to be called in every turn. */
void daemon_serve_http(daemon *d, int64_t now);

#endif
