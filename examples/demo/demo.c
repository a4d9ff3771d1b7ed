/* demo.c - ratings stream into lfrec-kafka, recommendations come out: what `make demo` shows. See run.sh.
 *
 *     demo --data FOLDER [--daemon build/lfrec-kafka] [--seconds 30]
 *
 * Starts the daemon with its embedded broker, replays the ratings into the input topic, reads the output topic, and follows two
 * things: the error of the daemon's predictions, each made before the rating was learned, and the list of one person as that person's
 * ratings arrive. The daemon is watched as a person would: its standard error is a terminal (a pseudo-terminal), on which it keeps a
 * line of figures up to date. Everything is bounded in time, and the daemon is stopped by its process id however this ends.
 * Exit code 0; 1 when something failed, with a message; 2 for a wrong command line. */
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "../dataset.h"
#include "../../plugin/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define INPUT "ratings"
#define OUTPUT "recommendations"

enum {
    SHOWN = 5,     /* titles of a list */
    MODELS = 12,   /* retrainings in the whole stream */
    AHEAD = 20000, /* most ratings to be ahead of the daemon: the embedded broker keeps only some MB of a partition */
    START_MS = 20000,    /* for the daemon to be ready */
    LAG_MS = 15000,      /* for the daemon to catch up with what was sent */
    LIST_MS = 3000,      /* for one person's list to come back */
    STOP_MS = 10000,     /* for the daemon to end after SIGTERM */
    LONGEST_MS = 100000, /* for the whole replay; what is left then is left out */
    STATUS_MS = 200
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what the daemon says ---- */

/* Its line of figures. */
typedef struct figures {
    uint64_t events;
    double recent, all, means; /* RMSE; NAN while unknown */
    unsigned model;
} figures;

typedef struct child {
    pid_t pid;       /* 0: not running */
    int output;      /* its standard output */
    int terminal;    /* the other side of its standard error */
    char text[4096]; /* of the terminal, not yet looked at */
    size_t length;
    char complaint[512]; /* the last warning or error */
    char bootstrap[128];
    bool ready;
    figures now;
} child;

/* One tenth of the stream. */
typedef struct tenth {
    size_t sent;
    figures at;
} tenth;

typedef struct listed {
    uint32_t item;
    double score;
    uint32_t because; /* of which rated item; UINT32_MAX: of none in particular */
    double rating;    /* that it was given */
} listed;

typedef struct list {
    size_t rated; /* ratings it rests on */
    unsigned model;
    size_t count;
    listed entry[SHOWN];
} list;

typedef struct demo {
    const char *path, *daemon;
    double seconds;
    bool terminal, color; /* of our own standard output */
    dataset data;
    child child;
    rd_kafka_t *producer, *consumer;
    lfrec_buffer buffer;
    uint64_t undelivered;
    char kafka_error[256];

    size_t sent;
    int64_t begin, paused; /* ms */
    tenth tenths[10];
    size_t tenth_count;

    uint32_t watched; /* user index */
    size_t watched_total, watched_sent, next_stop;
    unsigned blocks; /* lists shown */
    list latest, shown;
    int64_t status_at;
    bool status_up;
} demo;

/* ---- printing ---- */

static void clear_status(demo *d)
{
    if (d->status_up) fputs("\r\033[K", stdout);
    d->status_up = false;
}

static void say(demo *d, const char *format, ...)
{
    va_list arguments;
    clear_status(d);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
}

static bool fail(demo *d, const char *format, ...)
{
    va_list arguments;
    clear_status(d);
    fflush(stdout);
    fputs("demo: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (d->child.complaint[0]) fprintf(stderr, "demo: lfrec-kafka's last complaint: %s\n", d->child.complaint);
    return false;
}

static void show_status(demo *d)
{
    if (!d->terminal || d->begin == 0 || now_ms() - d->status_at < STATUS_MS) return;
    d->status_at = now_ms();
    const figures *f = &d->child.now;
    size_t percent = d->data.count ? d->sent * 100 / d->data.count : 0;
    char bar[21];
    for (size_t k = 0; k < 20; k++) bar[k] = k < percent / 5 ? '#' : '.';
    bar[20] = '\0';
    printf("\r\033[K  [%s] %zu ratings, model %u", bar, d->sent, f->model);
    if (!isnan(f->all)) printf(", RMSE %.3f lately, %.3f so far (means alone %.3f)", f->recent, f->all, f->means);
    fflush(stdout);
    d->status_up = true;
}

/* ---- the daemon ---- */

/* A number after `name` in text; NAN when it is not there. */
static double number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    char *end;
    if (at == NULL) return (double)NAN;
    double number = strtod(at + strlen(name), &end);
    return end == at + strlen(name) ? (double)NAN : number;
}

/* "12345 events (2000/s), 610 users, ..., RMSE 0.912 (all 0.934, means 0.941), model 3, ..." or a line of its log. */
static void look_at_line(child *c, const char *line)
{
    const char *level = strstr(line, " warning ");
    if (level == NULL) level = strstr(line, " error ");
    if (level != NULL) snprintf(c->complaint, sizeof c->complaint, "%s", level + 1);
    if (strstr(line, " caught up: ") != NULL) c->ready = true;
    const char *events = strstr(line, " events ("), *start = events;
    double model = number_after(line, ", model ");
    if (events == NULL || isnan(model)) return;
    while (start > line && start[-1] >= '0' && start[-1] <= '9') start--;
    c->now = (figures){.events = strtoull(start, NULL, 10),
                       .recent = number_after(line, ", RMSE "),
                       .all = number_after(line, " (all "),
                       .means = number_after(line, ", means "),
                       .model = (unsigned)model};
}

static void hear_child(child *c)
{
    for (;;) {
        ssize_t got = read(c->terminal, c->text + c->length, sizeof c->text - 1 - c->length);
        if (got <= 0) return;
        c->length += (size_t)got;
        c->text[c->length] = '\0';
        /* The line of figures has no end of its own: whatever a read ends with is taken for whole, as one write made it. */
        char *line = c->text, *end;
        while ((end = strpbrk(line, "\r\n")) != NULL) {
            *end = '\0';
            look_at_line(c, line);
            line = end + 1;
        }
        look_at_line(c, line);
        c->length = strlen(line);
        memmove(c->text, line, c->length + 1);
        if (c->length > sizeof c->text / 2) c->length = 0;
    }
}

/* Has the daemon ended by itself? */
static bool child_ended(demo *d)
{
    int status;
    if (d->child.pid == 0 || waitpid(d->child.pid, &status, WNOHANG) != d->child.pid) return false;
    d->child.pid = 0;
    hear_child(&d->child);
    if (WIFSIGNALED(status)) fail(d, "%s was ended by signal %d", d->daemon, WTERMSIG(status));
    else fail(d, "%s ended by itself with exit code %d", d->daemon, WEXITSTATUS(status));
    return true;
}

static bool start_child(demo *d, char *const arguments[])
{
    int out[2];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 || pipe(out) != 0)
        return fail(d, "no pseudo-terminal or pipe: %s", strerror(errno));
    const char *name = ptsname(terminal);
    int slave = name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (slave < 0) return fail(d, "no pseudo-terminal: %s", strerror(errno));
    struct winsize wide = {.ws_row = 25, .ws_col = 250};
    ioctl(slave, TIOCSWINSZ, &wide);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return fail(d, "cannot start a process: %s", strerror(errno));
    if (pid == 0) {
        setpgid(0, 0); /* an interrupt of the terminal is ours to pass on */
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(slave, STDERR_FILENO);
        close(nothing), close(out[0]), close(out[1]), close(slave), close(terminal);
        execv(d->daemon, arguments);
        fprintf(stderr, " error %s: %s\n", d->daemon, strerror(errno));
        _exit(127);
    }
    close(out[1]);
    close(slave);
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    d->child.pid = pid;
    d->child.terminal = terminal;
    d->child.output = out[0];
    return true;
}

