#include "options_table.h"
#include "number.h"
#include <inttypes.h>
#include <string.h>

#define FIELD(member) offsetof(lfrec_config, member)

const struct lfrec_option lfrec_option_table[LFREC_OPTION_COUNT] = {
    {"lfrec.input.topic", LFREC_OPTION_TOPIC, FIELD(input_topic), "ratings", 0, 0,
     "Topic the rating events are read from (-t)."},
    {"lfrec.output.topic", LFREC_OPTION_TOPIC, FIELD(output_topic), "recommendations", 0, 0,
     "Topic the lists are written to, keyed by user; compacted topics suit it."},
    {"lfrec.dead.letter.topic", LFREC_OPTION_TOPIC_OR_EMPTY, FIELD(dead_letter_topic), "ratings-dead-letter", 0, 0,
     "Topic for events that cannot be used, bytes untouched, reason in the headers. Empty: count and log them only."},
    {"lfrec.format", LFREC_OPTION_FORMAT, FIELD(format), "auto", 0, 0,
     "How events are written. auto: JSON when a value begins with { or [, else CSV user,item,rating[,ts]."},
    {"lfrec.scale.min", LFREC_OPTION_REAL, FIELD(scale_min), "0.5", 0, 0, "Lowest legal rating."},
    {"lfrec.scale.max", LFREC_OPTION_REAL, FIELD(scale_max), "5", 0, 0,
     "Highest legal rating. A rating off the scale is a bad event."},
    {"lfrec.factors", LFREC_OPTION_COUNT32, FIELD(factors), "14", 1, 1024,
     "Factors of the model that predicts ratings; the time of an event grows with their square. Fewer are used while "
     "there are fewer items."},
    {"lfrec.ranking", LFREC_OPTION_COUNT32, FIELD(ranking), "64", 0, 1024,
     "Factors of the model that orders lists. 0: lists in the order of predicted ratings."},
    {"lfrec.top.n", LFREC_OPTION_COUNT32, FIELD(top_n), "10", 1, 10000, "Items in a list."},
    {"lfrec.min.support", LFREC_OPTION_COUNT32, FIELD(min_support), "3", 0, UINT32_MAX,
     "An item with fewer ratings is not recommended. 0: no floor."},
    {"lfrec.max.users", LFREC_OPTION_COUNT32, FIELD(most_users), "0", 0, UINT32_MAX,
     "Most users in memory. When one more comes, the one whose latest event is the oldest leaves; the list published "
     "for that user stays. "
     "0: no ceiling."},
    {"lfrec.max.items", LFREC_OPTION_COUNT32, FIELD(most_items), "0", 0, UINT32_MAX,
     "Most items in memory. When they are known, a rating of a further item is a bad event. 0: no ceiling."},
    {"lfrec.explain", LFREC_OPTION_REASONS, FIELD(explain), "0", 0, 1000,
     "Reasons beside each recommended item: what the user rated that speaks for it. 0: none; true: 3."},
    {"lfrec.retrain.events", LFREC_OPTION_COUNT64, FIELD(retrain_events), "10000", 0, UINT64_MAX,
     "Retrain after so many events, in the background; earlier while there are few, after each tenth more. 0: never by "
     "events."},
    {"lfrec.retrain.seconds", LFREC_OPTION_COUNT32, FIELD(retrain_seconds), "300", 0, 31536000,
     "Retrain after so many seconds if there were events. 0: never by time."},
    {"lfrec.retrain.threads", LFREC_OPTION_COUNT32, FIELD(retrain_threads), "1", 1, 256,
     "Threads of a training. Events and lists want a processor meanwhile. Another number gives another model, as good; "
     "the same number the same one."},
    {"lfrec.epochs", LFREC_OPTION_COUNT32, FIELD(epochs), "60", 1, 100000,
     "Epochs of a training on few ratings; an eighth of them are taken when there are a million."},
    {"lfrec.publish.rate", LFREC_OPTION_COUNT32, FIELD(publish_rate), "1000", 0, 100000000,
     "Lists per second when users are published again after a retraining. 0: as fast as the producer takes them."},
    {"lfrec.role", LFREC_OPTION_ROLE, FIELD(role), "all", 0, 0,
     "all: this process trains and publishes lists. trainer: it publishes models to lfrec.model.topic, learned from a "
     "sample of all users. "
     "scorer: it publishes lists by those models, and does not train."},
    {"lfrec.model.topic", LFREC_OPTION_TOPIC, FIELD(model_topic), "lfrec-models", 0, 0,
     "Topic of the models between trainers and scorers: compacted, one partition."},
    {"lfrec.trainer.users", LFREC_OPTION_COUNT64, FIELD(trainer_users), "200000", 0, UINT64_MAX,
     "Most users in a trainer's sample, which is drawn uniformly. 0: all."},
    {"lfrec.seed", LFREC_OPTION_COUNT64, FIELD(seed), "1", 0, UINT64_MAX, "Seed of all randomness."},
    {"lfrec.embedded", LFREC_OPTION_BOOLEAN, FIELD(embedded), "false", 0, 0,
     "Run a broker inside the process (librdkafka's mock cluster, for trying out) instead of connecting to one."},
    {"lfrec.embedded.partitions", LFREC_OPTION_COUNT32, FIELD(embedded_partitions), "4", 1, 1000,
     "Partitions of each topic of the embedded broker."},
    {"lfrec.http.listen", LFREC_OPTION_ADDRESS, FIELD(http_listen), "", 0, 0,
     "Where to serve /metrics, /healthz, /readyz, /users/ID and a live page by HTTP: a port of the loopback address, "
     "or an "
     "address and a port. There is no password: who reaches it may read everything. Empty, and with --pipe: nowhere."},
    {"lfrec.delivery", LFREC_OPTION_DELIVERY, FIELD(delivery), "at-least-once", 0, 0,
     "What a crash may do to the outputs. at-least-once: lists and dead letters may come twice. exactly-once: they and "
     "the input "
     "offsets are written in transactions, for consumers with isolation.level=read_committed."},
    {"lfrec.snapshot.path", LFREC_OPTION_PATH, FIELD(snapshot_path), "", 0, 0,
     "File that the state is written to, with the offsets it stands for; a start reads it and then only what came "
     "since. Each "
     "instance needs one of its own. Empty: none, and every start reads the whole topic."},
    {"lfrec.snapshot.interval.ms", LFREC_OPTION_COUNT32, FIELD(snapshot_interval), "60000", 10, 86400000,
     "Time between two snapshots; another one is written at the end."},
    {"lfrec.log.level", LFREC_OPTION_LEVEL, FIELD(log_level), "info", 0, 0,
     "What is logged (-q: warning, -v: debug). SIGUSR2 switches debug messages on and off."},
    {"lfrec.log.format", LFREC_OPTION_LOG_FORMAT, FIELD(log_format), "text", 0, 0,
     "How messages are written: text for people, logfmt or json with fields for programs."},
    {"lfrec.log.file", LFREC_OPTION_PATH, FIELD(log_file), "", 0, 0,
     "File that messages are appended to; SIGHUP opens it anew. Empty: standard error."},
};

