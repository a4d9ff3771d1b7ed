/* kafka.h - the transport: one consumer in a group on the input topic, one producer to the output and the dead-letter topic. Its
 * sources (kafka*.c) are the only ones that know librdkafka.
 *
 * Everything runs in the caller's thread, inside lfrec_kafka_poll, flush and close: the handler's functions are called from there. On
 * assignment a partition is read from where the handler says. Nothing is committed but what lfrec_kafka_commit is told to. */
#ifndef LFREC_KAFKA_H
#define LFREC_KAFKA_H

#include "options.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lfrec_kafka lfrec_kafka; /* opaque */

#define LFREC_KAFKA_BEGINNING (-1)
#define LFREC_KAFKA_ERROR_MAX 512u /* bytes for an error text, NUL included */

/* One message of the input topic, borrowed for the call. */
typedef struct lfrec_kafka_message {
    int32_t partition;
    int64_t offset;
    const void *key; /* NULL: no key */
    size_t key_length;
    const void *value; /* NULL: a tombstone; an empty value is not NULL */
    size_t value_length;
    int64_t timestamp;  /* ms since 1970, as the broker or the producer set it; -1: none */
    const void *native; /* private: for lfrec_kafka_dead_letter */
} lfrec_kafka_message;

typedef struct lfrec_kafka_handler {
    void *context;
    /* A partition is ours; its messages will come from the offset that is returned, LFREC_KAFKA_BEGINNING: from the first there is.
     * committed: the group's offset, -1: none or not known. begin, end: of the partition now, -1: not known (an `end` call will tell when
     * the end is reached). */
    int64_t (*assigned)(void *context, int32_t partition, int64_t committed, int64_t begin, int64_t end);
    /* Something takes long; called every few seconds meanwhile. false: it is to be given up. */
    bool (*waiting)(void *context);
    /* The last of some partitions was assigned; nothing of them has been read yet. */
    void (*placed)(void *context);
    /* Partitions leave. lost: another member may own them already, nothing can be committed. The call may flush and commit. */
    void (*revoked)(void *context, const int32_t *partitions, size_t count, bool lost);
    /* false: "not now". The message is offered again, before any other, and nothing more is read meanwhile. */
    bool (*message)(void *context, const lfrec_kafka_message *message);
    /* All messages of the partition before `next` have been offered, and it ends there for now. */
    void (*end)(void *context, int32_t partition, int64_t next);
    /* What became of a produced message: acknowledged, or given up for good as undeliverable (too large; logged and counted), or
     * neither: purged or failed, so that its input must not be committed. */
    void (*delivered)(void *context, void *cause, bool settled);
    /* The broker has noted an offset. */
    void (*committed)(void *context, int32_t partition, int64_t offset);
} lfrec_kafka_handler;

typedef enum lfrec_kafka_status {
    LFREC_KAFKA_OK,
    LFREC_KAFKA_AGAIN,     /* not possible now: the queue is full, no broker answers */
    LFREC_KAFKA_FAILED,    /* cannot go on; lfrec_kafka_error says why */
    LFREC_KAFKA_FATAL,     /* the client is fenced or broken: a new process may go on */
    LFREC_KAFKA_BAD_CONFIG /* a property is unknown, ill-typed or would break delivery; the text names it */
} lfrec_kafka_status;

/* How a transaction ended. */
typedef enum lfrec_kafka_end {
    LFREC_KAFKA_COMMITTED,
    LFREC_KAFKA_LATER, /* not all outputs are acknowledged yet, a rebalance is under way, or no broker answers: call again */
    LFREC_KAFKA_ABORTED /* nothing of it counts: what was learned since the last one has to be learned again (lfrec_kafka_start_over) */
} lfrec_kafka_end;

typedef struct lfrec_kafka_counts {
    uint64_t produced, acknowledged, undeliverable;
    uint64_t dead_letters;       /* handed to the producer */
    uint64_t committed, aborted; /* transactions */
    int queued;                  /* messages in the producer, reports not yet seen included */
} lfrec_kafka_counts;

const char *lfrec_kafka_library(void); /* librdkafka's version */

/* Are the properties good for librdkafka? Connects to nothing. */
lfrec_kafka_status lfrec_kafka_check(const lfrec_config *options, char error[LFREC_KAFKA_ERROR_MAX]);

/* The options are borrowed until close. bootstrap: overrides bootstrap.servers; NULL: not. */
lfrec_kafka_status lfrec_kafka_open(lfrec_kafka **out, const lfrec_config *options, const char *bootstrap,
                                    const lfrec_kafka_handler *handler, char error[LFREC_KAFKA_ERROR_MAX]);

/* Looks at the topics, makes the output and dead-letter topic where they are missing and the broker lets us, and joins the group. Takes
 * a second at most per call; AGAIN: no broker answered, or the input topic is missing; call again. */
lfrec_kafka_status lfrec_kafka_join(lfrec_kafka *kafka);

