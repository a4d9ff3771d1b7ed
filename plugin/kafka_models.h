/* kafka_models.h - the topic of the models: a scorer follows it; of the trainers one leads, and publishes to it.
 *
 * Who leads: all trainers of a group are members of the group GROUP.trainer, subscribed to the topic; the one that has its partition 0 leads,
 * once it has read the topic to its end. Models that two trainers made under one version are told apart (see model_topic.h).
 * One thread; nothing waits but publish. */
#ifndef LFREC_KAFKA_MODELS_H
#define LFREC_KAFKA_MODELS_H

#include "kafka.h"

typedef struct lfrec_kafka_models lfrec_kafka_models; /* opaque */

/* options->role is TRAINER or SCORER; borrowed until close. bootstrap: as for lfrec_kafka_open. */
lfrec_kafka_status lfrec_kafka_models_open(lfrec_kafka_models **out, const lfrec_config *options, const char *bootstrap,
                                           char error[LFREC_KAFKA_ERROR_MAX]);
/* Leaves the group. NULL is allowed. */
void lfrec_kafka_models_close(lfrec_kafka_models *models);

/* Reads what came, a bounded part of it. true: a newer model is whole: *bytes, until the next call. */
bool lfrec_kafka_models_poll(lfrec_kafka_models *models, uint64_t *version, const void **bytes, size_t *length);
/* The topic has been read to its end since the start (of a trainer: since it has the partition). */
bool lfrec_kafka_models_known(const lfrec_kafka_models *models);
bool lfrec_kafka_models_leads(const lfrec_kafka_models *models);

/* How many messages the newest whole model is; 0: there is none. */
uint32_t lfrec_kafka_models_parts(const lfrec_kafka_models *models);

/* Sends a model under the version after the newest, and waits until all of it is acknowledged, limit_ms at most. false: error says why. */
bool lfrec_kafka_models_publish(lfrec_kafka_models *models, const void *bytes, size_t length, int limit_ms,
                                uint64_t *version, char error[LFREC_KAFKA_ERROR_MAX]);
/* Nothing can be published any more, but by a new process; error says why. */
bool lfrec_kafka_models_broken(const lfrec_kafka_models *models, char error[LFREC_KAFKA_ERROR_MAX]);

#endif
