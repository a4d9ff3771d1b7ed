/* daemon_published.c - exactly-once over restarts: what is published for a user stands in the output topic, in the transaction that published
 * it, and nowhere else as safely: a snapshot is older, by up to its interval. So the topic is read back whenever partitions come, a piece in every
 * turn of the loop. */
#include "clock.h"
#include "daemon_private.h"
#include "log.h"
#include "operator_state.h"
#include <inttypes.h>

enum {
    MARGIN_MS = 600000, /* how far the clocks of instances and brokers may be apart */
    TURN_MS = 50,
    TELL_MS = 5000, /* between two messages about a long reading */
    LONG_MS = 1000
};

static bool take(void *context, const void *key, size_t key_length, const void *value, size_t length)
{
    daemon *d = context;
    d->reading.lists++;
    return lfrec_published_take(d->published, key, key_length, value, length);
}

/* For users that a snapshot brought back; the others are met while catching up. Users of partitions that stay have been served on. */
static void apply(daemon *d)
{
    const lfrec_store *store = lfrec_operator_state_of(d->op).store;
    for (uint32_t user = 0; user < lfrec_store_user_slots(store); user++) {
        if (lfrec_store_has_user(store, user)) {
            const lfrec_partition *p = lfrec_delivery_find(d->delivery, lfrec_store_partition(store, user));
            lfrec_id id = lfrec_store_user_id(store, user);
            if (p && !p->placed) {
                lfrec_published_list list = lfrec_published_of(d->published, id);
                lfrec_operator_has_list(d->op, id, list.fingerprint, list.model);
            }
        }
    }
}

static void place_all(daemon *d)
{
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        lfrec_delivery_at(d->delivery, i)->placed = true;
    }
}

void daemon_stop_read_back(daemon *d)
{
    lfrec_kafka_outputs_close(d->reading.outputs);
    d->reading.outputs = NULL;
}

static void finish(daemon *d, bool whole, int64_t now)
{
    const daemon_reading *r = &d->reading;
    if (!whole) {
        lfrec_log(LFREC_LOG_WARNING, "topic %s could not be read back: lists may be repeated that follow a training",
                  d->options->output_topic);
    }
    lfrec_log(now - r->began < LONG_MS ? LFREC_LOG_DEBUG : LFREC_LOG_INFO,
              "%" PRIu64 " lists of %zu users read back from topic %s in %" PRId64 " ms", r->lists,
              lfrec_published_users(d->published), d->options->output_topic, now - r->began);
    daemon_stop_read_back(d);
    apply(d);
    place_all(d);
    daemon_check_ready(d);
}

static void begin(daemon *d, int64_t now)
{
    daemon_reading *r = &d->reading;
    int64_t since = d->read_back_all || !d->saved_bytes.bytes ? 0 : d->saved.made - MARGIN_MS;
    since = since > 0 ? since : 0;
    if (r->outputs && since >= r->since) {
        lfrec_kafka_outputs_again(r->outputs);
        return;
    }
    daemon_stop_read_back(d);
    lfrec_published_close(d->published);
    *r = (daemon_reading){.since = since, .began = now, .told = now};
    d->published = lfrec_published_open();
    r->outputs = d->published ? lfrec_kafka_outputs_open(d->kafka, since) : NULL;
    if (!d->published) {
        daemon_give_up(d, LFREC_EXIT_FAILED, "no memory to read the output topic back");
    } else if (!r->outputs) {
        finish(d, false, now);
    }
}

void daemon_read_back(void *context)
{
    daemon *d = context;
    if (d->options->delivery == LFREC_EXACTLY_ONCE && d->options->role != LFREC_ROLE_TRAINER && d->read_back && !d->code) {
        begin(d, lfrec_clock_ms());
    } else {
        place_all(d);
    }
}

void daemon_serve_read_back(daemon *d, int64_t now)
{
    daemon_reading *r = &d->reading;
    if (!r->outputs) {
        return;
    }
    lfrec_kafka_reading state = lfrec_kafka_outputs_step(r->outputs, take, d, TURN_MS);
    if (state != LFREC_KAFKA_READING) {
        finish(d, state == LFREC_KAFKA_READ, lfrec_clock_ms());
    } else if (now - r->told >= TELL_MS) {
        r->told = now;
        lfrec_log(LFREC_LOG_INFO, "reading topic %s back: %" PRIu64 " lists so far, %" PRId64 " offsets to go",
                  d->options->output_topic, r->lists, lfrec_kafka_outputs_left(r->outputs));
    }
}

void daemon_close_read_back(daemon *d)
{
    daemon_stop_read_back(d);
    lfrec_published_close(d->published);
    d->published = NULL;
    d->read_back = d->read_back_all = false;
}
