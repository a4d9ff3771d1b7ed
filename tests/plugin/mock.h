/* mock.h - librdkafka's mock of brokers. */
#ifndef LFREC_TEST_MOCK_H
#define LFREC_TEST_MOCK_H

#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { PRODUCE = 0, INIT_PRODUCER_ID = 22 }; /* requests */

/* One broker with a topic of one partition, which lives in the client that *host becomes. */
static inline rd_kafka_mock_cluster_t *mock_broker(rd_kafka_t **host, const char *topic)
{
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    ck_assert_msg(*host != NULL, "%s", error);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(*host, 1);
    rd_kafka_mock_topic_create(cluster, topic, 1, 1);
    return cluster;
}

#endif