/* SIGTERM, some patience, SIGKILL. false: it did not end well. */
static bool stop_child(demo *d)
{
    child *c = &d->child;
    if (c->pid == 0) return true;
    kill(c->pid, SIGTERM);
    for (int64_t until = now_ms() + STOP_MS;;) {
        int status;
        if (waitpid(c->pid, &status, WNOHANG) == c->pid) {
            c->pid = 0;
            hear_child(c);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
            return fail(d, "%s did not end well after SIGTERM (status %d)", d->daemon, status);
        }
        if (now_ms() > until) break;
        hear_child(c); /* a full terminal would hold it up */
        poll(NULL, 0, 20);
    }
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
    return fail(d, "%s did not end within %d s of SIGTERM", d->daemon, STOP_MS / 1000);
}

/* ---- Kafka ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    demo *d = opaque;
    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    d->undelivered++;
    snprintf(d->kafka_error, sizeof d->kafka_error, "%s", rd_kafka_err2str(message->err));
}

/* The daemon's own words are enough; what the clients say about brokers that go away is noise here. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static bool set(demo *d, rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) == RD_KAFKA_CONF_OK) return true;
    return fail(d, "%s=%s: %s", name, value, error);
}

/* One client; NULL when it could not be made. */
static rd_kafka_t *make_client(demo *d, rd_kafka_type_t type)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    bool good = set(d, conf, "bootstrap.servers", d->child.bootstrap);
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_opaque(conf, d);
        good = good && set(d, conf, "linger.ms", "5") && set(d, conf, "partitioner", "murmur2_random") &&
               set(d, conf, "message.timeout.ms", "10000");
    } else {
        good = good && set(d, conf, "group.id", "lfrec-demo") && set(d, conf, "enable.auto.commit", "false") &&
               set(d, conf, "auto.offset.reset", "earliest") && set(d, conf, "fetch.wait.max.ms", "20");
    }
    rd_kafka_t *client = good ? rd_kafka_new(type, conf, error, sizeof error) : NULL;
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        if (good) fail(d, "no Kafka client: %s", error);
    }
    return client;
}

