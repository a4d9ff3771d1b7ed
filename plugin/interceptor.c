/* interceptor.c - lfrec-interceptor.so: the recommender within any application of librdkafka, by configuration alone.
 *
 *     kcat -C -b HOST:PORT -t ratings -X plugin.library.paths=/usr/lib/lfrec/lfrec-interceptor.so -X lfrec.scale.min=1
 *
 * A consumer that is made with it hands each message of lfrec.input.topic that the application gets also to a thread of ours, which
 * learns it and publishes lists to lfrec.output.topic with its own producer. A producer that is made with it is left alone.
 *
 * What it does not do:
 * - It has no say over offsets: what the application has consumed is what is known. Nothing is restored at the start: an application that
 *   goes on from a committed offset has a recommender that knows nothing of what was before. lfrec-kafka has all of that.
 * - When the application reads faster than it learns and the queue is full, events are left out and counted; the application never waits.
 *   Lists that are not acknowledged when the application ends, after lfrec.interceptor.close.ms at most, are lost.
 * - Bad events are counted and logged; there is no dead-letter topic. The output topic is not made: the broker makes it, or somebody does.
 * - Partitions that leave in a rebalance take their users with them with the next message after it; until then lists that wait are held
 *   back. One that comes back begins with nothing.
 * - The application's connection settings are taken over, but not its callbacks (OAUTHBEARER by callback, certificates as objects).
 * - An application that links librdkafka statically and shows none of its functions is refused when the plugin is loaded.
 *
 * The application's threads copy the message and go on: no I/O, no waiting, errno as it was, the locale not touched. Our threads block all
 * signals. What goes wrong is logged on standard error (lfrec.log.level=warning), and the application goes on without recommendations. */
#include "interceptor_worker.h"
#include "log.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOIN_GROUP = 11, /* ApiKeys of the protocol */
    LEAVE_GROUP = 13,
    LOOK_EVERY = 1 << 16 /* messages between two looks at the assignment that nothing else asked for */
};

static const char name[] = "lfrec";

/* One consumer. */
typedef struct interception {
    const lfrec_interceptor_config *config; /* the client's configuration keeps it */
    lfrec_worker *worker;
    atomic_bool look; /* the assignment may have changed */
    atomic_uint messages;
} interception;

