/* recommender.c - one page's recommender in static memory. */
#define LFREC_IMPLEMENTATION
#include "../../lfrec.h"
#include "recommender.h"
#include "films.h"
#include "people.h"
#include "map.h"

/* The person is the last user. Rooms are generous; begin says when they are too small. */
enum { USERS = PEOPLE + 1, EVENTS = PEOPLE * MOST_EACH + FILMS };
static lfrec_rating events[EVENTS];
static size_t others;
static uint64_t ratings_memory[3 * EVENTS + 2 * USERS], trainer_memory[6 * USERS + 8000], model_memory[2000];
static lfrec_ratings ratings;
static lfrec_trainer trainer;
static lfrec_model model;
static map drawn;

static float stars_of[FILMS]; /* the person's; 0: none */
static uint32_t rated[FILMS];
static float value[FILMS];
static lfrec_history history = {rated, value, 0};

static float factors[64];
static float score[FILMS];
static lfrec_scored list[LIST];
static lfrec_reason reasons[LIST][REASONS];
static lfrec_explanation why[LIST];
static size_t listed;

static lfrec_options options_for_films(void)
{
    lfrec_options options = lfrec_options_for(LFREC_SGD, FILMS, FACTORS, 1, 5);
    options.epochs = EPOCHS;
    options.holdout = 0.1f;
    options.patience = 0;
    return options;
}

lfrec_status begin(void)
{
    const lfrec_options options = options_for_films();
    others = people_rate(events);
    return lfrec_model_init(&model, &options, model_memory, sizeof model_memory);
}

const char *status_text(int status)
{
    return lfrec_status_string((lfrec_status)status);
}

uint32_t film_count(void)
{
    return FILMS;
}

const char *film_title(uint32_t film)
{
    return film < FILMS ? films[film].title : "";
}

uint32_t rating_count(void)
{
    return ratings.row_start ? (uint32_t)ratings.row_start[ratings.users] : 0;
}

/* ---- training ---- */

lfrec_status train_begin(void)
{
    const lfrec_options options = options_for_films();
    size_t count = others;
    for (uint32_t film = 0; film < FILMS; film++) {
        if (stars_of[film] > 0.0f) events[count++] = (lfrec_rating){PEOPLE, film, stars_of[film]};
    }
    lfrec_status status = lfrec_ratings_init(&ratings, USERS, FILMS, events, count, ratings_memory, sizeof ratings_memory);
    if (status == LFREC_OK) {
        status = lfrec_trainer_init(&trainer, &options, &ratings, NULL, trainer_memory, sizeof trainer_memory);
    }
    return status;
}

lfrec_status train_epoch(void)
{
    return lfrec_trainer_epoch(&trainer, NULL);
}

uint32_t train_left(void)
{
    return trainer.at.epochs - trainer.at.epoch;
}

float train_error(void)
{
    return (float)trainer.at.held_out_error;
}

lfrec_status train_end(void)
{
    const lfrec_status status = lfrec_trainer_finish(&trainer, &model);
    if (status == LFREC_OK) map_make(&drawn, &model);
    return status;
}

/* ---- the person ---- */

lfrec_status rate(uint32_t film, float stars)
{
    if (film >= FILMS) return LFREC_ERROR_RANGE;
    if (!(stars >= 0.0f && stars <= 5.0f)) return LFREC_ERROR_NUMBER;
    stars_of[film] = stars;
    history.count = 0;
    for (uint32_t i = 0; i < FILMS; i++) {
        if (!(stars_of[i] > 0.0f)) continue;
        rated[history.count] = i;
        value[history.count++] = stars_of[i];
    }
    return LFREC_OK;
}

float rating(uint32_t film)
{
    return film < FILMS ? stars_of[film] : 0.0f;
}

lfrec_status refresh(void)
{
    lfrec_user user = {0, 0, factors};
    const lfrec_query query = lfrec_query_for(LIST, &history);
    lfrec_status status = lfrec_fold_in(&model, &history, &user);
    if (status == LFREC_OK) status = lfrec_score(&model, &user, 0, FILMS, score);
    if (status == LFREC_OK) status = lfrec_top(&model, &user, &query, list, &listed);
    for (size_t place = 0; place < listed && status == LFREC_OK; place++) {
        why[place].reasons = reasons[place];
        why[place].room = REASONS;
        status = lfrec_explain(&model, &user, &history, list[place].item, &why[place]);
    }
    return status;
}

float predicted(uint32_t film)
{
    const float all = film < FILMS ? score[film] : 0.0f;
    return all < 1.0f ? 1.0f : all > 5.0f ? 5.0f : all;
}

uint32_t list_count(void)
{
    return (uint32_t)listed;
}

uint32_t list_film(uint32_t place)
{
    return place < listed ? list[place].item : 0;
}

float list_stars(uint32_t place)
{
    return place < listed ? list[place].score : 0.0f;
}

float list_baseline(uint32_t place)
{
    return place < listed ? why[place].baseline : 0.0f;
}

uint32_t reason_count(uint32_t place)
{
    return place < listed ? (uint32_t)why[place].count : 0;
}

uint32_t reason_film(uint32_t place, uint32_t which)
{
    return which < reason_count(place) ? reasons[place][which].item : 0;
}

float reason_share(uint32_t place, uint32_t which)
{
    return which < reason_count(place) ? reasons[place][which].share : 0.0f;
}

/* ---- the map ---- */

float map_at(uint32_t film, int axis)
{
    if (film >= FILMS || axis < 0 || axis > 1) return 0.0f;
    return map_place(&drawn, axis, model.decoder + film * model.stride, model.factors);
}

uint32_t near(uint32_t film, uint32_t place)
{
    lfrec_scored nearest[NEAREST];
    size_t found = 0;
    if (place >= NEAREST || lfrec_nearest(&model, LFREC_COSINE, film, NEAREST, nearest, &found) != LFREC_OK)
        return film;
    return place < found ? nearest[place].item : film;
}
