/* interceptor_host.h - the application's own librdkafka. The interceptor links none: a second copy beside the application's would know
 * nothing of its clients. The functions are looked up in the library that called us. */
#ifndef LFREC_INTERCEPTOR_HOST_H
#define LFREC_INTERCEPTOR_HOST_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#define LFREC_HOST_FUNCTIONS(FUNCTION)             \
    FUNCTION(version_str)                          \
    FUNCTION(type)                                 \
    FUNCTION(err2str)                              \
    FUNCTION(err2name)                             \
    FUNCTION(last_error)                           \
    FUNCTION(fatal_error)                          \
    FUNCTION(conf_new)                             \
    FUNCTION(conf_destroy)                         \
    FUNCTION(conf_set)                             \
    FUNCTION(conf_dump)                            \
    FUNCTION(conf_dump_free)                       \
    FUNCTION(conf_set_opaque)                      \
    FUNCTION(conf_set_log_cb)                      \
    FUNCTION(conf_set_error_cb)                    \
    FUNCTION(conf_set_dr_msg_cb)                   \
    FUNCTION(conf_interceptor_add_on_conf_set)     \
    FUNCTION(conf_interceptor_add_on_conf_dup)     \
    FUNCTION(conf_interceptor_add_on_conf_destroy) \
    FUNCTION(conf_interceptor_add_on_new)          \
    FUNCTION(interceptor_add_on_consume)           \
    FUNCTION(interceptor_add_on_request_sent)      \
    FUNCTION(interceptor_add_on_destroy)           \
    FUNCTION(assignment)                           \
    FUNCTION(topic_partition_list_destroy)         \
    FUNCTION(topic_name)                           \
    FUNCTION(new)                                  \
    FUNCTION(topic_new)                            \
    FUNCTION(topic_destroy)                        \
    FUNCTION(produce)                              \
    FUNCTION(poll)                                 \
    FUNCTION(outq_len)                             \
    FUNCTION(purge)                                \
    FUNCTION(destroy)

/* host->poll is the application's rd_kafka_poll, and so on. */
typedef struct lfrec_host {
#define LFREC_HOST_MEMBER(name) __typeof__(rd_kafka_##name) *name;
    LFREC_HOST_FUNCTIONS(LFREC_HOST_MEMBER)
#undef LFREC_HOST_MEMBER
} lfrec_host;

#define LFREC_HOST_ERROR_MAX 256u /* bytes for an error text, NUL included */

/* caller: any address within the application's librdkafka. false: error says why. */
bool lfrec_host_find(lfrec_host *host, const void *caller, char error[LFREC_HOST_ERROR_MAX]);

#endif