void lfrec_option_allowed(const struct lfrec_option *option, char out[LFREC_OPTION_TEXT_MAX])
{
    const char *text = "";
    switch (option->type) {
    case LFREC_OPTION_TOPIC:
        text = "a topic name (1 to 249 letters, digits, '.', '_' or '-', and not '.' or '..')";
        break;
    case LFREC_OPTION_TOPIC_OR_EMPTY:
        text = "empty or a topic name (up to 249 letters, digits, '.', '_' or '-', and not '.' or '..')";
        break;
    case LFREC_OPTION_FORMAT: text = "auto, json or csv"; break;
    case LFREC_OPTION_REAL: text = "a number, with a decimal point if need be"; break;
    case LFREC_OPTION_COUNT32:
    case LFREC_OPTION_COUNT64:
        snprintf(out, LFREC_OPTION_TEXT_MAX, "an integer from %" PRIu64 " to %" PRIu64, option->least, option->most);
        return;
    case LFREC_OPTION_REASONS:
        snprintf(out, LFREC_OPTION_TEXT_MAX, "true, false or an integer from %" PRIu64 " to %" PRIu64, option->least,
                 option->most);
        return;
    case LFREC_OPTION_ROLE: text = "all, trainer or scorer"; break;
    case LFREC_OPTION_BOOLEAN: text = "true or false"; break;
    case LFREC_OPTION_DELIVERY: text = "at-least-once or exactly-once"; break;
    case LFREC_OPTION_ADDRESS: text = "empty, PORT, IP4:PORT or [IP6]:PORT"; break;
    case LFREC_OPTION_LEVEL: text = "error, warning, info or debug"; break;
    case LFREC_OPTION_LOG_FORMAT: text = "text, logfmt or json"; break;
    case LFREC_OPTION_PATH: text = "empty or a path of up to 255 bytes"; break;
    }
    snprintf(out, LFREC_OPTION_TEXT_MAX, "%s", text);
}

