/* delivery.h - which input offsets may be committed, and what a snapshot must not take for delivered: knows partitions, offsets, users with
 * lists to come, and outputs under way; no Kafka, no I/O.
 *
 * The rule: an offset may be committed when every output (list or dead letter) that an event at or below it caused has been
 * acknowledged by the broker. An event holds its offset back by a hold:
 *   - made when the event's output is handed to the producer, let go when the producer reports it delivered;
 *   - or made when the event was learned but its user's list is to come later (catching up, a full queue): the hold is then kept under
 *     the user's slot, the operator's number for the user, goes out with the next list of that user, and is let go when that list is acknowledged.
 * One list covers everything learned of its user before, so one hold a user and partition is enough: the oldest.
 * An event whose output would have been what is already published holds nothing.
 *
 * Memory: one hold per output in flight, and one per (user, partition) with a list to come; 16 bytes a slot. One thread. */
#ifndef LFREC_DELIVERY_H
#define LFREC_DELIVERY_H

#include "event.h"

typedef struct lfrec_delivery lfrec_delivery; /* opaque */
typedef struct lfrec_hold lfrec_hold;         /* opaque; one, or a chain of those of one user */
typedef struct lfrec_output lfrec_output; /* opaque; a list or dead letter with the producer, until it is reported */

/* One assigned partition. */
typedef struct lfrec_partition {
    int32_t id;
    int64_t position;  /* the next offset to be learned; -1: nothing seen yet */
    int64_t committed; /* the group's committed offset as last heard; -1: none */
    int64_t target; /* catching up ends here: the end of the partition when it was assigned; -1: only its end tells */
    bool caught_up;
    uint64_t events;        /* learned since the assignment */
    int64_t started;        /* clock of the assignment, ms */
    int64_t restored;       /* the position that was restored from a snapshot; 0: none was */
    int64_t witness_offset; /* of the last event that was learned or found bad; -1: none. snapshot.h has what a witness is. */
    uint64_t witness;
    bool proven; /* false: restored from a snapshot, and the witness was not yet found where it should be */
    bool placed; /* what is published for its users is known: with exactly-once, the output topic was read back since it was assigned */
    int64_t reading; /* clock when the event being learned was read, us; 0: not measured. A hold made now keeps it. */
} lfrec_partition;

lfrec_delivery *lfrec_delivery_open(void);           /* NULL: no memory */
void lfrec_delivery_close(lfrec_delivery *delivery); /* NULL is allowed */

/* NULL: no memory. The pointer is good until the partition is removed. A partition that is there already starts anew. */
lfrec_partition *lfrec_delivery_assign(lfrec_delivery *delivery, int32_t partition);
/* Its holds are let go: whoever owns the partition now starts from the committed offset. Outputs in flight may still be reported. */
void lfrec_delivery_remove(lfrec_delivery *delivery, int32_t partition);
lfrec_partition *lfrec_delivery_find(const lfrec_delivery *delivery, int32_t partition); /* NULL: not assigned */
size_t lfrec_delivery_count(const lfrec_delivery *delivery);
lfrec_partition *lfrec_delivery_at(const lfrec_delivery *delivery, size_t index); /* index < count, any order */

/* A hold for one event; offsets of one partition must come in ascending order. NULL: no memory. */
lfrec_hold *lfrec_delivery_hold(lfrec_partition *partition, int64_t offset);
/* Lets a hold, or a chain of them, go. NULL is allowed. */
void lfrec_delivery_let_go(lfrec_hold *hold);

/* Puts a hold (or chain) under a user's slot, after those that are there. false: no memory, and the hold is still the caller's. */
bool lfrec_delivery_defer(lfrec_delivery *delivery, uint32_t slot, lfrec_hold *hold);
/* Takes what is under the slot: a chain, now the caller's; NULL: nothing. What a user left behind who left with another partition is in it,
 * too: nobody here has a list for that one to wait for. */
lfrec_hold *lfrec_delivery_take(lfrec_delivery *delivery, uint32_t slot);
/* Is there a hold of this partition under the slot? */
bool lfrec_delivery_deferred(const lfrec_delivery *delivery, uint32_t slot, int32_t partition);
/* No user has a list to come any more: everything under a slot is let go. */
void lfrec_delivery_settle(lfrec_delivery *delivery);

/* A list, or with NULL a dead letter, that is about to be handed to the producer; takes the chain over. NULL: no memory, and the chain is
 * still the caller's. */
lfrec_output *lfrec_delivery_send(lfrec_delivery *delivery, const lfrec_recommendation *list, lfrec_hold *chain);
/* It was not handed over after all: the chain is the caller's again. */
lfrec_hold *lfrec_delivery_unsend(lfrec_output *output);
/* It was reported: its chain is let go. NULL is allowed. */
void lfrec_delivery_arrived(lfrec_output *output);
/* When the first event that caused it was read, as partition->reading had it; 0: not measured, or no event did. */
int64_t lfrec_delivery_output_read_at(const lfrec_output *output);

/* Is a list of the user with this slot under way? */
bool lfrec_delivery_under_way(const lfrec_delivery *delivery, uint32_t slot);
/* Calls each for every user whose goodbye is under way; stops at false, and returns it. */
bool lfrec_delivery_goodbyes(const lfrec_delivery *delivery,
                             bool (*each)(void *context, lfrec_id id, int32_t partition), void *context);

/* Appends a hold to a chain (either may be NULL) and returns the chain. */
lfrec_hold *lfrec_delivery_chain(lfrec_hold *chain, lfrec_hold *hold);

/* The offset to commit: everything before it is done. -1: nothing seen yet. */
int64_t lfrec_delivery_committable(const lfrec_partition *partition);

/* Where a start from a snapshot must read on, so that no dead letter that is under way is lost: at or below the position. */
int64_t lfrec_delivery_resume(const lfrec_partition *partition);

/* Holds of all partitions, in flight or deferred; users with deferred ones. */
size_t lfrec_delivery_holds(const lfrec_delivery *delivery);
size_t lfrec_delivery_deferred_users(const lfrec_delivery *delivery);

#endif
