#include "delivery.h"
#include "room.h"
#include <stdlib.h>
#include <string.h>

typedef struct holding holding;

/* In the list of its partition, oldest first; of_user links a user's chain. */
struct lfrec_hold {
    holding *owner; /* NULL: the partition was taken away */
    int64_t offset;
    int64_t read_at; /* clock, us; 0: not measured */
    bool letter;     /* a dead letter's */
    lfrec_hold *previous, *next;
    lfrec_hold *of_user;
};

/* lfrec_partition first, so that the public pointer is also this one. */
struct holding {
    lfrec_partition public;
    lfrec_hold *oldest, *newest;
    size_t holds, letters; /* letters: of those, dead letters' */
};

/* A goodbye stands in a list and has the user's id, of which nobody else knows any more. */
struct lfrec_output {
    lfrec_delivery *delivery;
    lfrec_hold *holds;
    bool list; /* else a dead letter */
    uint32_t slot;
    int32_t partition;
    bool goodbye;
    lfrec_output *previous, *next;
    size_t id_length;
    char id[]; /* id_length bytes */
};

/* Of a user, by the operator's number. */
struct slot {
    lfrec_hold *deferred; /* of a list to come */
    uint32_t under_way;   /* lists that are with the producer */
};

struct lfrec_delivery {
    holding **partitions;
    size_t count, capacity;
    lfrec_output *goodbyes;
    lfrec_output *spare; /* those reported, to be used again, linked by next: as many as were ever under way at once, but no goodbyes */
    struct slot *slot; /* slots */
    uint32_t slots;
    size_t deferred_users; /* slots with something deferred */
};

lfrec_delivery *lfrec_delivery_open(void)
{
    return calloc(1, sizeof(lfrec_delivery));
}

static void unlink_hold(lfrec_hold *hold)
{
    holding *owner = hold->owner;
    if (!owner) {
        return;
    }
    *(hold->previous ? &hold->previous->next : &owner->oldest) = hold->next;
    *(hold->next ? &hold->next->previous : &owner->newest) = hold->previous;
    owner->holds--;
    owner->letters -= hold->letter;
    hold->owner = NULL;
}

void lfrec_delivery_let_go(lfrec_hold *hold)
{
    while (hold) {
        lfrec_hold *next = hold->of_user;
        unlink_hold(hold);
        free(hold);
        hold = next;
    }
}

void lfrec_delivery_settle(lfrec_delivery *d)
{
    for (uint32_t slot = 0; slot < d->slots && d->deferred_users > 0; slot++) {
        lfrec_delivery_let_go(lfrec_delivery_take(d, slot));
    }
}

void lfrec_delivery_close(lfrec_delivery *d)
{
    if (!d) {
        return;
    }
    lfrec_delivery_settle(d);
    while (d->count > 0) {
        lfrec_delivery_remove(d, d->partitions[0]->public.id);
    }
    while (d->spare) {
        lfrec_output *next = d->spare->next;
        free(d->spare);
        d->spare = next;
    }
    free(d->slot);
    free(d->partitions);
    free(d);
}

static holding *find(const lfrec_delivery *d, int32_t partition, size_t *index)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->partitions[i]->public.id == partition) {
            if (index) {
                *index = i;
            }
            return d->partitions[i];
        }
    }
    return NULL;
}

lfrec_partition *lfrec_delivery_assign(lfrec_delivery *d, int32_t partition)
{
    lfrec_delivery_remove(d, partition);
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 8;
        holding **grown = realloc(d->partitions, capacity * sizeof *grown); // NOLINT(bugprone-sizeof-expression): pointers
        if (!grown) {
            return NULL;
        }
        d->partitions = grown;
        d->capacity = capacity;
    }
    holding *new = calloc(1, sizeof *new);
    if (!new) {
        return NULL;
    }
    new->public = (lfrec_partition){
        .id = partition, .position = -1, .committed = -1, .target = -1, .witness_offset = -1, .proven = true};
    d->partitions[d->count++] = new;
    return &new->public;
}

/* The chain without its holds of `owner`. Those are freed. */
static lfrec_hold *without(lfrec_hold *chain, const holding *owner)
{
    lfrec_hold *kept = NULL, **end = &kept;
    while (chain) {
        lfrec_hold *next = chain->of_user;
        chain->of_user = NULL;
        if (chain->owner == owner) {
            lfrec_delivery_let_go(chain);
        } else {
            *end = chain;
            end = &chain->of_user;
        }
        chain = next;
    }
    return kept;
}

void lfrec_delivery_remove(lfrec_delivery *d, int32_t partition)
{
    size_t index;
    holding *gone = find(d, partition, &index);
    if (!gone) {
        return;
    }
    for (uint32_t slot = 0; slot < d->slots && d->deferred_users > 0; slot++) {
        lfrec_hold *before = d->slot[slot].deferred;
        d->slot[slot].deferred = without(before, gone);
        d->deferred_users -= before && !d->slot[slot].deferred;
    }
    while (gone->oldest) { /* what is left is in flight: the producer's report frees it */
        unlink_hold(gone->oldest);
    }
    d->partitions[index] = d->partitions[--d->count];
    free(gone);
}

lfrec_partition *lfrec_delivery_find(const lfrec_delivery *d, int32_t partition)
{
    holding *found = find(d, partition, NULL);
    return found ? &found->public : NULL;
}

size_t lfrec_delivery_count(const lfrec_delivery *d)
{
    return d->count;
}

lfrec_partition *lfrec_delivery_at(const lfrec_delivery *d, size_t index)
{
    return &d->partitions[index]->public;
}