void lfrec_option_value(const lfrec_config *options, const struct lfrec_option *option, char out[LFREC_OPTION_TEXT_MAX])
{
    const void *field = (const char *)options + option->offset;
    const char *text = "";
    switch (option->type) {
    case LFREC_OPTION_TOPIC:
    case LFREC_OPTION_TOPIC_OR_EMPTY:
    case LFREC_OPTION_ADDRESS:
    case LFREC_OPTION_PATH: text = field; break;
    case LFREC_OPTION_FORMAT: {
        const lfrec_format *format = field;
        text = *format == LFREC_FORMAT_JSON ? "json" : *format == LFREC_FORMAT_CSV ? "csv" : "auto";
        break;
    }
    case LFREC_OPTION_REAL: {
        const float *real = field;
        out[lfrec_number_write_float(*real, out)] = '\0';
        return;
    }
    case LFREC_OPTION_COUNT32:
    case LFREC_OPTION_REASONS: {
        const uint32_t *count = field;
        snprintf(out, LFREC_OPTION_TEXT_MAX, "%" PRIu32, *count);
        return;
    }
    case LFREC_OPTION_COUNT64: {
        const uint64_t *count = field;
        snprintf(out, LFREC_OPTION_TEXT_MAX, "%" PRIu64, *count);
        return;
    }
    case LFREC_OPTION_ROLE: {
        const lfrec_role *role = field;
        text = *role == LFREC_ROLE_TRAINER ? "trainer" : *role == LFREC_ROLE_SCORER ? "scorer" : "all";
        break;
    }
    case LFREC_OPTION_DELIVERY: {
        const lfrec_delivery_mode *mode = field;
        text = *mode == LFREC_EXACTLY_ONCE ? "exactly-once" : "at-least-once";
        break;
    }
    case LFREC_OPTION_BOOLEAN: {
        const bool *on = field;
        text = *on ? "true" : "false";
        break;
    }
    case LFREC_OPTION_LEVEL: {
        const int *level = field;
        text = *level <= 3 ? "error" : *level <= 5 ? "warning" : *level == 6 ? "info" : "debug";
        break;
    }
    case LFREC_OPTION_LOG_FORMAT: {
        const lfrec_log_format *format = field;
        text = *format == LFREC_LOG_JSON ? "json" : *format == LFREC_LOG_LOGFMT ? "logfmt" : "text";
        break;
    }
    }
    snprintf(out, LFREC_OPTION_TEXT_MAX, "%s", text);
}
