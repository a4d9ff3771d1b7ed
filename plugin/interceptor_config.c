#include "interceptor_config.h"
#include "log.h"
#include "options_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char origin[] = "application";

/* Those of lfrec-kafka's that mean the same here. */
static const char *const shared[] = {
    "lfrec.input.topic",     "lfrec.output.topic",   "lfrec.format",          "lfrec.scale.min",
    "lfrec.scale.max",       "lfrec.factors",        "lfrec.top.n",           "lfrec.min.support",
    "lfrec.explain",         "lfrec.retrain.events", "lfrec.epochs",          "lfrec.seed",
    "lfrec.ranking",         "lfrec.max.users",      "lfrec.max.items",       "lfrec.publish.rate",
    "lfrec.retrain.seconds", "lfrec.log.level",      "lfrec.retrain.threads",
};

typedef struct own_option {
    const char *name;
    size_t offset; /* of a uint32_t in lfrec_interceptor_config */
    uint32_t initial, least, most;
} own_option;

static const own_option own[] = {
    {"lfrec.interceptor.queue.kbytes", offsetof(lfrec_interceptor_config, queue_kbytes), 65536, 64, 4194304},
    {"lfrec.interceptor.close.ms", offsetof(lfrec_interceptor_config, close_ms), 3000, 0, 3600000},
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool lfrec_interceptor_config_is_ours(const char *name)
{
    return starts_with(name, "lfrec.") || starts_with(name, "producer.");
}

static bool set_defaults(lfrec_interceptor_config *c)
{
    char error[LFREC_CONFIG_ERROR_MAX];
    lfrec_config_free(&c->config);
    lfrec_config_init(&c->config);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        *(uint32_t *)((char *)c + own[i].offset) = own[i].initial;
    }
    /* An application's standard error is its own. */
    return lfrec_config_set(&c->config, "lfrec.log.level", "warning", "default", error);
}

lfrec_interceptor_config *lfrec_interceptor_config_new(const lfrec_host *host)
{
    lfrec_interceptor_config *c = calloc(1, sizeof *c);
    if (c) {
        c->host = *host;
        if (!set_defaults(c)) {
            lfrec_interceptor_config_free(c);
            c = NULL;
        }
    }
    return c;
}

static void free_pair(lfrec_interceptor_pair *pair)
{
    if (pair->value) { /* it may be a password */
        memset(pair->value, 0, strlen(pair->value));
    }
    free(pair->name);
    free(pair->value);
}

void lfrec_interceptor_config_free(lfrec_interceptor_config *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->pairs; i++) {
        free_pair(&c->pair[i]);
    }
    free(c->pair);
    lfrec_config_free(&c->config);
    free(c);
}

static bool fail(char error[LFREC_CONFIG_ERROR_MAX], const char *name, const char *why)
{
    snprintf(error, LFREC_CONFIG_ERROR_MAX, "%s: %s", name, why);
    return false;
}

static bool set_own(lfrec_interceptor_config *c, const own_option *option, const char *value,
                    char error[LFREC_CONFIG_ERROR_MAX])
{
    char *end = NULL;
    unsigned long long number = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
    if (!end || *end || strlen(value) > 10 || number < option->least || number > option->most) {
        snprintf(error, LFREC_CONFIG_ERROR_MAX, "%s=%.20s: must be an integer from %u to %u", option->name, value,
                 (unsigned)option->least, (unsigned)option->most);
        return false;
    }
    *(uint32_t *)((char *)c + option->offset) = (uint32_t)number;
    return true;
}

/* Is it good for librdkafka? */
static bool try_producer_property(const lfrec_host *host, const char *name, const char *value,
                                  char error[LFREC_CONFIG_ERROR_MAX])
{
    char text[256];
    rd_kafka_conf_t *scratch = host->conf_new();
    rd_kafka_conf_res_t result = host->conf_set(scratch, name, value, text, sizeof text);
    host->conf_destroy(scratch);
    if (result == RD_KAFKA_CONF_OK) {
        return true;
    }
    if (lfrec_property_is_secret(name)) { /* librdkafka's text may repeat the value */
        return fail(error, name, "the value is not valid");
    }
    return fail(error, name, text);
}

static bool apply(lfrec_interceptor_config *c, const char *name, const char *value, char error[LFREC_CONFIG_ERROR_MAX])
{
    static const char producer[] = "producer.";
    if (starts_with(name, producer)) {
        return try_producer_property(&c->host, name + sizeof producer - 1, value, error) &&
               lfrec_config_set(&c->config, name, value, origin, error);
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(name, own[i].name) == 0) {
            return set_own(c, &own[i], value, error);
        }
    }
    bool known = false;
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        known |= strcmp(name, lfrec_option_table[i].name) == 0;
    }
    for (size_t i = 0; known && i < sizeof shared / sizeof shared[0]; i++) {
        if (strcmp(name, shared[i]) == 0) {
            return lfrec_config_set(&c->config, name, value, origin, error);
        }
    }
    return known ? fail(error, name, "only lfrec-kafka has this, not the interceptor: leave it out")
                 : lfrec_config_set(&c->config, name, value, origin, error); /* says what was perhaps meant */
}

