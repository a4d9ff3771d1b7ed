/* generate.c - made-up ratings for a machine without MovieLens: people with hidden tastes, films that meet them more or less.
 *
 *     generate FOLDER [USERS FILMS RATINGS SEED]      writes FOLDER/ratings.csv and FOLDER/movies.csv, in MovieLens' format
 *
 * A rating is 3.5 + the film's quality + the person's generosity + taste . flavor + noise, rounded to half stars, 0.5 to 5. People come one
 * after the other and rate in sittings; they choose popular films, and rather those that suit them. */
#include "../../lfrec.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TASTES = 6 };

static const char *const genre[TASTES] = {"Sci-Fi", "Romance", "Comedy", "Crime", "War", "Animation"};
static const char *const first_word[TASTES][6] = {{"Star", "Quantum", "Orbital", "Alien", "Solar", "Robot"},
                                                  {"Tender", "Summer", "Secret", "Midnight", "Last", "Paper"},
                                                  {"Holiday", "Crazy", "Two Left", "Big", "Office", "Neighbor's"},
                                                  {"Cold", "Silent", "Crooked", "Dead", "Harbor", "Double"},
                                                  {"Iron", "Longest", "Broken", "Winter", "Forgotten", "Red"},
                                                  {"Little", "Magic", "Singing", "Paper Moon", "Brave", "Flying"}};
static const char *const second_word[TASTES][6] = {{"Rangers", "Horizon", "Engine", "Garden", "Exodus", "Mind"},
                                                   {"Letters", "Kiss", "Promise", "Waltz", "Rain", "Vows"},
                                                   {"Feet", "Weekend", "Wedding", "Trouble", "Party", "Uncle"},
                                                   {"Case", "Money", "Witness", "Streets", "Alibi", "Hand"},
                                                   {"Front", "Bridge", "Company", "March", "Letters", "Dawn"},
                                                   {"Fox", "Castle", "Mouse", "Dragon", "Island", "Bear"}};

typedef struct film {
    float flavor[TASTES], quality, fame;
    unsigned main_taste, other_taste;
} film;

typedef struct person {
    float taste[TASTES], generosity;
    long next; /* when the next sitting begins */
} person;

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("generate: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static film make_film(lfrec_rng *rng)
{
    film f;
    f.main_taste = lfrec_rng_below(rng, TASTES);
    f.other_taste = lfrec_rng_below(rng, TASTES);
    for (unsigned k = 0; k < TASTES; k++)
        f.flavor[k] = 0.2f * lfrec_rng_normal(rng) + (k == f.main_taste ? 0.9f : 0) + (k == f.other_taste ? 0.35f : 0);
    f.quality = 0.35f * lfrec_rng_normal(rng);
    float u = lfrec_rng_uniform(rng);
    f.fame = u * u * u * (0.6f + f.quality > 0.2f ? 0.6f + f.quality : 0.2f) + 0.01f; /* a few famous ones, many hardly known */
    return f;
}

static person make_person(lfrec_rng *rng, long start)
{
    person p;
    for (unsigned k = 0; k < TASTES; k++) p.taste[k] = 0.9f * lfrec_rng_normal(rng);
    p.generosity = 0.35f * lfrec_rng_normal(rng);
    p.next = start;
    return p;
}

static float liking(const person *p, const film *f)
{
    float sum = 0;
    for (unsigned k = 0; k < TASTES; k++) sum += p->taste[k] * f->flavor[k];
    return sum;
}

static bool write_titles(const char *path, const film *films, unsigned count, lfrec_rng *rng)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) return false;
    fputs("movieId,title,genres\r\n", out);
    for (unsigned k = 0; k < count; k++) {
        const film *f = &films[k];
        char name[100];
        int part = (int)(k / 36 % 9);
        snprintf(name, sizeof name, "%s %s", first_word[f->main_taste][lfrec_rng_below(rng, 6)],
                 second_word[f->main_taste][lfrec_rng_below(rng, 6)]);
        unsigned year = 1950 + lfrec_rng_below(rng, 70);
        /* Some titles are quoted and some are parts of a series, as in the real thing. */
        bool the = lfrec_rng_below(rng, 4) == 0;
        char number[16] = "";
        if (part > 0) snprintf(number, sizeof number, " %d", part + 1);
        fprintf(out, "%u,%s%s%s%s (%u)%s,%s", k + 1, the ? "\"" : "", name, number, the ? ", The" : "", year,
                the ? "\"" : "", genre[f->main_taste]);
        if (f->other_taste != f->main_taste) fprintf(out, "|%s", genre[f->other_taste]);
        fputs("\r\n", out);
    }
    return fclose(out) == 0;
}

