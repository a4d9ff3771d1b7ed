#include "people.h"
#include "films.h"

/* How much of this kind the film has. */
static float share_of(const struct film *film, int kind)
{
    return (film->most == (enum kind)kind ? 1.0f : 0.0f) + (film->besides == (enum kind)kind ? 0.5f : 0.0f);
}

static float in_scale(float value)
{
    const int whole = (int)(value + 0.5f);
    return whole < 1 ? 1.0f : whole > 5 ? 5.0f : (float)whole;
}

size_t people_rate(lfrec_rating *events)
{
    lfrec_rng chance;
    float quality[FILMS], taste[KINDS];
    size_t count = 0;
    lfrec_rng_seed(&chance, 2019, 0);
    for (int i = 0; i < FILMS; i++) quality[i] = 0.3f * lfrec_rng_normal(&chance);
    for (uint32_t person = 0; person < PEOPLE; person++) {
        const float mildness = 3.3f + 0.3f * lfrec_rng_normal(&chance);
        const uint32_t tries = 8 + lfrec_rng_below(&chance, MOST_EACH - 8);
        for (int kind = 0; kind < KINDS; kind++) taste[kind] = lfrec_rng_normal(&chance);
        for (uint32_t k = 0; k < tries; k++) {
            const uint32_t item = lfrec_rng_below(&chance, FILMS);
            float liking = 0;
            for (int kind = 0; kind < KINDS; kind++) liking += share_of(&films[item], kind) * taste[kind];
            /* What people expect to dislike they mostly do not watch. */
            if (liking < 0.0f && lfrec_rng_below(&chance, 2)) continue;
            events[count].user = person;
            events[count].item = item;
            events[count].value = in_scale(mildness + quality[item] + 0.9f * liking + 0.4f * lfrec_rng_normal(&chance));
            count++;
        }
    }
    return count;
}
