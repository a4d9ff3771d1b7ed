/* test_models.c - a trainer's models to the brokers' mock: one is published when all of it, and not of another, is acknowledged. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/kafka_models.h"
#include "mock.h"
#include "suite.h"

#include <string.h>

static rd_kafka_mock_cluster_t *cluster;
static lfrec_config config;
static lfrec_kafka_models *models;
static char error[LFREC_CONFIG_ERROR_MAX];
static uint64_t version;

static void set_up(void)
{
    rd_kafka_t *host;
    cluster = mock_broker(&host, "lfrec-models");
    lfrec_config_init(&config);
    ck_assert(lfrec_config_set(&config, "lfrec.role", "trainer", "test", error));
    ck_assert(lfrec_config_set(&config, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), "test", error));
    ck_assert_msg(lfrec_config_check(&config, error), "%s", error);
    version = 0;
}

static void begin(void)
{
    ck_assert_int_eq(lfrec_kafka_models_open(&models, &config, NULL, error), LFREC_KAFKA_OK);
}

START_TEST(a_late_report_of_another_model_is_not_this_ones)
{
    begin();
    ck_assert_msg(lfrec_kafka_models_publish(models, "one", 3, 10000, &version, error), "%s", error);
    ck_assert_uint_eq(version, 1);
    /* The second model is acknowledged after it was given up, and before the third one is. */
    rd_kafka_mock_broker_push_request_error_rtts(cluster, 1, PRODUCE, 2, RD_KAFKA_RESP_ERR_NO_ERROR, 500,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 6000);
    ck_assert(!lfrec_kafka_models_publish(models, "two", 3, 200, &version, error));
    ck_assert(!lfrec_kafka_models_publish(models, "three", 5, 1500, &version, error));
    ck_assert_uint_eq(version, 1);
    ck_assert_str_eq(error, "1 of 1 parts were not acknowledged within 1 s");
    ck_assert(!lfrec_kafka_models_broken(models, error)); /* the next one may be */
}
END_TEST

START_TEST(a_producer_that_may_write_nowhere_is_broken_for_good)
{
    enum { REFUSED = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED };
    rd_kafka_mock_push_request_errors(cluster, INIT_PRODUCER_ID, 3, REFUSED, REFUSED, REFUSED);
    begin();
    ck_assert(!lfrec_kafka_models_publish(models, "one", 3, 1000, &version, error));
    ck_assert(lfrec_kafka_models_broken(models, error));
    ck_assert_msg(strstr(error, "Cluster authorization failed") != NULL, "%s", error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models");
    TCase *tests = tcase_create("models");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, NULL); /* a mock cluster takes a second to end; the process ends it sooner */
    tcase_add_test(tests, a_late_report_of_another_model_is_not_this_ones);
    tcase_add_test(tests, a_producer_that_may_write_nowhere_is_broken_for_good);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
