#include "kafka_private.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct setting {
    lfrec_client client;
    const char *name, *value;
} setting;

/* Ours; the user's replace them. */
static const setting settings[] = {
    {LFREC_CLIENT_BOTH, "client.id", "lfrec"},
    /* The default (10 s) lets a short outage cost the group membership. */
    {LFREC_CLIENT_BOTH, "reconnect.backoff.max.ms", "500"},
    {LFREC_CLIENT_CONSUMER, "enable.auto.commit", "false"},
    {LFREC_CLIENT_CONSUMER, "enable.auto.offset.store", "false"},
    {LFREC_CLIENT_CONSUMER, "enable.partition.eof", "true"},
    /* Partitions added later are read from their beginning, and noticed soon. */
    {LFREC_CLIENT_CONSUMER, "auto.offset.reset", "earliest"},
    {LFREC_CLIENT_CONSUMER, "topic.metadata.refresh.interval.ms", "10000"},
    {LFREC_CLIENT_CONSUMER, "partition.assignment.strategy", "range"},
    /* When the local queue is full librdkafka 2.0 sleeps for a second, so it must hold more than a second of work. */
    {LFREC_CLIENT_CONSUMER, "queued.min.messages", "500000"},
    /* The end of a partition shows by an empty fetch, which waits this long. */
    {LFREC_CLIENT_CONSUMER, "fetch.wait.max.ms", "50"},
    {LFREC_CLIENT_CONSUMER, "fetch.error.backoff.ms", "100"},
    {LFREC_CLIENT_PRODUCER, "enable.idempotence", "true"},
    /* The same partition for a key as Java's producers choose; librdkafka's own default is another. */
    {LFREC_CLIENT_PRODUCER, "partitioner", "murmur2_random"},
    {LFREC_CLIENT_PRODUCER, "linger.ms", "1"},
    {LFREC_CLIENT_PRODUCER, "compression.codec", "lz4"},
    /* A list waits for its broker as long as it takes: memory is bounded by the queue, and intake stops when that is full. */
    {LFREC_CLIENT_PRODUCER, "message.timeout.ms", "0"},
    {LFREC_CLIENT_PRODUCER, "queue.buffering.max.kbytes", "65536"},
    /* A dead letter may be as large as the broker lets an input message be; the broker, not the client, shall judge. */
    {LFREC_CLIENT_PRODUCER, "message.max.bytes", "10000000"},
};

typedef struct fixed {
    const char *name;
    const char *allowed; /* separated by spaces; empty: nothing */
    const char *why;
} fixed;

/* What the meaning of a committed offset and of the newest list rests on. */
static const fixed fixed_properties[] = {
    {"enable.auto.commit", "false f 0", "an offset is committed only after the output it caused is acknowledged"},
    {"auto.commit.enable", "false f 0", "an offset is committed only after the output it caused is acknowledged"},
    {"enable.auto.offset.store", "false f 0", "an offset is committed only after the output it caused is acknowledged"},
    {"enable.partition.eof", "true t 1", "the end of catching up is found by it"},
    {"auto.offset.reset", "earliest smallest beginning", "ratings would be lost without a word"},
    {"enable.idempotence", "true t 1", "lists of one user could be lost or change their order"},
    {"acks", "all -1", "a list that one broker lost would count as delivered"},
    {"request.required.acks", "all -1", "a list that one broker lost would count as delivered"},
    {"delivery.report.only.error", "false f 0", "offsets move by delivery reports"},
};

static bool word_among(const char *words, const char *word)
{
    size_t length = strlen(word);
    while (*words) {
        size_t end = strcspn(words, " ");
        if (end == length && strncasecmp(words, word, length) == 0) {
            return true;
        }
        words += end + (words[end] == ' ');
    }
    return false;
}

static bool stays(const lfrec_property *property, char error[LFREC_KAFKA_ERROR_MAX])
{
    for (size_t i = 0; i < sizeof fixed_properties / sizeof fixed_properties[0]; i++) {
        const fixed *f = &fixed_properties[i];
        if (strcmp(property->name, f->name) == 0 && !word_among(f->allowed, property->value)) {
            const char *space = strchr(f->allowed, ' ');
            if (*f->allowed) {
                snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s: %s must stay %.*s: %s", property->origin, f->name,
                         (int)(space ? space - f->allowed : (ptrdiff_t)strlen(f->allowed)), f->allowed, f->why);
            } else {
                snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s: %s cannot be set: %s", property->origin, f->name, f->why);
            }
            return false;
        }
    }
    return true;
}

