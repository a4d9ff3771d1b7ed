#include "http_board.h"
#include "clock.h"
#include "metrics_series.h"
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    LISTS = 12,  /* newest lists that are shown */
    LISTED = 10, /* items of each */
    LIST_BYTES = 4096 /* of its JSON: with long ids fewer items are shown */,
    BURST = 2 * LISTS, /* lists that are taken in ... */
    BURST_MS = 200,    /* ... this time */
    MARKS = 400,       /* newest models that are marked */
    REAL_DIGITS = 6
};

struct shown_list {
    double time; /* seconds since 1970 */
    size_t length;
    char json[LIST_BYTES];
};

struct mark {
    double time, seconds;
    uint64_t version;
};

/* All that is copied for a reader; plain memory. */
struct content {
    lfrec_metrics metrics;
    int64_t shown_ms;
    bool stopping;
    lfrec_series recent, run;
    struct mark marks[MARKS];       /* a ring */
    size_t marked;                  /* so far */
    struct shown_list lists[LISTS]; /* a ring */
    size_t listed;                  /* so far */
};

struct lfrec_board {
    pthread_mutex_t lock;
    struct content content; /* guarded by the lock */
    const char *topic, *library;
    /* The daemon's thread alone. */
    lfrec_buffer buffer;
    char last_user[LFREC_ID_MAX];
    size_t last_user_length;
    int64_t burst_began;
    int burst;
};

lfrec_board *lfrec_board_open(const char *topic, const char *library)
{
    lfrec_board *b = calloc(1, sizeof *b);
    if (!b || pthread_mutex_init(&b->lock, NULL) != 0) {
        free(b);
        return NULL;
    }
    b->topic = topic;
    b->library = library;
    b->content.shown_ms = lfrec_clock_ms();
    b->content.metrics.total_lag = -1;
    b->content.metrics.model_age = (double)NAN;
    b->content.metrics.resident = (double)NAN;
    b->content.metrics.stats.rmse = b->content.metrics.stats.recent_rmse = b->content.metrics.stats.means_rmse = (double)NAN;
    b->content.recent.period_ms = b->content.run.period_ms = 1000;
    b->content.run.folds = true;
    return b;
}

void lfrec_board_close(lfrec_board *b)
{
    if (b) {
        lfrec_buffer_free(&b->buffer);
        pthread_mutex_destroy(&b->lock);
        free(b);
    }
}

/* ---- the daemon's thread ---- */

void lfrec_board_show(lfrec_board *b, const lfrec_metrics *metrics, int64_t now_ms)
{
    struct content *c = &b->content;
    const lfrec_point point = {
        .time = lfrec_clock_date(),
        .events = metrics->events,
        .lag = metrics->total_lag,
        .rmse = metrics->stats.recent_rmse,
    };
    pthread_mutex_lock(&b->lock);
    if (metrics->stats.model_version > c->metrics.stats.model_version) {
        c->marks[c->marked++ % MARKS] = (struct mark){point.time, metrics->last_training, metrics->stats.model_version};
    }
    c->metrics = *metrics;
    c->shown_ms = now_ms;
    lfrec_series_add(&c->recent, now_ms, &point);
    lfrec_series_add(&c->run, now_ms, &point);
    pthread_mutex_unlock(&b->lock);
}

/* The list as it is published but without reasons, and with so many items as there is room for, into b->buffer. */
static bool encode(lfrec_board *b, const lfrec_recommendation *list)
{
    lfrec_recommended items[LISTED];
    lfrec_recommendation shown = *list;
    shown.items = items;
    shown.count = list->count < LISTED ? list->count : LISTED;
    for (size_t i = 0; i < shown.count; i++) {
        items[i] = (lfrec_recommended){.item = list->items[i].item, .score = list->items[i].score};
    }
    for (;; shown.count /= 2) {
        b->buffer.length = 0;
        if (lfrec_encode_recommendation(&shown, &b->buffer) != LFREC_ENCODED) {
            return false;
        }
        if (b->buffer.length <= LIST_BYTES || shown.count == 0) {
            return b->buffer.length <= LIST_BYTES;
        }
    }
}

void lfrec_board_list(lfrec_board *b, const lfrec_recommendation *list, int64_t now_ms)
{
    if (now_ms - b->burst_began >= BURST_MS) {
        b->burst_began = now_ms;
        b->burst = 0;
    }
    if (list->forgotten || b->burst >= BURST || !encode(b, list)) {
        return;
    }
    b->burst++;
    /* One who rates on and on has one place, not all of them. */
    bool again = b->content.listed > 0 && list->user.length == b->last_user_length &&
                 memcmp(list->user.bytes, b->last_user, b->last_user_length) == 0;
    b->last_user_length = list->user.length;
    memcpy(b->last_user, list->user.bytes, list->user.length);
    pthread_mutex_lock(&b->lock);
    b->content.listed += !again;
    struct shown_list *slot = &b->content.lists[(b->content.listed - 1) % LISTS];
    slot->time = lfrec_clock_date();
    slot->length = b->buffer.length;
    memcpy(slot->json, b->buffer.bytes, slot->length);
    pthread_mutex_unlock(&b->lock);
}

void lfrec_board_stopping(lfrec_board *b)
{
    pthread_mutex_lock(&b->lock);
    b->content.stopping = true;
    pthread_mutex_unlock(&b->lock);
}

/* ---- readers ---- */

