/* exercise.h - one small use of every part that the configuration has, as C99 and as C++11, without malloc, stdio or any library.
 *
 * Trains on the sparse path, which promises the same bits on every machine when compiled with -ffp-contract=off: `hash` covers the
 * saved model, so that programs from different compilers, languages and machines can be compared. Everything is in memory that starts
 * `shift` bytes off alignment. */
#ifndef LFREC_EXERCISE_H
#define LFREC_EXERCISE_H

#include "../../lfrec.h"

#define EXERCISE_ITEMS 12u
#define EXERCISE_USERS 20u
#define EXERCISE_FACTORS 3u

#ifdef LFREC_NO_ARTICLE
#define EXERCISE_SETTING LFREC_SGD
#else
#define EXERCISE_SETTING LFREC_ARTICLE
#endif

#define EXERCISE_TRY(call)                       \
    do {                                         \
        if ((call) != LFREC_OK) return __LINE__; \
    } while (0)
#define EXERCISE_EXPECT(condition)         \
    do {                                   \
        if (!(condition)) return __LINE__; \
    } while (0)

static unsigned char exercise_memory[4][16384];

/* 0, or the line that failed. */
static int exercise(size_t shift, uint32_t *hash)
{
    static lfrec_rating events[EXERCISE_USERS * EXERCISE_ITEMS];
    unsigned char *ratings_memory = exercise_memory[0] + shift, *means_memory = exercise_memory[1] + shift;
    unsigned char *model_memory = exercise_memory[2] + shift;
    const size_t room = sizeof exercise_memory[0] - 16;
    float factors[LFREC_STRIDE(EXERCISE_FACTORS)];
    lfrec_explanation explanation;
    size_t count = 0, bytes, found;
    uint32_t user_index, item;
    lfrec_options options = lfrec_options_for(EXERCISE_SETTING, EXERCISE_ITEMS, EXERCISE_FACTORS, 1.0f, 5.0f);
    lfrec_ratings ratings;
    lfrec_history history;
    lfrec_means means;
    lfrec_model model;
    lfrec_user user;
    lfrec_query query;
    lfrec_scored list[EXERCISE_ITEMS];
    lfrec_reason reasons[EXERCISE_ITEMS];

    /* Two tastes: even users like even items. A third of the pairs is unknown. */
    for (user_index = 0; user_index < EXERCISE_USERS; user_index++) {
        for (item = 0; item < EXERCISE_ITEMS; item++) {
            if ((user_index + item) % 3 != 0) {
                events[count].user = user_index;
                events[count].item = item;
                events[count].value = (user_index + item) % 2 == 0 ? 5.0f : (float)(1 + item % 3);
                count++;
            }
        }
    }
    EXERCISE_TRY(lfrec_ratings_size(EXERCISE_USERS, EXERCISE_ITEMS, count, &bytes));
    EXERCISE_EXPECT(bytes <= room);
    EXERCISE_TRY(lfrec_ratings_init(&ratings, EXERCISE_USERS, EXERCISE_ITEMS, events, count, ratings_memory, room));
    EXERCISE_TRY(lfrec_means_size(EXERCISE_ITEMS, &bytes));
    EXERCISE_EXPECT(bytes <= room);
    EXERCISE_TRY(lfrec_means_init(&means, EXERCISE_ITEMS, means_memory, room));
    EXERCISE_TRY(lfrec_means_add_all(&means, &ratings));

    options.path = LFREC_PATH_SPARSE;
    options.epochs = 20;
    options.batch = 4;
    EXERCISE_TRY(lfrec_model_size(&options, &bytes));
    EXERCISE_EXPECT(bytes <= room);
    EXERCISE_TRY(lfrec_model_init(&model, &options, model_memory, room));
    EXERCISE_TRY(lfrec_model_set_means(&model, &means));

#ifndef LFREC_NO_TRAINING
    {
        static unsigned char trainer_memory[65536];
        lfrec_trainer trainer;
        uint32_t epoch;
        EXERCISE_TRY(lfrec_trainer_size(&options, &ratings, &bytes));
        EXERCISE_EXPECT(bytes <= sizeof trainer_memory - 16);
        EXERCISE_TRY(
            lfrec_trainer_init(&trainer, &options, &ratings, NULL, trainer_memory + shift, sizeof trainer_memory - 16));
        for (epoch = 0; epoch < options.epochs; epoch++) EXERCISE_TRY(lfrec_trainer_epoch(&trainer, NULL));
        EXERCISE_TRY(lfrec_trainer_finish(&trainer, &model));
    }
#endif

    history = lfrec_history_of(&ratings, 0);
    user.factors = factors;
    EXERCISE_TRY(lfrec_fold_in(&model, &history, &user));
    query = lfrec_query_for(EXERCISE_ITEMS, &history);
    EXERCISE_TRY(lfrec_top(&model, &user, &query, list, &found));
    lfrec_listing listing = {&user, &query, list, 0, 0};
    EXERCISE_TRY(lfrec_top_many(&model, &listing, 1));
    EXERCISE_EXPECT(found == EXERCISE_ITEMS - history.count);
#ifndef LFREC_NO_INDEX
    {
        lfrec_index index;
        lfrec_scored same[EXERCISE_ITEMS];
        size_t k, indexed;
        EXERCISE_TRY(lfrec_index_init(&index, &model, exercise_memory[3] + shift, room));
        EXERCISE_TRY(lfrec_index_top(&index, &user, &query, same, &indexed, NULL));
        EXERCISE_EXPECT(indexed == found);
        for (k = 0; k < found; k++) EXERCISE_EXPECT(same[k].item == list[k].item);
    }
#endif
    explanation.reasons = reasons;
    explanation.room = EXERCISE_ITEMS;
    EXERCISE_TRY(lfrec_explain(&model, &user, &history, list[0].item, &explanation));
    EXERCISE_EXPECT(explanation.count == history.count);
    EXERCISE_TRY(lfrec_nearest(&model, LFREC_COSINE, 0, 2, list, &found));
    EXERCISE_EXPECT(found == 2);

#ifndef LFREC_NO_EVALUATION
    {
        lfrec_errors errors;
        EXERCISE_TRY(lfrec_evaluate(&model, &ratings, &ratings, factors, &errors));
        EXERCISE_EXPECT(errors.count == count && errors.rmse < (lfrec_real)2);
    }
#endif

    *hash = 2166136261u; /* FNV-1a */
#ifndef LFREC_NO_FILES
    {
        static unsigned char file[4096];
        lfrec_model view;
        size_t written, k;
        EXERCISE_TRY(lfrec_save_buffer(&model, file, sizeof file, &written));
        for (k = 0; k < written; k++) *hash = (*hash ^ file[k]) * 16777619u;
        /* In place, or a status that says why not: never a fault. */
        for (k = written; k > 0; k--) exercise_memory[3][shift + k - 1] = file[k - 1];
        switch (lfrec_view(&view, exercise_memory[3] + shift, written)) {
        case LFREC_OK: EXERCISE_TRY(lfrec_fold_in(&view, &history, &user)); break;
        case LFREC_ERROR_ALIGNMENT: EXERCISE_EXPECT(((uintptr_t)(exercise_memory[3] + shift)) % 4 != 0); break;
        default: return __LINE__;
        }
    }
#endif
    return 0;
}

#endif