/* One for each instance, and the same at its next start, which then ends what the one before left open. */
static void transactional_id(const lfrec_config *options, char out[1024])
{
    char host[256] = "", own[32];
    const char *group = lfrec_config_client_value(options, LFREC_CLIENT_CONSUMER, "group.id");
    const char *member = lfrec_config_client_value(options, LFREC_CLIENT_CONSUMER, "group.instance.id");
    gethostname(host, sizeof host - 1);
    snprintf(own, sizeof own, "%ld", (long)getpid());
    snprintf(out, 1024, "%s/%s/%s", group ? group : "lfrec", host,
             member                    ? member
             : *options->snapshot_path ? options->snapshot_path
                                       : own);
}

/* What transactions need, before the user's own. A message may wait for as long as its transaction lives. */
static void set_transactions(rd_kafka_conf_t *conf, const lfrec_config *options)
{
    char id[1024];
    transactional_id(options, id);
    rd_kafka_conf_set(conf, "transactional.id", id, NULL, 0);
    rd_kafka_conf_set(conf, "transaction.timeout.ms", "60000", NULL, 0);
    rd_kafka_conf_set(conf, "message.timeout.ms", "60000", NULL, 0);
}

static bool set_user_property(rd_kafka_conf_t *conf, const lfrec_property *property, lfrec_delivery_mode mode,
                              char error[LFREC_KAFKA_ERROR_MAX])
{
    char text[256];
    if (!stays(property, error)) {
        return false;
    }
    if (strcmp(property->name, "transactional.id") == 0 && mode != LFREC_EXACTLY_ONCE) {
        snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s: transactional.id is for lfrec.delivery=exactly-once", property->origin);
        return false;
    }
    switch (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK: return true;
    case RD_KAFKA_CONF_UNKNOWN:
        snprintf(error,
                 LFREC_KAFKA_ERROR_MAX, "%s: librdkafka has no property %s (ours begin with lfrec., see --help; its own are in its CONFIGURATION.md)",
                 property->origin, property->name);
        return false;
    default: /* librdkafka's text may repeat the value */
        if (lfrec_property_is_secret(property->name)) {
            snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s: the value of %s is not valid", property->origin, property->name);
        } else {
            snprintf(error, LFREC_KAFKA_ERROR_MAX, "%s: %s: %s", property->origin, property->name, text);
        }
        return false;
    }
}

rd_kafka_conf_t *kafka_config(const lfrec_config *options, lfrec_client client, const char *bootstrap,
                              char error[LFREC_KAFKA_ERROR_MAX])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char text[256];
        if ((settings[i].client & client) &&
            rd_kafka_conf_set(conf, settings[i].name, settings[i].value, text, sizeof text) != RD_KAFKA_CONF_OK) {
            snprintf(error, LFREC_KAFKA_ERROR_MAX, "this librdkafka (%s) does not take our %s=%s: %s",
                     rd_kafka_version_str(), settings[i].name, settings[i].value, text);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    if (options->log_level >= 7) {
        rd_kafka_conf_set(conf, "log_level", "7", NULL, 0);
    }
    if (client == LFREC_CLIENT_PRODUCER && options->delivery == LFREC_EXACTLY_ONCE) {
        set_transactions(conf, options);
    }
    for (size_t i = 0; i < options->property_count; i++) {
        if ((options->properties[i].client & client) &&
            !set_user_property(conf, &options->properties[i], options->delivery, error)) {
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    if (client == LFREC_CLIENT_CONSUMER && options->role == LFREC_ROLE_TRAINER) {
        /* Each trainer reads all partitions, so each is a group of its own. */
        char group[600], host[64] = "";
        const char *base = lfrec_config_client_value(options, LFREC_CLIENT_CONSUMER, "group.id");
        gethostname(host, sizeof host - 1);
        snprintf(group, sizeof group, "%s.trainer.%s.%ld", base ? base : "lfrec", host, (long)getpid());
        rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
    }
    if (bootstrap) {
        rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
    }
    return conf;
}

lfrec_kafka_status lfrec_kafka_check(const lfrec_config *options, char error[LFREC_KAFKA_ERROR_MAX])
{
    static const lfrec_client clients[] = {LFREC_CLIENT_CONSUMER, LFREC_CLIENT_PRODUCER};
    for (size_t i = 0; i < 2; i++) {
        rd_kafka_conf_t *conf = kafka_config(options, clients[i], NULL, error);
        if (!conf) {
            return LFREC_KAFKA_BAD_CONFIG;
        }
        rd_kafka_conf_destroy(conf);
    }
    return LFREC_KAFKA_OK;
}
