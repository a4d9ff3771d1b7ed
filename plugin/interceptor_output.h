/* interceptor_output.h - the lists' own producer, beside the application's client and made by the same librdkafka. One thread. */
#ifndef LFREC_INTERCEPTOR_OUTPUT_H
#define LFREC_INTERCEPTOR_OUTPUT_H

#include "interceptor_host.h"
#include <stddef.h>
#include <stdint.h>

typedef struct lfrec_output lfrec_output; /* opaque */

#define LFREC_OUTPUT_ERROR_MAX 512u /* bytes for an error text, NUL included */

/* Takes conf over, whatever comes of it. false: error says why. */
bool lfrec_output_open(lfrec_output **out, const lfrec_host *host, rd_kafka_conf_t *conf, const char *topic,
                       char error[LFREC_OUTPUT_ERROR_MAX]);
/* value NULL: a null value. The bytes are copied. false: not now, or never again (see failed). */
bool lfrec_output_publish(lfrec_output *output, const void *key, size_t key_length, const void *value, size_t value_length);
/* Serves the client's reports for up to timeout_ms; returns how many lists are not acknowledged yet. */
int lfrec_output_serve(lfrec_output *output, int timeout_ms);
bool lfrec_output_failed(const lfrec_output *output); /* the client is broken for good; that was logged */

typedef struct lfrec_output_counts {
    uint64_t acknowledged, lost;
} lfrec_output_counts;

lfrec_output_counts lfrec_output_counts_of(const lfrec_output *output);
void lfrec_output_close(lfrec_output *output); /* gives up what is not acknowledged. NULL is allowed */

#endif