/* Runs in the application's thread, and asks its client: only there is it certain that the client is not about to end. */
static void look_at_assignment(rd_kafka_t *client, interception *i)
{
    const lfrec_host *host = &i->config->host;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (host->assignment(client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        lfrec_worker_settled(i->worker, true); /* no group: partitions stay */
        return;
    }
    int32_t *ours = malloc((size_t)(list->cnt + 1) * sizeof *ours);
    size_t count = 0;
    for (int k = 0; ours && k < list->cnt; k++) {
        if (strcmp(list->elems[k].topic, i->config->config.input_topic) == 0) {
            ours[count++] = list->elems[k].partition;
        }
    }
    host->topic_partition_list_destroy(list);
    if (ours && count > 0) { /* none: consumed without an assignment, by the queues of the simple consumer */
        lfrec_worker_put(
            i->worker, &(lfrec_queued){.kind = LFREC_QUEUED_ASSIGNMENT, .value = ours, .value_length = count * sizeof *ours});
    }
    free(ours);
    lfrec_worker_settled(i->worker, true);
}

/* Runs in the application's threads. */
static rd_kafka_resp_err_t on_consume(rd_kafka_t *client, rd_kafka_message_t *message, void *opaque)
{
    interception *i = opaque;
    if (message->err || !message->rkt ||
        strcmp(i->config->host.topic_name(message->rkt), i->config->config.input_topic) != 0) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    int saved = errno;
    unsigned count = atomic_fetch_add_explicit(&i->messages, 1, memory_order_relaxed);
    if (atomic_load_explicit(&i->look, memory_order_relaxed) || count % LOOK_EVERY == LOOK_EVERY - 1) {
        atomic_store(&i->look, false);
        look_at_assignment(client, i);
    }
    lfrec_worker_put(i->worker, &(lfrec_queued){.kind = LFREC_QUEUED_MESSAGE,
                                                .partition = message->partition,
                                                .offset = message->offset,
                                                .key = message->key,
                                                .key_length = message->key_len,
                                                .value = message->payload,
                                                .value_length = message->len});
    errno = saved;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Runs in the client's own threads. */
static rd_kafka_resp_err_t on_request_sent(rd_kafka_t *client, int socket, const char *broker, int32_t broker_id,
                                           int16_t key, int16_t version, int32_t correlation, size_t size, void *opaque)
{
    interception *i = opaque;
    (void)client, (void)socket, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size;
    if (key == JOIN_GROUP || key == LEAVE_GROUP) {
        lfrec_worker_settled(i->worker, false);
        atomic_store(&i->look, true);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_destroy(rd_kafka_t *client, void *opaque)
{
    interception *i = opaque;
    (void)client;
    lfrec_worker_close(i->worker);
    free(i);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The application goes on without us; librdkafka logs why where the application wants its log. */
static rd_kafka_resp_err_t refuse(char *error, size_t size, const char *why)
{
    snprintf(error, size, "no recommendations: %s", why);
    return RD_KAFKA_RESP_ERR__FAIL;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque, char *error, size_t size)
{
    const lfrec_interceptor_config *config = opaque;
    const lfrec_host *host = &config->host;
    char why[LFREC_WORKER_ERROR_MAX];
    if (host->type(client) != RD_KAFKA_CONSUMER) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (strcmp(config->config.input_topic, config->config.output_topic) == 0) {
        return refuse(error, size, "lfrec.input.topic and lfrec.output.topic must differ");
    }
    lfrec_log_level(config->config.log_level);
    interception *i = calloc(1, sizeof *i);
    if (!i) {
        return refuse(error, size, "out of memory");
    }
    i->config = config;
    if (!lfrec_worker_open(&i->worker, config, conf, why)) {
        free(i);
        return refuse(error, size, why);
    }
    /* on_destroy first: with it in place nothing is left behind, whatever becomes of the others. */
    rd_kafka_resp_err_t code = host->interceptor_add_on_destroy(client, name, on_destroy, i);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        lfrec_worker_close(i->worker);
        free(i);
        return refuse(error, size, host->err2str(code));
    }
    host->interceptor_add_on_request_sent(client, name, on_request_sent, i);
    code = host->interceptor_add_on_consume(client, name, on_consume, i);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? code : refuse(error, size, host->err2str(code));
}

/* ---- the configuration ---- */

static rd_kafka_conf_res_t on_conf_set(rd_kafka_conf_t *conf, const char *property, const char *value, char *error,
                                       size_t size, void *opaque)
{
    char why[LFREC_CONFIG_ERROR_MAX];
    (void)conf;
    if (!lfrec_interceptor_config_is_ours(property)) {
        return RD_KAFKA_CONF_UNKNOWN;
    }
    if (lfrec_interceptor_config_set(opaque, property, value, why)) {
        return RD_KAFKA_CONF_OK;
    }
    if (error && size > 0) {
        error[0] = '\0';
        strncat(error, why, size - 1);
    }
    return RD_KAFKA_CONF_INVALID;
}

static rd_kafka_resp_err_t on_conf_destroy(void *opaque)
{
    lfrec_interceptor_config_free(opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t add_to(rd_kafka_conf_t *conf, const lfrec_host *host, const lfrec_interceptor_config *like);

static rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t *copy, const rd_kafka_conf_t *conf, size_t filters,
                                       const char **filter, void *opaque)
{
    const lfrec_interceptor_config *config = opaque;
    (void)conf;
    for (size_t i = 0; i < filters; i++) {
        if (strcmp(filter[i], "plugin.library.paths") == 0) {
            return RD_KAFKA_RESP_ERR_NO_ERROR; /* the copy is to be without us */
        }
    }
    return add_to(copy, &config->host, config);
}

/* Ours on a configuration: new, or a copy of another. */
static rd_kafka_resp_err_t add_to(rd_kafka_conf_t *conf, const lfrec_host *host, const lfrec_interceptor_config *like)
{
    lfrec_interceptor_config *config = lfrec_interceptor_config_new(host);
    if (!config) {
        return RD_KAFKA_RESP_ERR__FAIL;
    }
    if (like && !lfrec_interceptor_config_copy(config, like)) {
        lfrec_interceptor_config_free(config);
        return RD_KAFKA_RESP_ERR__FAIL;
    }
    host = &config->host;
    rd_kafka_resp_err_t code = host->conf_interceptor_add_on_conf_set(conf, name, on_conf_set, config);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) { /* there already: a copied configuration loads its plugins again */
        lfrec_interceptor_config_free(config);
        return code == RD_KAFKA_RESP_ERR__CONFLICT ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
    }
    host->conf_interceptor_add_on_conf_destroy(conf, name, on_conf_destroy, config);
    host->conf_interceptor_add_on_conf_dup(conf, name, on_conf_dup, config);
    return host->conf_interceptor_add_on_new(conf, name, on_new, config);
}

/* What librdkafka looks for in a plugin. */
__attribute__((visibility("default"))) rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **opaque, char *error,
                                                                     size_t size);

rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **opaque, char *error, size_t size)
{
    lfrec_host host;
    char why[LFREC_HOST_ERROR_MAX] = "lfrec: no memory";
    *opaque = NULL;
    bool found = lfrec_host_find(&host, __builtin_return_address(0), why);
    rd_kafka_resp_err_t code = found ? add_to(conf, &host, NULL) : RD_KAFKA_RESP_ERR__FAIL;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && size > 0) {
        error[0] = '\0';
        strncat(error, why, size - 1);
    }
    return code;
}
