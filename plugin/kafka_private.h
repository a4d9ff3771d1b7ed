/* kafka_private.h - what kafka.c and its siblings share; nobody else includes this.
 *
 * kafka.c           open, close, joining, errors, the client's log
 * kafka_config.c    properties: ours, the user's, and those that must stay
 * kafka_topics.c    is the input there; make the outputs
 * kafka_consumer.c  messages, rebalance, commits, lag
 * kafka_transaction.c exactly-once: outputs and offsets together
 * kafka_readback.c  what of the output topic is committed
 * kafka_producer.c  lists and dead letters, delivery reports */
#ifndef LFREC_KAFKA_PRIVATE_H
#define LFREC_KAFKA_PRIVATE_H

#include "kafka.h"
#include <librdkafka/rdkafka.h>

#define KAFKA_FENCED_HINT                                                                         \
    ": another process has this transactional.id, or the brokers ended a transaction older than " \
    "transaction.timeout.ms"

/* A message the handler did not take yet. */
typedef struct held_message {
    rd_kafka_message_t *message;
    struct held_message *next;
} held_message;

struct lfrec_kafka {
    const lfrec_config *options;
    const char *bootstrap; /* borrowed; NULL: the options' */
    lfrec_kafka_handler handler;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *incoming;             /* the consumer's */
    rd_kafka_topic_t *output, *dead_letter; /* dead_letter NULL: there is no such topic */
    int input_partitions;                   /* when last looked at; 0: not yet */

    int commits_pending;
    rd_kafka_queue_t *commits;                  /* answers to commits */
    rd_kafka_topic_partition_list_t *to_commit; /* collected for the next one */
    bool commit_refused;                        /* since the last wait */
    bool commits_held; /* cooperative rebalance under way: a commit now would cost the assignment */

    bool transactional, transactions_ready; /* exactly-once; the producer may begin */
    bool in_transaction, spoiled;           /* one is open; it can only be aborted */
    int64_t began, transaction_ms;          /* when it was opened; the brokers end one that is older */
    bool worn;                              /* they did, and the producer is of no more use: kafka_worn */
    enum {
        KAFKA_OPEN,
        KAFKA_OFFSETS,
        KAFKA_COMMITTING,
        KAFKA_ABORTING
    } ending; /* what is being done; after open, nothing is produced */

    bool closing, assigned; /* assigned: at least once */
    bool paused;            /* intake */
    held_message *held, *held_last;
    int64_t held_since; /* clock, ms */

    size_t queue_limit; /* messages the producer queues */
    size_t list_limit,
        letter_limit; /* in a transaction, messages of so many bytes were too large and are not tried again; 0: none was */
    unsigned turn;

    lfrec_kafka_status status; /* FAILED and FATAL stay */
    lfrec_kafka_counts counts;
    char error[LFREC_KAFKA_ERROR_MAX];
};

/* The first reason to stop is kept. */
void kafka_fail(lfrec_kafka *kafka, lfrec_kafka_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void kafka_on_log(const rd_kafka_t *client, int level, const char *facility, const char *text);

/* For the end of a message about a topic or the group: what is lacking, ": the account needs ..."; "" when the error says it all. */
const char *kafka_lacks(rd_kafka_resp_err_t code, bool writing);

/* A configuration with our properties and the user's; NULL: error names the one that is wrong. */
rd_kafka_conf_t *kafka_config(const lfrec_config *options, lfrec_client client, const char *bootstrap,
                              char error[LFREC_KAFKA_ERROR_MAX]);

/* The topic's number of partitions as a client's broker sees it; 0: it does not exist; -1: it was not told (a message says why).
 * A consumer's question never makes a broker create the topic, a producer's may. writing: what we are going to do there. */
int kafka_partitions_of(lfrec_kafka *k, rd_kafka_t *client, const char *name, bool writing, int limit_ms);
lfrec_kafka_status kafka_topics_prepare(lfrec_kafka *kafka, int limit_ms);
/* Has the input topic grown? Then keys may go elsewhere than before, which deserves a warning. */
void kafka_topics_look_again(lfrec_kafka *kafka, int limit_ms);

void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque);
void kafka_serve_commits(lfrec_kafka *kafka, int timeout_ms);
void kafka_drop_held(lfrec_kafka *kafka, const rd_kafka_topic_partition_list_t *of); /* NULL: all */

/* The producer has met a fatal error. true: because the brokers ended its transaction, which was open for longer than they allow, or know of
 * none; a new one can go on, and will (lfrec_kafka_abort). false: another process has its transactional.id, or it is broken. */
bool kafka_worn(lfrec_kafka *kafka);
bool kafka_close_consumer(rd_kafka_t *consumer, int limit_ms); /* leaves its group, if it is in one. false: not in time */
void kafka_end_client(rd_kafka_t *client); /* a consumer that is closed or in no group, or a producer; leaves it behind if it does not end */
bool kafka_open_producer(lfrec_kafka *kafka, char error[LFREC_KAFKA_ERROR_MAX]);
void kafka_close_producer(lfrec_kafka *kafka); /* what is queued is reported as purged */

/* AGAIN: the coordinator did not answer yet. */
lfrec_kafka_status kafka_transactions_prepare(lfrec_kafka *kafka, int limit_ms);
/* Opens a transaction if there is none. */
lfrec_kafka_status kafka_transaction_begin(lfrec_kafka *kafka);
/* The group's offsets of these partitions, and from where to read on: asks the handler. false: the offsets are not known, and must be. */
bool kafka_place(lfrec_kafka *kafka, rd_kafka_topic_partition_list_t *list);

void kafka_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);

#endif