lfrec_hold *lfrec_delivery_hold(lfrec_partition *partition, int64_t offset)
{
    holding *owner = (holding *)partition;
    lfrec_hold *hold = calloc(1, sizeof *hold);
    if (!hold) {
        return NULL;
    }
    hold->owner = owner;
    hold->offset = offset;
    hold->read_at = partition->reading;
    hold->previous = owner->newest;
    *(owner->newest ? &owner->newest->next : &owner->oldest) = hold;
    owner->newest = hold;
    owner->holds++;
    return hold;
}

lfrec_hold *lfrec_delivery_chain(lfrec_hold *chain, lfrec_hold *hold)
{
    lfrec_hold **end = &chain;
    while (*end) {
        end = &(*end)->of_user;
    }
    *end = hold;
    return chain;
}

static bool reserve_slot(lfrec_delivery *d, uint32_t slot)
{
    if (slot < d->slots) {
        return true;
    }
    struct slot *grown = slot < UINT32_MAX ? lfrec_grown(d->slot, &d->slots, slot + 1, sizeof *grown) : NULL;
    d->slot = grown ? grown : d->slot;
    return grown;
}

static lfrec_output *new_output(lfrec_delivery *d, size_t id_length)
{
    lfrec_output *spare = d->spare;
    if (id_length > 0 || !spare) {
        return calloc(1, sizeof *spare + id_length);
    }
    d->spare = spare->next;
    memset(spare, 0, sizeof *spare);
    return spare;
}

lfrec_output *lfrec_delivery_send(lfrec_delivery *d, const lfrec_recommendation *list, lfrec_hold *chain)
{
    bool goodbye = list && list->forgotten;
    size_t id_length = goodbye ? list->user.length : 0;
    lfrec_output *output = !list || reserve_slot(d, list->slot) ? new_output(d, id_length) : NULL;
    if (!output) {
        return NULL;
    }
    output->delivery = d;
    output->holds = chain;
    if (!list) {
        for (; chain; chain = chain->of_user) {
            chain->owner->letters += !chain->letter;
            chain->letter = true;
        }
        return output;
    }
    output->list = true;
    output->slot = list->slot;
    output->partition = list->partition;
    d->slot[list->slot].under_way++;
    if (goodbye) {
        output->goodbye = true;
        output->id_length = id_length;
        memcpy(output->id, list->user.bytes, id_length);
        output->next = d->goodbyes;
        if (d->goodbyes) {
            d->goodbyes->previous = output;
        }
        d->goodbyes = output;
    }
    return output;
}

lfrec_hold *lfrec_delivery_unsend(lfrec_output *output)
{
    lfrec_hold *chain = output->holds;
    lfrec_delivery *d = output->delivery;
    if (output->list) {
        d->slot[output->slot].under_way--;
    }
    if (output->goodbye) {
        *(output->previous ? &output->previous->next : &d->goodbyes) = output->next;
        if (output->next) {
            output->next->previous = output->previous;
        }
        free(output);
    } else {
        output->next = d->spare;
        d->spare = output;
    }
    return chain;
}

void lfrec_delivery_arrived(lfrec_output *output)
{
    if (output) {
        lfrec_delivery_let_go(lfrec_delivery_unsend(output));
    }
}

int64_t lfrec_delivery_output_read_at(const lfrec_output *output)
{
    int64_t first = 0;
    for (const lfrec_hold *hold = output ? output->holds : NULL; hold; hold = hold->of_user) {
        first = first == 0 || hold->read_at < first ? hold->read_at : first;
    }
    return first;
}

bool lfrec_delivery_under_way(const lfrec_delivery *d, uint32_t slot)
{
    return slot < d->slots && d->slot[slot].under_way > 0;
}

bool lfrec_delivery_goodbyes(const lfrec_delivery *d, bool (*each)(void *context, lfrec_id id, int32_t partition), void *context)
{
    bool go_on = true;
    for (const lfrec_output *goodbye = d->goodbyes; goodbye && go_on; goodbye = goodbye->next) {
        go_on = each(context, (lfrec_id){goodbye->id, goodbye->id_length}, goodbye->partition);
    }
    return go_on;
}

bool lfrec_delivery_defer(lfrec_delivery *d, uint32_t slot, lfrec_hold *hold)
{
    if (!reserve_slot(d, slot)) {
        return false;
    }
    d->deferred_users += !d->slot[slot].deferred;
    d->slot[slot].deferred = lfrec_delivery_chain(d->slot[slot].deferred, hold);
    return true;
}

lfrec_hold *lfrec_delivery_take(lfrec_delivery *d, uint32_t slot)
{
    lfrec_hold *holds = slot < d->slots ? d->slot[slot].deferred : NULL;
    if (holds) {
        d->slot[slot].deferred = NULL;
        d->deferred_users--;
    }
    return holds;
}

bool lfrec_delivery_deferred(const lfrec_delivery *d, uint32_t slot, int32_t partition)
{
    for (lfrec_hold *hold = slot < d->slots ? d->slot[slot].deferred : NULL; hold; hold = hold->of_user) {
        if (hold->owner && hold->owner->public.id == partition) {
            return true;
        }
    }
    return false;
}

int64_t lfrec_delivery_committable(const lfrec_partition *partition)
{
    const holding *owner = (const holding *)partition;
    return owner->oldest ? owner->oldest->offset : partition->position;
}

int64_t lfrec_delivery_resume(const lfrec_partition *partition)
{
    const holding *owner = (const holding *)partition;
    return owner->letters > 0 ? lfrec_delivery_committable(partition) : partition->position;
}

size_t lfrec_delivery_holds(const lfrec_delivery *d)
{
    size_t total = 0;
    for (size_t i = 0; i < d->count; i++) {
        total += d->partitions[i]->holds;
    }
    return total;
}

size_t lfrec_delivery_deferred_users(const lfrec_delivery *d)
{
    return d->deferred_users;
}