/* Reads all partitions of the output topic from their beginning, without a group: joining one takes seconds. */
static bool assign_output(demo *d)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(d->consumer, OUTPUT, NULL);
    rd_kafka_resp_err_t err = topic ? rd_kafka_metadata(d->consumer, 0, topic, &metadata, 5000) : rd_kafka_last_error();
    if (topic) rd_kafka_topic_destroy(topic);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR &&
        (metadata == NULL || metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt < 1))
        err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata != NULL) {
        rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(4);
        for (int k = 0; k < metadata->topics[0].partition_cnt; k++)
            rd_kafka_topic_partition_list_add(all, OUTPUT, metadata->topics[0].partitions[k].id)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
        err = rd_kafka_assign(d->consumer, all);
        rd_kafka_topic_partition_list_destroy(all);
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR || fail(d, "topic " OUTPUT ": %s", rd_kafka_err2str(err));
}

/* ---- lists ---- */

static bool item_of(const demo *d, const json_t *holder, uint32_t *item)
{
    const char *id = json_string_value(json_object_get(holder, "item"));
    return id != NULL && dataset_item(&d->data, id, item);
}

/* A list as the daemon publishes it. */
static bool parse_list(const demo *d, const void *bytes, size_t length, list *out)
{
    json_t *root = json_loadb(bytes, length, 0, NULL), *entry;
    size_t k;
    *out = (list){.rated = (size_t)json_integer_value(json_object_get(root, "rated")),
                  .model = (unsigned)json_integer_value(json_object_get(root, "model"))};
    json_array_foreach(json_object_get(root, "items"), k, entry)
    {
        listed *to = &out->entry[out->count];
        if (out->count == SHOWN || !item_of(d, entry, &to->item)) break;
        to->score = json_number_value(json_object_get(entry, "score"));
        const json_t *reason = json_array_get(json_object_get(entry, "reasons"), 0);
        to->rating = json_number_value(json_object_get(reason, "rating"));
        if (!(json_number_value(json_object_get(reason, "share")) > 0.005) || !item_of(d, reason, &to->because))
            to->because = UINT32_MAX;
        out->count++;
    }
    bool good = json_is_object(root);
    json_decref(root);
    return good;
}