static struct content *copy_of(lfrec_board *b)
{
    struct content *copy = malloc(sizeof *copy);
    if (copy) {
        pthread_mutex_lock(&b->lock);
        *copy = b->content;
        pthread_mutex_unlock(&b->lock);
    }
    return copy;
}

int64_t lfrec_board_silent_ms(lfrec_board *b, int64_t now_ms)
{
    pthread_mutex_lock(&b->lock);
    int64_t shown = b->content.shown_ms;
    pthread_mutex_unlock(&b->lock);
    return now_ms - shown;
}

static const char *not_ready(const struct content *c)
{
    return c->stopping ? "stopping" : lfrec_metrics_not_ready(&c->metrics);
}

const char *lfrec_board_not_ready(lfrec_board *b)
{
    pthread_mutex_lock(&b->lock);
    const char *why = not_ready(&b->content);
    pthread_mutex_unlock(&b->lock);
    return why;
}

bool lfrec_board_metrics(lfrec_board *b, lfrec_buffer *out)
{
    struct content *c = copy_of(b);
    bool written = c && lfrec_metrics_write(&c->metrics, b->topic, b->library, out);
    free(c);
    return written;
}

/* ---- the status as JSON ---- */

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *lag_or_null(int64_t lag)
{
    return lag >= 0 ? json_integer(lag) : json_null();
}

/* Milliseconds, so that they are whole numbers. */
static json_t *time_of(double seconds)
{
    return json_integer((json_int_t)llround(seconds * 1000));
}

static json_t *series_of(const lfrec_series *series)
{
    json_t *points = json_array();
    for (size_t i = 0; i < series->count; i++) {
        const lfrec_point *p = &series->point[i];
        json_array_append_new(points, json_pack("[o, o, o, o]", time_of(p->time), count(p->events), lag_or_null(p->lag),
                                                real_or_null(p->rmse)));
    }
    return points;
}

static json_t *marks_of(const struct content *c)
{
    json_t *marks = json_array();
    for (size_t i = c->marked > MARKS ? c->marked - MARKS : 0; i < c->marked; i++) {
        const struct mark *m = &c->marks[i % MARKS];
        json_array_append_new(marks, json_pack("{s:o, s:o, s:o}", "time", time_of(m->time), "model", count(m->version),
                                               "seconds", real_or_null(m->seconds)));
    }
    return marks;
}

/* Newest first. */
static json_t *lists_of(const struct content *c)
{
    json_t *lists = json_array();
    size_t shown = c->listed < LISTS ? c->listed : LISTS;
    for (size_t i = 1; i <= shown; i++) {
        const struct shown_list *l = &c->lists[(c->listed - i) % LISTS];
        json_array_append_new(
            lists, json_pack("{s:o, s:o}", "time", time_of(l->time), "list", json_loadb(l->json, l->length, 0, NULL)));
    }
    return lists;
}

/* The bound of the bucket in which a share of the outputs has ended: null for none, and above the last bound. */
static json_t *latency_of(const lfrec_latency *latency, double share)
{
    uint64_t below = 0;
    for (int i = 0; i < LFREC_LATENCY_BUCKETS - 1 && latency->count > 0; i++) {
        below += latency->bucket[i];
        if ((double)below >= share * (double)latency->count) {
            return json_real(lfrec_latency_bounds[i]);
        }
    }
    return json_null();
}

static uint64_t all_bad(const lfrec_metrics *m)
{
    uint64_t bad = 0;
    for (int reason = 0; reason < LFREC_BAD_COUNT; reason++) {
        bad += m->bad[reason];
    }
    return bad;
}

static json_t *status_of(const struct content *c)
{
    const lfrec_metrics *m = &c->metrics;
    json_t *status = json_object();
    const struct {
        const char *name;
        json_t *value;
    } fields[] = {
        {"now", time_of(lfrec_clock_date())},
        {"started", time_of(m->started)},
        {"waiting_for", not_ready(c) ? json_string(not_ready(c)) : json_null()},
        {"training", json_boolean(m->training)},
        {"events", count(m->events)},
        {"bad", count(all_bad(m))},
        {"users", count(m->stats.users)},
        {"items", count(m->stats.items)},
        {"ratings", count(m->stats.ratings)},
        {"model", count(m->stats.model_version)},
        {"model_age", real_or_null(m->model_age)},
        {"last_retrain_seconds", m->stats.retrains > 0 ? real_or_null(m->last_training) : json_null()},
        {"rmse", real_or_null(m->stats.recent_rmse)},
        {"rmse_all", real_or_null(m->stats.rmse)},
        {"rmse_means", real_or_null(m->stats.means_rmse)},
        {"partitions", count(m->partitions)},
        {"lag", lag_or_null(m->total_lag)},
        {"publish_queue", count(m->stats.stale_users)},
        {"in_flight", count(m->in_flight)},
        {"published", count(m->stats.published)},
        {"latency_p50", latency_of(&m->latency, 0.5)},
        {"latency_p99", latency_of(&m->latency, 0.99)},
        {"recent", series_of(&c->recent)},
        {"run", series_of(&c->run)},
        {"retrains", marks_of(c)},
        {"lists", lists_of(c)},
    };
    bool whole = status != NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        whole = json_object_set_new(status, fields[i].name, fields[i].value) == 0 && whole;
    }
    if (!whole) {
        json_decref(status);
        return NULL;
    }
    return status;
}

char *lfrec_board_status(lfrec_board *b)
{
    struct content *c = copy_of(b);
    json_t *status = c ? status_of(c) : NULL;
    char *text = status ? json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    json_decref(status);
    free(c);
    return text;
}
