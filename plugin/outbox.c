/* outbox.c - a doubly linked list through an array. */
#include "outbox.h"
#include "room.h"

bool lfrec_outbox_reserve(lfrec_outbox *outbox, uint32_t users)
{
    if (users <= outbox->room) {
        return true;
    }
    struct lfrec_outbox_user *user = lfrec_grown(outbox->user, &outbox->room, users, sizeof *user);
    if (!user) {
        return false;
    }
    outbox->user = user;
    return true;
}

void lfrec_outbox_free(lfrec_outbox *outbox)
{
    free(outbox->user);
    *outbox = (lfrec_outbox){0};
}

void lfrec_outbox_push(lfrec_outbox *outbox, uint32_t index)
{
    struct lfrec_outbox_user *user = &outbox->user[index];
    if (user->waiting) {
        return;
    }
    user->waiting = true;
    user->previous = outbox->last;
    user->next = 0;
    if (outbox->last) {
        outbox->user[outbox->last - 1].next = index + 1;
    } else {
        outbox->first = index + 1;
    }
    outbox->last = index + 1;
    ++outbox->waiting;
}

void lfrec_outbox_remove(lfrec_outbox *outbox, uint32_t index)
{
    struct lfrec_outbox_user *user = &outbox->user[index];
    if (!user->waiting) {
        return;
    }
    user->waiting = false;
    *(user->previous ? &outbox->user[user->previous - 1].next : &outbox->first) = user->next;
    *(user->next ? &outbox->user[user->next - 1].previous : &outbox->last) = user->previous;
    --outbox->waiting;
}

void lfrec_outbox_forget(lfrec_outbox *outbox, uint32_t index)
{
    lfrec_outbox_remove(outbox, index);
    outbox->user[index].published = 0;
}

bool lfrec_outbox_first(const lfrec_outbox *outbox, uint32_t *user)
{
    *user = outbox->first - 1;
    return outbox->first != 0;
}

bool lfrec_outbox_next(const lfrec_outbox *outbox, uint32_t *user)
{
    *user = outbox->user[*user].next - 1;
    return *user != UINT32_MAX;
}