static void receive(demo *d)
{
    const char *id = d->data.users.text[d->watched];
    const size_t length = strlen(id);
    rd_kafka_message_t *message;
    for (int k = 0; k < 5000 && (message = rd_kafka_consumer_poll(d->consumer, 0)) != NULL; k++) {
        list fresh;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->key_len == length &&
            memcmp(message->key, id, length) == 0 && message->payload != NULL &&
            parse_list(d, message->payload, message->len, &fresh))
            d->latest = fresh;
        rd_kafka_message_destroy(message);
    }
}

/* Where an item stood in the list that was shown before; SHOWN: nowhere. */
static size_t place_before(const demo *d, uint32_t item)
{
    for (size_t k = 0; k < d->shown.count; k++)
        if (d->shown.entry[k].item == item) return k;
    return SHOWN;
}

static size_t new_titles(const demo *d)
{
    size_t fresh = 0;
    for (size_t k = 0; k < d->latest.count; k++) fresh += place_before(d, d->latest.entry[k].item) == SHOWN;
    return fresh;
}

static void show_list(demo *d)
{
    for (size_t k = 0; k < d->latest.count; k++) {
        const listed *entry = &d->latest.entry[k];
        size_t place = place_before(d, entry->item);
        const char *mark = place == SHOWN ? "new" : place > k ? "up" : place < k ? "down" : "";
        bool bold = d->color && place == SHOWN;
        say(d, "      %s%.2f  %-4s  %s%s", bold ? "\033[1m" : "", entry->score, mark,
            dataset_title(&d->data, entry->item), bold ? "\033[0m" : "");
        if (entry->because != UINT32_MAX)
            say(d, ", after %g for %s", entry->rating, dataset_title(&d->data, entry->because));
        say(d, "\n");
    }
    if (d->latest.count == 0) say(d, "      (nothing yet: no film has enough ratings)\n");
    say(d, "\n");
    d->shown = d->latest;
    d->blocks++;
}

/* ---- the loop's turns ---- */

/* false: it is over, and the reason has been told. */
static bool turn(demo *d, int wait_ms)
{
    if (interrupted) return fail(d, "stopped by signal %d", (int)interrupted);
    if (child_ended(d)) return false;
    hear_child(&d->child);
    if (d->producer) rd_kafka_poll(d->producer, 0);
    if (d->consumer) receive(d);
    if (d->undelivered) return fail(d, "a rating could not be delivered: %s", d->kafka_error);
    show_status(d);
    if (wait_ms > 0) poll(NULL, 0, wait_ms);
    return true;
}

/* Waits for the daemon to have read what was sent. The replay's clock stands still meanwhile. */
static bool settle(demo *d)
{
    int64_t start = now_ms();
    while (d->child.now.events < d->sent) {
        if (!turn(d, 20)) return false;
        if (now_ms() - start > LAG_MS)
            return fail(d, "lfrec-kafka read only %llu of %zu ratings within %d s",
                        (unsigned long long)d->child.now.events, d->sent, LAG_MS / 1000);
    }
    d->paused += now_ms() - start;
    return true;
}

