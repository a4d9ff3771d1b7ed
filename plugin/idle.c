#include "idle.h"
#include "room.h"

bool lfrec_idle_reserve(lfrec_idle *idle, uint32_t users)
{
    if (users <= idle->room) {
        return true;
    }
    struct lfrec_idle_user *user = lfrec_grown(idle->user, &idle->room, users, sizeof *user);
    if (!user) {
        return false;
    }
    idle->user = user;
    return true;
}

void lfrec_idle_free(lfrec_idle *idle)
{
    free(idle->user);
    *idle = (lfrec_idle){0};
}

void lfrec_idle_remove(lfrec_idle *idle, uint32_t index)
{
    struct lfrec_idle_user *user = &idle->user[index];
    if (!user->older && !user->newer && idle->oldest != index + 1) {
        return;
    }
    *(user->older ? &idle->user[user->older - 1].newer : &idle->oldest) = user->newer;
    *(user->newer ? &idle->user[user->newer - 1].older : &idle->newest) = user->older;
    *user = (struct lfrec_idle_user){0};
}

void lfrec_idle_touch(lfrec_idle *idle, uint32_t index)
{
    if (idle->newest == index + 1) {
        return;
    }
    lfrec_idle_remove(idle, index);
    idle->user[index].older = idle->newest;
    *(idle->newest ? &idle->user[idle->newest - 1].newer : &idle->oldest) = index + 1;
    idle->newest = index + 1;
}

bool lfrec_idle_first(const lfrec_idle *idle, uint32_t *user)
{
    *user = idle->oldest - 1;
    return idle->oldest != 0;
}

bool lfrec_idle_next(const lfrec_idle *idle, uint32_t *user)
{
    uint32_t newer = idle->user[*user].newer;
    *user = newer - 1;
    return newer != 0;
}
