/* interceptor_config.h - our properties within an application's configuration of librdkafka.
 *
 *   lfrec.NAME       the recommender's, as for lfrec-kafka, as far as they make sense here
 *   lfrec.interceptor.queue.kbytes, lfrec.interceptor.close.ms    only here
 *   producer.NAME    for the producer of the lists
 * The brokers and how to reach them (security, sasl, ssl, socket) are the application's, unless producer.NAME says otherwise. */
#ifndef LFREC_INTERCEPTOR_CONFIG_H
#define LFREC_INTERCEPTOR_CONFIG_H

#include "interceptor_host.h"
#include "options.h"

typedef struct lfrec_interceptor_pair {
    char *name, *value;
} lfrec_interceptor_pair;

typedef struct lfrec_interceptor_config {
    lfrec_host host;              /* of the client that is configured */
    lfrec_config config;          /* of lfrec.NAME and producer.NAME */
    uint32_t queue_kbytes;        /* most that waits to be learned, in KiB */
    uint32_t close_ms;            /* most time that the end of the application's client waits for us */
    lfrec_interceptor_pair *pair; /* what was set, in order, for copies */
    size_t pairs;
} lfrec_interceptor_config;

lfrec_interceptor_config *lfrec_interceptor_config_new(const lfrec_host *host); /* NULL: no memory */
void lfrec_interceptor_config_free(lfrec_interceptor_config *config);           /* NULL is allowed */

bool lfrec_interceptor_config_is_ours(const char *name);
/* value NULL: back to the default. false: error says what is wrong and what is allowed. */
bool lfrec_interceptor_config_set(lfrec_interceptor_config *config, const char *name, const char *value,
                                  char error[LFREC_CONFIG_ERROR_MAX]);
/* Everything that was set in `from`, set in `to`. false: no memory. */
bool lfrec_interceptor_config_copy(lfrec_interceptor_config *to, const lfrec_interceptor_config *from);

/* The producer's configuration: the application's connection, our settings, producer.NAME. NULL: error says why. */
rd_kafka_conf_t *lfrec_interceptor_config_producer(const lfrec_interceptor_config *config,
                                                   const rd_kafka_conf_t *application, char error[LFREC_CONFIG_ERROR_MAX]);

#endif