static bool start_broker(demo *d)
{
    char minimum[64], maximum[64], events[64];
    size_t every = d->data.count / MODELS > 200 ? d->data.count / MODELS : 200;
    snprintf(minimum, sizeof minimum, "lfrec.scale.min=%g", (double)d->data.lowest);
    snprintf(maximum, sizeof maximum, "lfrec.scale.max=%g", (double)d->data.highest);
    snprintf(events, sizeof events, "lfrec.retrain.events=%zu", every);
    char *arguments[] = {(char *)d->daemon,
                         "-X",
                         "lfrec.embedded=true",
                         "-X",
                         minimum,
                         "-X",
                         maximum,
                         "-X",
                         events,
                         "-X",
                         "lfrec.retrain.seconds=0",
                         "-X",
                         "lfrec.explain=1",
                         "-X",
                         "lfrec.top.n=5",
                         NULL};
    say(d, "  lfrec-kafka -X lfrec.embedded=true -X %s -X %s -X %s ...\n", minimum, maximum, events);
    if (!start_child(d, arguments)) return false;

    char text[512] = "";
    size_t length = 0;
    static const char prefix[] = "embedded broker: ";
    for (int64_t until = now_ms() + START_MS; !d->child.ready || strchr(text, '\n') == NULL;) {
        ssize_t got = read(d->child.output, text + length, sizeof text - 1 - length);
        if (got > 0) text[length += (size_t)got] = '\0';
        if (!turn(d, 20)) return false;
        if (now_ms() > until) return fail(d, "lfrec-kafka was not ready within %d s", START_MS / 1000);
    }
    text[strcspn(text, "\r\n")] = '\0';
    const char *at = strstr(text, prefix);
    if (at == NULL) return fail(d, "lfrec-kafka did not say where its broker is, but: %s", text);
    snprintf(d->child.bootstrap, sizeof d->child.bootstrap, "%s", at + strlen(prefix));
    say(d,
        "  The embedded broker is at %s; while this runs, kcat can join:\n"
        "  kcat -C -b %s -t " OUTPUT "\n\n",
        d->child.bootstrap, d->child.bootstrap);
    d->producer = make_client(d, RD_KAFKA_PRODUCER);
    d->consumer = d->producer ? make_client(d, RD_KAFKA_CONSUMER) : NULL;
    if (d->consumer) rd_kafka_poll_set_consumer(d->consumer);
    return d->consumer != NULL && assign_output(d);
}

/* ---- the replay ---- */

/* The person whose ratings come in the most of 40 parts of the stream, among those with a fair number of them who come when there is
 * something learned already. */
static bool choose_watched(demo *d)
{
    const dataset *data = &d->data;
    uint32_t users = data->users.count;
    uint64_t *parts = calloc(users, sizeof *parts);
    size_t *counts = calloc(users, sizeof *counts);
    if (parts == NULL || counts == NULL) return free(parts), free(counts), fail(d, "out of memory");
    for (size_t k = 0; k < data->count; k++) {
        parts[data->rating[k].user] |= (uint64_t)1 << (k * 40 / data->count);
        counts[data->rating[k].user]++;
    }
    int best = -1;
    for (uint32_t user = 0; user < users; user++) {
        int value = 0;
        for (uint64_t left = parts[user]; left; left &= left - 1) value++;
        bool fair = counts[user] >= 40 && counts[user] <= 400;
        bool late = (parts[user] & 0x3FFF) == 0; /* nothing in the first third */
        value += (fair ? 1000 : 0) + (late ? 100 : 0);
        if (value > best || (value == best && counts[user] < counts[d->watched])) {
            best = value;
            d->watched = user;
        }
    }
    d->watched_total = counts[d->watched];
    d->next_stop = 1;
    free(parts);
    free(counts);
    return true;
}

static bool send_rating(demo *d, size_t k)
{
    const lfrec_rating *r = &d->data.rating[k];
    const char *user = d->data.users.text[r->user], *item = d->data.items.text[r->item];
    lfrec_event event = {.kind = LFREC_EVENT_RATE,
                         .user = {user, strlen(user)},
                         .item = {item, strlen(item)},
                         .rating = r->value,
                         .has_timestamp = d->data.timestamp[k] != 0,
                         .timestamp = d->data.timestamp[k]};
    d->buffer.length = 0;
    if (lfrec_encode_event(&event, &d->buffer) != LFREC_ENCODED)
        return fail(d, "rating %zu cannot be written as JSON", k);
    for (int64_t until = now_ms() + LAG_MS;;) {
        rd_kafka_resp_err_t err = rd_kafka_producev(
            d->producer, RD_KAFKA_VTYPE_TOPIC, INPUT, RD_KAFKA_VTYPE_KEY, user, event.user.length, RD_KAFKA_VTYPE_VALUE,
            d->buffer.bytes, d->buffer.length, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_END);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) break;
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || now_ms() > until)
            return fail(d, "rating %zu: %s", k, rd_kafka_err2str(err));
        if (!turn(d, 5)) return false;
    }
    d->sent = k + 1;
    return true;
}

