/* main.c - lfrec-kafka: the command line, and which face of the operator to run. */
#include "../lfrec.h"
#include "daemon.h"
#include "kafka.h"
#include "log.h"
#include "options.h"
#include "pipe.h"
#include "snapshot_file.h"
#include <stdio.h>
#include <unistd.h>

static int run(const lfrec_config *options)
{
    char error[LFREC_LOG_ERROR_MAX];
    lfrec_log_level(options->log_level);
    lfrec_log_set_format(options->log_format);
    if (!lfrec_log_open(options->log_file, error)) {
        fprintf(stderr, "lfrec-kafka: lfrec.log.file: %s\n", error);
        return LFREC_EXIT_CONFIG;
    }
    if (options->pipe) {
        return lfrec_pipe_run(options);
    }
    lfrec_daemon_end end = lfrec_daemon_run(options);
    if (end.threads_left) {
        fflush(NULL);
        _exit(end.code); /* a client hangs on a broker that is away, or a training goes on; exit() would pull the ground from under the threads */
    }
    return end.code;
}

int main(int argc, char **argv)
{
    char error[LFREC_CONFIG_ERROR_MAX];
    char kafka_error[LFREC_KAFKA_ERROR_MAX];
    lfrec_config options;
    int code = lfrec_config_parse(&options, argc, argv, error);
    if (code) {
        fprintf(stderr, "lfrec-kafka: %s\n", error);
    } else if (options.action == LFREC_ACTION_HELP) {
        lfrec_config_help(stdout, "lfrec-kafka");
    } else if (options.action == LFREC_ACTION_MAN) {
        lfrec_config_man(stdout);
    } else if (options.action == LFREC_ACTION_VERSION) {
        printf("lfrec-kafka %s, librdkafka %s\n", LFREC_VERSION, lfrec_kafka_library());
    } else if (options.action == LFREC_ACTION_DUMP_SNAPSHOT) {
        char why[LFREC_SNAPSHOT_ERROR_MAX];
        if (!lfrec_snapshot_dump(options.dumped, stdout, stderr, why)) {
            fprintf(stderr, "lfrec-kafka: %s\n", why);
            code = LFREC_EXIT_FAILED;
        }
    } else if (lfrec_kafka_check(&options, kafka_error) != LFREC_KAFKA_OK) {
        fprintf(stderr, "lfrec-kafka: %s\n", kafka_error);
        code = LFREC_EXIT_CONFIG;
    } else if (options.action == LFREC_ACTION_CHECK_CONFIG) {
        lfrec_config_dump(&options, stdout);
    } else {
        code = run(&options);
    }
    lfrec_config_free(&options);
    if (fflush(stdout) != 0 && code == 0) {
        code = LFREC_EXIT_FAILED;
    }
    return code;
}