static bool remember(lfrec_interceptor_config *c, const char *name, const char *value)
{
    lfrec_interceptor_pair *grown = realloc(c->pair, (c->pairs + 1) * sizeof *grown);
    if (!grown) {
        return false;
    }
    c->pair = grown;
    lfrec_interceptor_pair pair = {strdup(name), strdup(value)};
    if (!pair.name || !pair.value) {
        free_pair(&pair);
        return false;
    }
    c->pair[c->pairs++] = pair;
    return true;
}

/* Everything but what was set under this name. */
static bool forget(lfrec_interceptor_config *c, const char *name, char error[LFREC_CONFIG_ERROR_MAX])
{
    size_t kept = 0;
    for (size_t i = 0; i < c->pairs; i++) {
        if (strcmp(c->pair[i].name, name) == 0) {
            free_pair(&c->pair[i]);
        } else {
            c->pair[kept++] = c->pair[i];
        }
    }
    c->pairs = kept;
    if (!set_defaults(c)) {
        return fail(error, name, "out of memory");
    }
    for (size_t i = 0; i < c->pairs; i++) {
        if (!apply(c, c->pair[i].name, c->pair[i].value, error)) {
            return false;
        }
    }
    return true;
}

bool lfrec_interceptor_config_set(lfrec_interceptor_config *c, const char *name, const char *value,
                                  char error[LFREC_CONFIG_ERROR_MAX])
{
    if (!value) {
        return forget(c, name, error);
    }
    if (!apply(c, name, value, error)) {
        return false;
    }
    return remember(c, name, value) || fail(error, name, "out of memory");
}

bool lfrec_interceptor_config_copy(lfrec_interceptor_config *to, const lfrec_interceptor_config *from)
{
    char error[LFREC_CONFIG_ERROR_MAX];
    for (size_t i = 0; i < from->pairs; i++) {
        if (!lfrec_interceptor_config_set(to, from->pair[i].name, from->pair[i].value, error)) {
            return false;
        }
    }
    return true;
}

/* ---- the producer ---- */

/* How the application reaches its brokers. */
static bool is_connection(const char *name)
{
    static const char *const prefixes[] = {"metadata.broker.list",
                                           "bootstrap.servers",
                                           "security.protocol",
                                           "sasl.",
                                           "ssl.",
                                           "socket.",
                                           "broker.address.",
                                           "client.dns.lookup",
                                           "enable.ssl.",
                                           "enable.sasl.",
                                           "api.version.",
                                           "client.rack"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (starts_with(name, prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* conf_dump takes what it only reads as not const. */
static rd_kafka_conf_t *readable(const rd_kafka_conf_t *conf)
{
    union {
        const rd_kafka_conf_t *in;
        rd_kafka_conf_t *out;
    } pointer = {.in = conf};
    return pointer.out;
}

static const char *value_in(const char **dump, size_t count, const char *name)
{
    for (size_t i = 0; i + 1 < count; i += 2) { /* name, value, name, value, ... */
        if (strcmp(dump[i], name) == 0) {
            return dump[i + 1];
        }
    }
    return "";
}

/* What is at its default stays there: librdkafka warns of some that are set. */
static void copy_connection(const lfrec_host *host, rd_kafka_conf_t *to, const rd_kafka_conf_t *from)
{
    char text[256];
    size_t count = 0, default_count = 0;
    const char **dump = host->conf_dump(readable(from), &count);
    const char **defaults = host->conf_dump(to, &default_count);
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (is_connection(dump[i]) && strcmp(dump[i + 1], value_in(defaults, default_count, dump[i])) != 0 &&
            host->conf_set(to, dump[i], dump[i + 1], text, sizeof text) != RD_KAFKA_CONF_OK) {
            lfrec_log(LFREC_LOG_WARNING,
                      "lfrec: the application's %s is a callback or object and cannot be shared: if the brokers refuse "
                      "the recommender, set producer.* properties for it",
                      dump[i]);
        }
    }
    host->conf_dump_free(dump, count);
    host->conf_dump_free(defaults, default_count);
}

rd_kafka_conf_t *lfrec_interceptor_config_producer(const lfrec_interceptor_config *c, const rd_kafka_conf_t *application,
                                                   char error[LFREC_CONFIG_ERROR_MAX])
{
    static const char *const settings[][2] = {
        {"client.id", "lfrec-interceptor"},
        {"reconnect.backoff.max.ms", "500"},
        {"enable.idempotence", "true"}, /* lists of one user keep their order */
        {"partitioner", "murmur2_random"},
        {"linger.ms", "5"},
        {"compression.codec", "lz4"},
        {"message.timeout.ms", "0"}, /* a list waits for its broker; a full queue makes the next ones wait in the operator */
        {"queue.buffering.max.kbytes", "16384"},
    };
    char text[256];
    rd_kafka_conf_t *conf = c->host.conf_new();
    copy_connection(&c->host, conf, application);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (c->host.conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) != RD_KAFKA_CONF_OK) {
            snprintf(error, LFREC_CONFIG_ERROR_MAX, "this librdkafka (%s) does not take %s=%s: %s",
                     c->host.version_str(), settings[i][0], settings[i][1], text);
            c->host.conf_destroy(conf);
            return NULL;
        }
    }
    for (size_t i = 0; i < c->config.property_count; i++) {
        const lfrec_property *property = &c->config.properties[i]; /* was tried when it was set */
        c->host.conf_set(conf, property->name, property->value, text, sizeof text);
    }
    return conf;
}
