/* test_rights.c - what the brokers' mock refuses for want of a right before there is anything to consume: the end says what is missing. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/kafka.h"
#include "mock.h"
#include "suite.h"

#include <string.h>

static int64_t assigned(void *context, int32_t partition, int64_t committed, int64_t begin, int64_t end)
{
    (void)context, (void)partition, (void)committed, (void)begin, (void)end;
    return LFREC_KAFKA_BEGINNING;
}

static void revoked(void *context, const int32_t *partitions, size_t count, bool lost)
{
    (void)context, (void)partitions, (void)count, (void)lost;
}

/* Joins a cluster that refuses to give a producer its id for this reason, and expects the end to say so. */
static void expect_end(rd_kafka_resp_err_t refusal, const char *delivery, const char *lack)
{
    char error[LFREC_CONFIG_ERROR_MAX];
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster = mock_broker(&host, "ratings");
    rd_kafka_mock_push_request_errors(cluster, INIT_PRODUCER_ID, 3, refusal, refusal, refusal);

    lfrec_config config;
    lfrec_kafka *kafka = NULL;
    const lfrec_kafka_handler handler = {.assigned = assigned, .revoked = revoked};
    lfrec_config_init(&config);
    ck_assert_msg(lfrec_config_set(&config, "lfrec.delivery", delivery, "test", error), "%s", error);
    ck_assert_msg(lfrec_config_set(&config, "lfrec.embedded", "true", "test", error), "%s", error);
    ck_assert_msg(lfrec_config_check(&config, error), "%s", error);
    ck_assert_int_eq(lfrec_kafka_open(&kafka, &config, rd_kafka_mock_cluster_bootstraps(cluster), &handler, error),
                     LFREC_KAFKA_OK);
    lfrec_kafka_status status = LFREC_KAFKA_AGAIN;
    for (int i = 0; i < 20 && (status == LFREC_KAFKA_OK || status == LFREC_KAFKA_AGAIN); i++) {
        status = status == LFREC_KAFKA_OK ? lfrec_kafka_poll(kafka, 500) : lfrec_kafka_join(kafka);
    }
    ck_assert_int_eq(status, LFREC_KAFKA_FATAL);
    ck_assert_msg(strstr(lfrec_kafka_error(kafka), lack) != NULL, "%s", lfrec_kafka_error(kafka));
    lfrec_kafka_close(kafka, 3000);
    lfrec_config_free(&config);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}

START_TEST(a_producer_that_may_write_nowhere_ends_the_run_and_says_what_it_needs)
{
    expect_end(RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "at-least-once",
               "the account needs WRITE on the topics of lists and dead letters");
}
END_TEST

START_TEST(a_transactional_id_that_is_not_ours_ends_the_run_and_is_named)
{
    expect_end(RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "exactly-once",
               "the account needs WRITE on the transactional.id");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rights");
    TCase *tests = tcase_create("rights");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_producer_that_may_write_nowhere_ends_the_run_and_says_what_it_needs);
    tcase_add_test(tests, a_transactional_id_that_is_not_ours_ends_the_run_and_is_named);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