/* The watched person has just rated: at some of those ratings the replay waits for the list that comes of it, and shows it. */
static bool watch(demo *d, const lfrec_rating *rating)
{
    if (++d->watched_sent != d->next_stop && d->watched_sent != d->watched_total) return true;
    d->next_stop = d->watched_sent < 3 ? 3 : d->watched_sent + d->watched_sent / 2 + 1;
    int64_t start = now_ms();
    while (d->latest.rated < d->watched_sent && now_ms() - start < LIST_MS)
        if (!turn(d, 5)) return false;
    d->paused += now_ms() - start;
    say(d, "  Person %s gives %g to %s (rating %zu of %zu).", d->data.users.text[d->watched], (double)rating->value,
        dataset_title(&d->data, rating->item), d->watched_sent, d->watched_total);
    if (d->blocks > 0 && new_titles(d) == 0 && d->latest.count == d->shown.count) {
        say(d, " The same titles as before.\n\n");
        return true;
    }
    say(d, " The list now, by model %u:\n", d->latest.model);
    show_list(d);
    return true;
}

static bool note_tenth(demo *d)
{
    if (!settle(d)) return false;
    tenth *t = &d->tenths[d->tenth_count++];
    *t = (tenth){d->sent, d->child.now};
    say(d, "  %3zu%%  %7zu ratings, model %2u   RMSE", d->tenth_count * 10, t->sent, t->at.model);
    if (isnan(t->at.all)) say(d, " not known yet\n\n");
    else say(d, " %.3f so far (means alone %.3f), %.3f lately\n\n", t->at.all, t->at.means, t->at.recent);
    /* A new model may have changed the person's list without a new rating. */
    if (d->blocks > 0 && d->latest.model != d->shown.model && new_titles(d) >= 2) {
        say(d, "  Model %u is in: person %s now gets\n", d->latest.model, d->data.users.text[d->watched]);
        show_list(d);
    }
    return true;
}

static bool replay(demo *d)
{
    const size_t count = d->data.count;
    const double rate = (double)count / d->seconds;
    d->begin = now_ms();
    while (d->sent < count && now_ms() - d->begin < LONGEST_MS) {
        double due = rate * (double)(now_ms() - d->begin - d->paused) / 1000;
        while (d->sent < count && (double)d->sent < due && d->sent < d->child.now.events + AHEAD) {
            const lfrec_rating *rating = &d->data.rating[d->sent];
            if (!send_rating(d, d->sent)) return false;
            if (rating->user == d->watched && !watch(d, rating)) return false;
            if (d->sent == count * (d->tenth_count + 1) / 10 && !note_tenth(d)) return false;
            if (d->sent % 256 == 0) break;
        }
        if (!turn(d, (double)d->sent < due ? 0 : 5)) return false;
    }
    return settle(d);
}

static bool summarize(demo *d)
{
    const child *c = &d->child;
    if (d->sent < d->data.count)
        say(d, "  Time is up: the first %zu of %zu ratings were replayed.\n\n", d->sent, d->data.count);
    say(d, "  Every rating was predicted before it was learned. The error (RMSE) up to each tenth of the stream:\n\n"
           "     ratings   model   means alone   model's   better by\n");
    for (size_t k = 0; k < d->tenth_count; k++) {
        const tenth *t = &d->tenths[k];
        say(d, "    %8zu   %5u   %11.3f   %7.3f   %8.1f%%\n", t->sent, t->at.model, t->at.means, t->at.all,
            100 * (1 - t->at.all / t->at.means));
    }
    say(d, "\n  The latest ratings alone: %.3f. %u models were trained in the background meanwhile.\n", c->now.recent,
        c->now.model);
    return c->now.events >= d->sent && (c->now.model > 0 || fail(d, "no model was trained"));
}

