/* options.h - the command line, property files and the table of our properties.
 *
 * One table (options.c) of name, type, default, range and help drives parsing, validation, --help, --check-config and the man page.
 * Properties are name=value pairs; they come from -X, from -F files, and from the letters that stand for one (-b is bootstrap.servers).
 * They are taken from left to right, and a later one replaces an earlier one.
 *   lfrec.NAME               ours; an unknown one is an error
 *   consumer.NAME            to librdkafka's consumer only
 *   producer.NAME            to librdkafka's producer only
 *   any other NAME           to both
 * Those for librdkafka are only collected here, in order; whoever owns the client validates them. */
#ifndef LFREC_OPTIONS_H
#define LFREC_OPTIONS_H

#include "format.h"
#include "http_address.h"
#include "log.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LFREC_TOPIC_MAX 249u         /* bytes in a topic's name, Kafka's own limit */
#define LFREC_PATH_MAX 255u          /* bytes in a file's path */
#define LFREC_CONFIG_ERROR_MAX 1024u /* bytes for an error text, NUL included */
#define LFREC_OPTIONS_EXIT_USAGE 2   /* the process's exit code for a usage or configuration error */
#define LFREC_OPTION_COUNT 31        /* rows in the table */

typedef enum lfrec_action {
    LFREC_ACTION_RUN,
    LFREC_ACTION_HELP,         /* print lfrec_config_help and leave with 0 */
    LFREC_ACTION_MAN,          /* --help=man: print lfrec_config_man and leave with 0 */
    LFREC_ACTION_VERSION,      /* print the version and leave with 0 */
    LFREC_ACTION_CHECK_CONFIG, /* validate, print lfrec_config_dump and leave with 0 */
    LFREC_ACTION_DUMP_SNAPSHOT /* print lfrec_config.dumped as CSV and leave with 0, or 1 if it cannot be read */
} lfrec_action;

typedef enum lfrec_role {
    LFREC_ROLE_ALL,     /* learns, trains and publishes */
    LFREC_ROLE_TRAINER, /* learns from a sample of users, trains, and publishes models */
    LFREC_ROLE_SCORER   /* learns, follows the models of a trainer, and publishes lists */
} lfrec_role;

typedef enum lfrec_delivery_mode {
    LFREC_AT_LEAST_ONCE,
    LFREC_EXACTLY_ONCE /* outputs and input offsets in one transaction */
} lfrec_delivery_mode;

typedef enum lfrec_client {
    LFREC_CLIENT_CONSUMER = 1,
    LFREC_CLIENT_PRODUCER = 2,
    LFREC_CLIENT_BOTH = 3 /* CONSUMER | PRODUCER */
} lfrec_client;

/* One property for librdkafka. */
typedef struct lfrec_property {
    char *name;   /* without the prefix */
    char *value;  /* may be a secret: show it through lfrec_property_shown only */
    char *origin; /* where it was given: "-b", "-X", "lfrec.conf:12", "default" */
    lfrec_client client;
} lfrec_property;

typedef struct lfrec_config {
    lfrec_action action;
    const char *dumped; /* --dump-snapshot: the file; borrowed from argv */
    bool pipe;          /* --pipe: standard input and output instead of Kafka */
    bool quiet;         /* -q: no progress line; also sets lfrec.log.level=warning */

    char input_topic[LFREC_TOPIC_MAX + 1];
    char output_topic[LFREC_TOPIC_MAX + 1];
    char dead_letter_topic[LFREC_TOPIC_MAX + 1]; /* empty: count and log bad events only */
    lfrec_role role;
    char model_topic[LFREC_TOPIC_MAX + 1];
    uint64_t trainer_users; /* most in a trainer's sample; 0: all */
    lfrec_format format;
    float scale_min, scale_max;
    uint32_t factors;
    uint32_t ranking; /* factors of the model that orders lists; 0: none */
    uint32_t top_n;
    uint32_t min_support;
    uint32_t epochs;
    uint32_t explain;                /* reasons per item; 0: none */
    uint32_t most_users, most_items; /* 0: no ceiling */
    uint64_t retrain_events;         /* 0: off */
    uint32_t retrain_seconds;        /* 0: off */
    uint32_t retrain_threads;
    uint32_t publish_rate; /* lists per second when republishing after a retraining; 0: as fast as the producer takes them */
    uint64_t seed;
    bool embedded;
    uint32_t embedded_partitions;
    char http_listen[LFREC_ADDRESS_MAX];    /* see http_address.h; empty: no HTTP port */
    char snapshot_path[LFREC_PATH_MAX + 1]; /* empty: no snapshots */
    lfrec_delivery_mode delivery;
    uint32_t snapshot_interval; /* ms */
    int log_level;              /* as syslog and librdkafka count: 3 error, 4 warning, 6 info, 7 debug */
    lfrec_log_format log_format;
    char log_file[LFREC_PATH_MAX + 1]; /* empty: standard error */

    lfrec_property *properties; /* for librdkafka, in the order given: a later one replaces an earlier one */
    size_t property_count;

    size_t property_capacity;          /* private */
    char *origins[LFREC_OPTION_COUNT]; /* private: where each of our properties was given; NULL: default */
} lfrec_config;

/* Fills *options from its defaults and the command line. 0; or LFREC_OPTIONS_EXIT_USAGE and a text of what is wrong, where, and what is
 * allowed, never with a secret in it. *options is to be freed in either case. Uses getopt_long, so one thread at a time. */
int lfrec_config_parse(lfrec_config *options, int argc, char *const argv[], char error[LFREC_CONFIG_ERROR_MAX]);

/* The pieces of it: defaults; one property; the lines of a properties file (origin is the name for errors); what can only be judged when
 * all is known. false: error says what, where and what is allowed. */
void lfrec_config_init(lfrec_config *options);
bool lfrec_config_set(lfrec_config *options, const char *name, const char *value, const char *origin,
                      char error[LFREC_CONFIG_ERROR_MAX]);
bool lfrec_config_text(lfrec_config *options, const char *text, size_t length, const char *origin,
                       char error[LFREC_CONFIG_ERROR_MAX]);
bool lfrec_config_file(lfrec_config *options, const char *path, char error[LFREC_CONFIG_ERROR_MAX]);
bool lfrec_config_check(lfrec_config *options, char error[LFREC_CONFIG_ERROR_MAX]);

void lfrec_config_free(lfrec_config *options);           /* NULL is allowed */
bool lfrec_config_retrains(const lfrec_config *options); /* is there any training? */

/* The value that one client will get for a librdkafka property, NULL for none: "bootstrap.servers", "group.id" (-G; default lfrec). */
const char *lfrec_config_client_value(const lfrec_config *options, lfrec_client client, const char *name);

/* What may be shown of a property's value: the value itself, or "[hidden]" for passwords, secrets, tokens, keys, JAAS lines, and for
 * whatever in sasl.* and ssl.* is not known to be harmless (a mistyped sasl.pasword carries a password too). */
const char *lfrec_property_shown(const char *name, const char *value);
bool lfrec_property_is_secret(const char *name);

/* The nearest of our property names (also for one written without its "lfrec."), NULL when none is near. For "did you mean". */
const char *lfrec_config_nearest(const char *name);

void lfrec_config_help(FILE *out, const char *program);
void lfrec_config_man(FILE *out); /* our properties as a man page section (roff) */

/* The effective configuration as a properties file, every lfrec.* with its origin, secrets hidden. */
void lfrec_config_dump(const lfrec_config *options, FILE *out);

#endif
