#include "embedded.h"
#include "log.h"
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

struct lfrec_embedded {
    rd_kafka_t *host; /* the mock cluster runs in this client's threads; it connects to nothing */
    rd_kafka_mock_cluster_t *cluster;
};

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    lfrec_log(LFREC_LOG_DEBUG, "embedded broker: %s: %s", facility, text);
}

bool lfrec_embedded_start(lfrec_embedded **out, const char *topic, int partitions, char error[LFREC_EMBEDDED_ERROR_MAX])
{
    lfrec_embedded *embedded = calloc(1, sizeof *embedded);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!embedded) {
        rd_kafka_conf_destroy(conf);
        snprintf(error, LFREC_EMBEDDED_ERROR_MAX, "the embedded broker: no memory");
        return false;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    embedded->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, LFREC_EMBEDDED_ERROR_MAX);
    if (!embedded->host) {
        rd_kafka_conf_destroy(conf);
        free(embedded);
        return false;
    }
    embedded->cluster = rd_kafka_mock_cluster_new(embedded->host, 1);
    if (!embedded->cluster) {
        snprintf(error, LFREC_EMBEDDED_ERROR_MAX, "the embedded broker could not be started");
        lfrec_embedded_stop(embedded);
        return false;
    }
    if (!lfrec_embedded_topic(embedded, topic, partitions, error)) {
        lfrec_embedded_stop(embedded);
        return false;
    }
    *out = embedded;
    return true;
}

bool lfrec_embedded_topic(lfrec_embedded *embedded, const char *topic, int partitions, char error[LFREC_EMBEDDED_ERROR_MAX])
{
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(embedded->cluster, topic, partitions, 1);
    if (code) {
        snprintf(error, LFREC_EMBEDDED_ERROR_MAX, "the embedded broker could not make topic %s: %s", topic,
                 rd_kafka_err2str(code));
        return false;
    }
    return true;
}

const char *lfrec_embedded_bootstrap(const lfrec_embedded *embedded)
{
    return rd_kafka_mock_cluster_bootstraps(embedded->cluster);
}

void lfrec_embedded_stop(lfrec_embedded *embedded)
{
    if (!embedded) {
        return;
    }
    if (embedded->cluster) {
        rd_kafka_mock_cluster_destroy(embedded->cluster);
    }
    rd_kafka_destroy(embedded->host);
    free(embedded);
}
