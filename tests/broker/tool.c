/* tool.c - what kcat cannot do, for the tests on a broker:
 *
 *   tool BOOTSTRAP create TOPIC PARTITIONS [NAME=VALUE]...   make a topic
 *   tool BOOTSTRAP grow TOPIC PARTITIONS                     add partitions, up to this number
 *   tool BOOTSTRAP delete TOPIC                              delete a topic
 *   tool BOOTSTRAP truncate TOPIC PARTITION OFFSET           delete the records before the offset
 *   tool BOOTSTRAP set TOPIC NAME=VALUE...                   replace the topic's settings
 *   tool BOOTSTRAP config TOPIC NAME                         print one setting
 *   tool BOOTSTRAP allow|forbid USER topic|group NAME read|write|all   give the right, or take it back (the broker needs an authorizer)
 *   tool BOOTSTRAP committed GROUP TOPIC PARTITIONS          print the group's offsets, one line: "12 7 -"
 *   tool BOOTSTRAP ends TOPIC PARTITIONS                     print the partitions' end offsets, one line
 *   tool BOOTSTRAP transaction TOPIC commit|abort            produce the lines of standard input (KEY|VALUE) in one transaction
 *
 * Exit code 0, or 1 with a line on standard error. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 20000 };

static char text[512];

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tool: %s: %s\n", what, why);
    return 1;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap, const char *name, const char *value)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    rd_kafka_conf_set(conf, "log_level", "2", text, sizeof text);
    if (name) {
        rd_kafka_conf_set(conf, name, value, text, sizeof text);
    }
    rd_kafka_t *made = rd_kafka_new(type, conf, text, sizeof text);
    if (!made) {
        complain("client", text);
        exit(1);
    }
    return made;
}

/* Waits for the answer to an admin request and judges it. */
static int answer(rd_kafka_queue_t *queue, const char *what, const char *print)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LIMIT_MS);
    if (!event) {
        return complain(what, "no answer");
    }
    int failed = rd_kafka_event_error(event) ? complain(what, rd_kafka_event_error_string(event)) : 0;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics = NULL;
    const rd_kafka_CreateTopics_result_t *created = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_CreatePartitions_result_t *grown = rd_kafka_event_CreatePartitions_result(event);
    const rd_kafka_AlterConfigs_result_t *altered = rd_kafka_event_AlterConfigs_result(event);
    const rd_kafka_DescribeConfigs_result_t *described = rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_DeleteTopics_result_t *deleted = rd_kafka_event_DeleteTopics_result(event);
    if (deleted) {
        topics = rd_kafka_DeleteTopics_result_topics(deleted, &count);
    } else if (created) {
        topics = rd_kafka_CreateTopics_result_topics(created, &count);
    } else if (grown) {
        topics = rd_kafka_CreatePartitions_result_topics(grown, &count);
    }
    for (size_t i = 0; topics && i < count; i++) {
        if (rd_kafka_topic_result_error(topics[i])) {
            failed = complain(what, rd_kafka_topic_result_error_string(topics[i]));
        }
    }
    const rd_kafka_ConfigResource_t **resources = altered     ? rd_kafka_AlterConfigs_result_resources(altered, &count)
                                                  : described ? rd_kafka_DescribeConfigs_result_resources(described, &count)
                                                              : NULL;
    for (size_t i = 0; resources && i < count; i++) {
        if (rd_kafka_ConfigResource_error(resources[i])) {
            failed = complain(what, rd_kafka_ConfigResource_error_string(resources[i]));
        }
        size_t entries = 0;
        const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resources[i], &entries);
        for (size_t j = 0; print && j < entries; j++) {
            if (strcmp(rd_kafka_ConfigEntry_name(entry[j]), print) == 0) {
                puts(rd_kafka_ConfigEntry_value(entry[j]));
            }
        }
    }
    rd_kafka_event_destroy(event);
    return failed;
}

static int administer(const char *bootstrap, char **args, int count)
{
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, bootstrap, NULL, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    const char *command = args[0], *topic = args[1];
    int failed = 1;
    if (strcmp(command, "create") == 0) {
        rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, atoi(args[2]), 1, text, sizeof text);
        for (int i = 3; i < count; i++) {
            char *equals = strchr(args[i], '=');
            *equals = '\0';
            rd_kafka_NewTopic_set_config(new, args[i], equals + 1);
        }
        rd_kafka_CreateTopics(rk, &new, 1, NULL, queue);
        failed = answer(queue, "create", NULL);
        rd_kafka_NewTopic_destroy(new);
    } else if (strcmp(command, "grow") == 0) {
        rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(topic, (size_t)atoi(args[2]), text, sizeof text);
        rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
        failed = answer(queue, "grow", NULL);
        rd_kafka_NewPartitions_destroy(more);
    } else if (strcmp(command, "delete") == 0) {
        rd_kafka_DeleteTopic_t *old = rd_kafka_DeleteTopic_new(topic);
        rd_kafka_DeleteTopics(rk, &old, 1, NULL, queue);
        failed = answer(queue, "delete", NULL);
        rd_kafka_DeleteTopic_destroy(old);
    } else if (strcmp(command, "truncate") == 0) {
        rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(before, topic, atoi(args[2]))->offset = atoll(args[3]);
        rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(before);
        rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
        failed = answer(queue, "truncate", NULL);
        rd_kafka_DeleteRecords_destroy(records);
        rd_kafka_topic_partition_list_destroy(before);
    } else {
        rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
        if (strcmp(command, "set") == 0) {
            for (int i = 2; i < count; i++) {
                char *equals = strchr(args[i], '=');
                *equals = '\0';
                rd_kafka_ConfigResource_set_config(resource, args[i], equals + 1);
            }
            rd_kafka_AlterConfigs(rk, &resource, 1, NULL, queue);
            failed = answer(queue, "set", NULL);
        } else {
            rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
            failed = answer(queue, "config", args[2]);
        }
        rd_kafka_ConfigResource_destroy(resource);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return failed;
}