static bool write_ratings(const char *path, const film *films, unsigned film_count, person *people,
                          unsigned person_count, unsigned wanted, lfrec_rng *rng)
{
    FILE *out = fopen(path, "w");
    unsigned char *seen = need(calloc((size_t)film_count * person_count, 1));
    float *fame = need(malloc(film_count * sizeof *fame)); /* running sum */
    if (out == NULL) return free(seen), free(fame), false;
    float total = 0;
    for (unsigned k = 0; k < film_count; k++) fame[k] = total += films[k].fame;
    fputs("userId,movieId,rating,timestamp\r\n", out);
    for (unsigned written = 0; written < wanted;) {
        unsigned next = 0; /* whose sitting is next */
        for (unsigned k = 1; k < person_count; k++)
            if (people[k].next < people[next].next) next = k;
        person *p = &people[next];
        unsigned sitting = 5 + lfrec_rng_below(rng, 40);
        for (unsigned tries = 0; sitting > 0 && written < wanted && tries < 2000; tries++) {
            float at = lfrec_rng_uniform(rng) * total;
            unsigned low = 0, high = film_count - 1;
            while (low < high) {
                unsigned middle = (low + high) / 2;
                if (fame[middle] > at) high = middle;
                else low = middle + 1;
            }
            unsigned char *mark = &seen[(size_t)next * film_count + low];
            float like = liking(p, &films[low]);
            if (*mark || lfrec_rng_uniform(rng) > 0.5f + 0.4f * like) continue;
            *mark = 1;
            float rating = 3.5f + films[low].quality + p->generosity + like + 0.6f * lfrec_rng_normal(rng);
            int halves = (int)(rating * 2 + 0.5f);
            halves = halves < 1 ? 1 : halves > 10 ? 10 : halves;
            fprintf(out, "%u,%u,%d.%d,%ld\r\n", next + 1, low + 1, halves / 2, halves % 2 * 5, p->next);
            p->next += 20 + (long)lfrec_rng_below(rng, 60);
            sitting--;
            written++;
        }
        p->next += 86400L * (5 + (long)lfrec_rng_below(rng, 700));
    }
    free(seen);
    free(fame);
    return fclose(out) == 0;
}

int main(int argc, char **argv)
{
    unsigned numbers[4] = {600, 1500, 60000, 1}; /* users, films, ratings, seed */
    if (argc < 2 || argc > 6) {
        fputs("usage: generate FOLDER [USERS FILMS RATINGS SEED]\n", stderr);
        return 2;
    }
    for (int k = 2; k < argc; k++) {
        char *end;
        unsigned long number = strtoul(argv[k], &end, 10);
        if (*end != '\0' || argv[k][0] < '0' || argv[k][0] > '9' || number < 1 || number > 10000000) {
            fprintf(stderr, "generate: %s: must be a whole number from 1 to 10000000\n", argv[k]);
            return 2;
        }
        numbers[k - 2] = (unsigned)number;
    }
    const unsigned people_count = numbers[0], film_count = numbers[1], wanted = numbers[2];
    if ((double)wanted > 0.2 * (double)people_count * (double)film_count) {
        fprintf(stderr, "generate: %u ratings are too many for %u users and %u films: at most a fifth of all pairs\n",
                wanted, people_count, film_count);
        return 2;
    }
    lfrec_rng rng;
    lfrec_rng_seed(&rng, numbers[3], 0);
    film *films = need(malloc(film_count * sizeof *films));
    person *people = need(malloc(people_count * sizeof *people));
    for (unsigned k = 0; k < film_count; k++) films[k] = make_film(&rng);
    for (unsigned k = 0; k < people_count; k++)
        people[k] = make_person(&rng, 1000000000L + (long)(lfrec_rng_uniform(&rng) * 1.5e8f));

    mkdir(argv[1], 0777); /* what is wrong with it shows when a file is made in it */
    char path[4096];
    snprintf(path, sizeof path, "%s/movies.csv", argv[1]);
    bool good = write_titles(path, films, film_count, &rng);
    if (good) {
        snprintf(path, sizeof path, "%s/ratings.csv", argv[1]);
        good = write_ratings(path, films, film_count, people, people_count, wanted, &rng);
    }
    if (!good) perror(path);
    free(films);
    free(people);
    return good ? 0 : 1;
}