static void suggest(demo *d)
{
    say(d,
        "\n  What to try next\n"
        "    make demo DATA=PATH                               another MovieLens folder (ml-1m: a million ratings)\n"
        "    build/examples/movielens --data %s --holdout 0.1\n"
        "                                                      the model itself, step by step\n"
        "    build/lfrec-kafka --help                          all properties; with -b HOST:PORT on your own Kafka\n"
        "    build/lfrec-kafka --pipe                          events on standard input, lists on standard output\n",
        d->path);
}

static bool prepare(demo *d)
{
    char error[DATASET_ERROR_MAX];
    if (!dataset_read(&d->data, d->path, error)) return fail(d, "%s", error);
    dataset_print_refused(&d->data, stderr);
    const dataset *data = &d->data;
    if (!(data->highest > data->lowest) || data->count < 1000)
        return fail(d, "%s: too little to show: at least 1000 ratings that differ", d->path);
    bool timed = data->timed == data->count;
    if (timed && !dataset_sort_by_time(&d->data)) return fail(d, "out of memory");
    if (!timed) { /* as good an order as any, and the same every time */
        lfrec_rng rng;
        lfrec_rng_seed(&rng, 1, 0);
        for (size_t k = data->count; k > 1; k--) {
            size_t other = lfrec_rng_below(&rng, (uint32_t)k);
            lfrec_rating held = d->data.rating[k - 1];
            d->data.rating[k - 1] = d->data.rating[other];
            d->data.rating[other] = held;
        }
        memset(d->data.timestamp, 0, data->count * sizeof *data->timestamp);
    }
    say(d, "\n  %zu ratings of %u films by %u people, in %s, within about %.0f s.\n", data->count, data->items.count,
        data->users.count, timed ? "the order of time" : "random order (not every rating has a time)", d->seconds);
    return choose_watched(d);
}

static void clean_up(demo *d)
{
    if (d->consumer) {
        rd_kafka_consumer_close(d->consumer);
        rd_kafka_destroy(d->consumer);
    }
    if (d->producer) {
        rd_kafka_purge(d->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(d->producer, 0);
        rd_kafka_destroy(d->producer);
    }
    d->consumer = d->producer = NULL;
}

int main(int argc, char **argv)
{
    demo *d = calloc(1, sizeof *d);
    if (d == NULL) return 1;
    d->daemon = "build/lfrec-kafka";
    d->seconds = 30;
    for (int k = 1; k + 1 < argc; k += 2) {
        if (strcmp(argv[k], "--data") == 0) d->path = argv[k + 1];
        if (strcmp(argv[k], "--daemon") == 0) d->daemon = argv[k + 1];
        if (strcmp(argv[k], "--seconds") == 0) d->seconds = strtod(argv[k + 1], NULL);
    }
    if (argc % 2 == 0 || d->path == NULL || !(d->seconds >= 1 && d->seconds <= 1e-3 * LONGEST_MS)) {
        fputs("usage: demo --data FOLDER [--daemon build/lfrec-kafka] [--seconds 1..100]\n", stderr);
        free(d);
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->terminal = isatty(STDOUT_FILENO) && getenv("TERM") != NULL && strcmp(getenv("TERM"), "dumb") != 0;
    d->color = d->terminal && getenv("NO_COLOR") == NULL;
    d->child.now = (figures){.recent = (double)NAN, .all = (double)NAN, .means = (double)NAN};
    dataset_init(&d->data);

    bool good = prepare(d) && start_broker(d) && replay(d) && summarize(d);
    clean_up(d);
    good = stop_child(d) && good;
    if (good) suggest(d);
    lfrec_buffer_free(&d->buffer);
    dataset_free(&d->data);
    free(d);
    return good ? 0 : 1;
}
