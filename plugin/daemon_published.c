/* daemon_published.c - exactly-once over restarts: what is published for a user stands in the output topic, in the transaction that published
 * it, and nowhere else as safely: a snapshot is older, by up to its interval. So the topic is read back whenever partitions come. */
#include "clock.h"
#include "daemon_private.h"
#include "log.h"
#include "operator_state.h"
#include <inttypes.h>

enum { MARGIN_MS = 600000, ALIVE_LISTS = 4096 }; /* MARGIN: how far the clocks of instances and brokers may be apart */

typedef struct reading {
    daemon *d;
    uint64_t lists;
} reading;

static bool take(void *context, const void *key, size_t key_length, const void *value, size_t length)
{
    reading *r = context;
    if (r->lists++ % ALIVE_LISTS == 0) {
        lfrec_notify_alive(&r->d->notify, lfrec_clock_ms());
    }
    return lfrec_published_take(r->d->published, key, key_length, value, length);
}

/* For users that a snapshot brought back; the others are met while catching up. Users of partitions that stay have been served on. */
static void apply(void *context, const lfrec_published_list *list)
{
    daemon *d = context;
    const lfrec_partition *p = lfrec_delivery_find(d->delivery, lfrec_operator_partition_of(d->op, list->user));
    if (p && !p->placed) {
        lfrec_operator_has_list(d->op, list->user, list->fingerprint, list->model);
    }
}

static void read_back(daemon *d)
{
    reading r = {.d = d};
    int64_t since = d->read_back_all || !d->saved_bytes.bytes ? 0 : d->saved.made - MARGIN_MS, began = lfrec_clock_ms();
    lfrec_published_close(d->published);
    d->published = lfrec_published_open();
    if (!d->published || !lfrec_kafka_read_outputs(d->kafka, since > 0 ? since : 0, take, &r)) {
        lfrec_log(LFREC_LOG_WARNING, "topic %s could not be read back: lists may be repeated that follow a training",
                  d->options->output_topic);
    }
    if (d->published) {
        lfrec_published_each(d->published, apply, d);
    }
    lfrec_log(LFREC_LOG_DEBUG, "%" PRIu64 " lists of topic %s read back in %" PRId64 " ms", r.lists,
              d->options->output_topic, lfrec_clock_ms() - began);
}

void daemon_read_back(void *context)
{
    daemon *d = context;
    if (d->options->delivery == LFREC_EXACTLY_ONCE && d->options->role != LFREC_ROLE_TRAINER && d->read_back && !d->code) {
        read_back(d);
    }
    for (size_t i = 0; i < lfrec_delivery_count(d->delivery); i++) {
        lfrec_delivery_at(d->delivery, i)->placed = true;
    }
}

void daemon_close_read_back(daemon *d)
{
    lfrec_published_close(d->published);
    d->published = NULL;
    d->read_back = d->read_back_all = false;
}