/* args: allow|forbid USER topic|group NAME read|write|all */
static int give_or_take(const char *bootstrap, char **args)
{
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, bootstrap, NULL, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    char principal[64];
    rd_kafka_ResourceType_t type = strcmp(args[2], "group") == 0 ? RD_KAFKA_RESOURCE_GROUP : RD_KAFKA_RESOURCE_TOPIC;
    rd_kafka_AclOperation_t operation = strcmp(args[4], "read") == 0    ? RD_KAFKA_ACL_OPERATION_READ
                                        : strcmp(args[4], "write") == 0 ? RD_KAFKA_ACL_OPERATION_WRITE
                                                                        : RD_KAFKA_ACL_OPERATION_ALL;
    snprintf(principal, sizeof principal, "User:%s", args[1]);
    rd_kafka_AclBinding_t *right = (strcmp(args[0], "allow") == 0 ? rd_kafka_AclBinding_new : rd_kafka_AclBindingFilter_new)(
        type, args[3], RD_KAFKA_RESOURCE_PATTERN_LITERAL, principal, "*", operation, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
        text, sizeof text);
    if (!right) {
        return complain("right", text);
    }
    if (strcmp(args[0], "allow") == 0) {
        rd_kafka_CreateAcls(rk, &right, 1, NULL, queue);
    } else {
        rd_kafka_DeleteAcls(rk, &right, 1, NULL, queue);
    }
    int failed = answer(queue, args[0], NULL);
    rd_kafka_AclBinding_destroy(right);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return failed;
}

static int committed(const char *bootstrap, const char *group, const char *topic, int partitions)
{
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, bootstrap, "group.id", group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    rd_kafka_resp_err_t code = rd_kafka_committed(rk, list, LIMIT_MS);
    for (int i = 0; !code && i < list->cnt; i++) {
        printf("%s", i ? " " : "");
        if (list->elems[i].offset < 0) {
            printf("-");
        } else {
            printf("%" PRId64, list->elems[i].offset);
        }
    }
    printf("\n");
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return code ? complain("committed", rd_kafka_err2str(code)) : 0;
}

static int ends(const char *bootstrap, const char *topic, int partitions)
{
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, bootstrap, "isolation.level", "read_uncommitted");
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; !code && i < partitions; i++) {
        int64_t low, high = 0;
        code = rd_kafka_query_watermark_offsets(rk, topic, i, &low, &high, LIMIT_MS);
        printf("%s%" PRId64, i ? " " : "", high);
    }
    printf("\n");
    rd_kafka_destroy(rk);
    return code ? complain("ends", rd_kafka_err2str(code)) : 0;
}

static int judge(rd_kafka_error_t *error, const char *what)
{
    if (!error) {
        return 0;
    }
    complain(what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return 1;
}

static int transaction(const char *bootstrap, const char *topic, bool commit)
{
    static char line[70000];
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, bootstrap, "transactional.id", topic);
    int failed =
        judge(rd_kafka_init_transactions(rk, LIMIT_MS), "init") || judge(rd_kafka_begin_transaction(rk), "begin");
    while (!failed && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        char *bar = strchr(line, '|');
        *bar = '\0';
        rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
        failed = rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, bar + 1, strlen(bar + 1), line,
                                  strlen(line), NULL);
        rd_kafka_topic_destroy(rkt);
    }
    rd_kafka_flush(rk, LIMIT_MS);
    failed = failed || judge(commit ? rd_kafka_commit_transaction(rk, LIMIT_MS) : rd_kafka_abort_transaction(rk, LIMIT_MS),
                             "end");
    rd_kafka_destroy(rk);
    return failed;
}

int main(int argc, char **argv)
{
    const char *command = argc > 2 ? argv[2] : "";
    if (argc == 4 && strcmp(command, "delete") == 0) {
        return administer(argv[1], argv + 2, argc - 2);
    }
    if (argc == 6 && strcmp(command, "truncate") == 0) {
        return administer(argv[1], argv + 2, argc - 2);
    }
    if (argc >= 5 && (strcmp(command, "create") == 0 || strcmp(command, "grow") == 0 || strcmp(command, "set") == 0 ||
                      strcmp(command, "config") == 0)) {
        return administer(argv[1], argv + 2, argc - 2);
    }
    if (argc == 7 && (strcmp(command, "allow") == 0 || strcmp(command, "forbid") == 0)) {
        return give_or_take(argv[1], argv + 2);
    }
    if (argc == 6 && strcmp(command, "committed") == 0) {
        return committed(argv[1], argv[3], argv[4], atoi(argv[5]));
    }
    if (argc == 5 && strcmp(command, "ends") == 0) {
        return ends(argv[1], argv[3], atoi(argv[4]));
    }
    if (argc == 5 && strcmp(command, "transaction") == 0) {
        return transaction(argv[1], argv[3], strcmp(argv[4], "commit") == 0);
    }
    fprintf(stderr, "tool: see the top of tests/broker/tool.c\n");
    return 2;
}
