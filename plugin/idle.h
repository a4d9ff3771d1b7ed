/* idle.h - users in the order of their latest events: who has been idle longest stands first.
 *
 * Users are indices of the ratings store. Every operation is O(1); only reserve can fail. Not thread-safe. */
#ifndef LFREC_IDLE_H
#define LFREC_IDLE_H

#include <stdbool.h>
#include <stdint.h>

/* Links are indices + 1; 0 is none. */
struct lfrec_idle_user {
    uint32_t older, newer;
};

/* All zero is an empty order. */
typedef struct lfrec_idle {
    struct lfrec_idle_user *user; /* room */
    uint32_t room;
    uint32_t oldest, newest;
} lfrec_idle;

/* Makes room for users 0 .. users - 1. false: no memory, nothing changed. */
bool lfrec_idle_reserve(lfrec_idle *idle, uint32_t users);
void lfrec_idle_free(lfrec_idle *idle);

void lfrec_idle_touch(lfrec_idle *idle, uint32_t index); /* had an event just now: to the end, from wherever it stood */
void lfrec_idle_remove(lfrec_idle *idle, uint32_t index); /* nothing happens to one who is not in the order */

/* Visit all, the longest idle first: for (ok = first(&user); ok; ok = next(&user)). */
bool lfrec_idle_first(const lfrec_idle *idle, uint32_t *user);
bool lfrec_idle_next(const lfrec_idle *idle, uint32_t *user);

#endif