/* Serves the client for up to timeout_ms: at most one message is offered to the handler. Returns at once after one. */
lfrec_kafka_status lfrec_kafka_poll(lfrec_kafka *kafka, int timeout_ms);
/* From any thread: the poll that waits, or else the next one, returns early. */
void lfrec_kafka_wake(lfrec_kafka *kafka);
const char *lfrec_kafka_error(const lfrec_kafka *kafka);

/* Messages the producer would take now. */
size_t lfrec_kafka_room(const lfrec_kafka *kafka);
/* value NULL: a null value. The bytes are copied. `cause` comes back through handler.delivered, once, if and only if this returns OK. */
lfrec_kafka_status lfrec_kafka_publish(lfrec_kafka *kafka, const void *key, size_t key_length, const void *value,
                                       size_t value_length, void *cause);
/* The message to the dead-letter topic: key, value and headers as they came, and where it was and what is wrong as headers. */
lfrec_kafka_status lfrec_kafka_dead_letter(lfrec_kafka *kafka, const lfrec_kafka_message *message, const char *reason,
                                           const char *text, void *cause);
/* Waits until all that was produced is reported; gives up after limit_ms without any progress, or at most_ms. false: given up. */
bool lfrec_kafka_flush(lfrec_kafka *kafka, int limit_ms, int most_ms);

/* With exactly-once, outputs are part of a transaction that begins with the first of them. This ends it, together with the offsets given
 * by lfrec_kafka_commit; handler.committed tells of them. complete: all its outputs are acknowledged (lfrec_kafka_flush), and the
 * offsets of just these were given since. On a failure see lfrec_kafka_error. */
lfrec_kafka_end lfrec_kafka_transact(lfrec_kafka *kafka, bool complete);
/* Ends it without effect, unless it is being committed already, and makes a new producer if the brokers had ended it. false: not within limit_ms; lfrec_kafka_transact goes on with it. */
bool lfrec_kafka_abort(lfrec_kafka *kafka, int limit_ms);
bool lfrec_kafka_in_transaction(const lfrec_kafka *kafka);
/* Reads every assigned partition from its committed state again: handler.revoked with lost, then handler.assigned. false: it could not, and nothing
 * may be taken until it could. */
bool lfrec_kafka_start_over(lfrec_kafka *kafka);

/* The output topic, read back as far as it is committed: `since`, ms since 1970, 0: from its beginning. NULL: logged. */
typedef struct lfrec_kafka_outputs lfrec_kafka_outputs; /* opaque */
lfrec_kafka_outputs *lfrec_kafka_outputs_open(lfrec_kafka *kafka, int64_t since);
void lfrec_kafka_outputs_close(lfrec_kafka_outputs *outputs); /* NULL is allowed */

typedef enum lfrec_kafka_reading {
    LFREC_KAFKA_READING,   /* there is more */
    LFREC_KAFKA_READ,      /* all that was there when the end came in sight */
    LFREC_KAFKA_UNREADABLE /* not all of it could be read, or each said false; logged */
} lfrec_kafka_reading;

/* Reads on for up to limit_ms, or while a question to the brokers takes a second or two. Waits for transactions of others that are open, but
 * not for long. */
typedef bool lfrec_kafka_output(void *context, const void *key, size_t key_length, const void *value, size_t length);
lfrec_kafka_reading lfrec_kafka_outputs_step(lfrec_kafka_outputs *outputs, lfrec_kafka_output *each, void *context,
                                             int limit_ms);
/* What has come since counts, too. */
void lfrec_kafka_outputs_again(lfrec_kafka_outputs *outputs);
/* Offsets still to be read; -1: not known. */
int64_t lfrec_kafka_outputs_left(const lfrec_kafka_outputs *outputs);

/* Sends an offset; lfrec_kafka_commit_send sends all that were given since. The answers come to handler.committed. */
void lfrec_kafka_commit(lfrec_kafka *kafka, int32_t partition, int64_t offset);
void lfrec_kafka_commit_send(lfrec_kafka *kafka);
bool lfrec_kafka_commit_pending(const lfrec_kafka *kafka); /* an answer is still to come */
/* Waits for the answers of commits on their way. false: not all came, or one was refused. */
bool lfrec_kafka_commit_wait(lfrec_kafka *kafka, int limit_ms);

/* Reads a partition from its beginning again, from the next message on; to be called from handler.message. false: it cannot. */
bool lfrec_kafka_rewind(lfrec_kafka *kafka, int32_t partition);
/* The cluster's id; empty: not known. To be freed by the caller's free(). */
char *lfrec_kafka_cluster(const lfrec_kafka *kafka);

/* How many offsets the partition's end is behind `position`, as far as known from the last fetch; -1: not known. */
int64_t lfrec_kafka_lag(const lfrec_kafka *kafka, int32_t partition, int64_t position);
lfrec_kafka_counts lfrec_kafka_counts_of(const lfrec_kafka *kafka);

/* Leaves the group (handler.revoked is called) and ends the clients. false: not within limit_ms; what hangs is left to the end of the
 * process. NULL is allowed. */
bool lfrec_kafka_close(lfrec_kafka *kafka, int limit_ms);

#endif
