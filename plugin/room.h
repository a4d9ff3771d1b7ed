/* room.h - arrays that grow by user. */
#ifndef LFREC_ROOM_H
#define LFREC_ROOM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A full array with room for `needed` elements, more than *room, and for as many again as it had; new ones are zero. Sets *room. NULL:
 * no memory, nothing changed. */
static inline void *lfrec_grown(void *array, uint32_t *room, uint32_t needed, size_t size)
{
    uint32_t more = *room <= UINT32_MAX / 2 ? *room * 2 : UINT32_MAX;
    more = more < needed ? needed : more;
    more = more < 16 ? 16 : more;
    char *grown = more <= SIZE_MAX / size ? realloc(array, more * size) : NULL;
    if (grown) {
        memset(grown + *room * size, 0, (more - *room) * size);
        *room = more;
    }
    return grown;
}

#endif
