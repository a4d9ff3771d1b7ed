/* learn.c - a model of 64 films and 8 factors that lives on the device: ratings come in one by one, it learns from them, recommends,
 * says why, saves itself, and goes on with what it has saved. All memory is static. */
#include "board.h"
#include "print.h"
#include "ratings_store.h"

enum { FACTORS = 8, LIST = 5, REASONS = 3, LEARN_AFTER = 48, EPOCHS = 40, SOMEBODY = 6 };

/* What training in LFREC_SGD takes, in bytes, for I items, U users and histories of at most n; S is K rounded up to a multiple of 4.
 * The model is in it: 4 I (3 S + 3). Then means, 16 I; what draws items to their raters, 4 I (S + 1) + 4 U S; an order of the users,
 * 4 U; the history in work, 13 n; three rows; and what threads would share, 80. Each of the 25 pieces starts at a multiple of PIECE. */
#ifdef LFREC_NO_SIMD
enum { PIECE = 8 };
#else
enum { PIECE = 64 };
#endif
#define TRAINER_BYTES(I, S, U, n)                                                                                    \
    (4 * (I) * (3 * (S) + 3) + 16 * (I) + 4 * (I) * ((S) + 1) + 4 * (U) * (S) + 4 * (U) + 13 * (n) + 12 * (S) + 80 + \
     25 * PIECE)

static unsigned char memory[TRAINER_BYTES(STORE_ITEMS, FACTORS, STORE_USERS, STORE_LONGEST)];
static lfrec_trainer trainer;
static ratings_store store;
static lfrec_ratings ratings;
static float factors[FACTORS];
static lfrec_rng chance;

/* Somebody rates something: low numbers are the well-known films, and everybody likes either even or odd ones. */
static lfrec_rating next_rating(void)
{
    lfrec_rating rating;
    rating.user = lfrec_rng_below(&chance, STORE_USERS);
    rating.item = lfrec_rng_below(&chance, lfrec_rng_below(&chance, STORE_ITEMS) + 1);
    const uint32_t least = rating.user % 2 == rating.item % 2 ? 4 : 1;
    rating.value = (float)(least + lfrec_rng_below(&chance, 2));
    return rating;
}

static lfrec_status learn(void)
{
    lfrec_options options = lfrec_options_for(LFREC_SGD, STORE_ITEMS, FACTORS, 1, 5);
    lfrec_epoch epoch = {0};
    options.epochs = EPOCHS;
    options.start_deviation = 0.2f; /* few ratings: begin further out, and go faster */
    options.learning_rate = 0.2f;
    ratings = ratings_store_view(&store);
    lfrec_status status = lfrec_trainer_init(&trainer, &options, &ratings, NULL, memory, sizeof memory);
    for (uint32_t k = 0; k < EPOCHS && status == LFREC_OK; k++) status = lfrec_trainer_epoch(&trainer, &epoch);
    return status;
}

/* How far off the guess is before the rating is known; -1 without a model. */
static float surprise(lfrec_rating rating)
{
    lfrec_user user = {0, 0, factors};
    float guess;
    const lfrec_ratings known = ratings_store_view(&store);
    const lfrec_history history = lfrec_history_of(&known, rating.user);
    if (lfrec_fold_in(&trainer.model, &history, &user) != LFREC_OK) return -1;
    if (lfrec_predict(&trainer.model, &user, rating.item, &guess) != LFREC_OK) return -1;
    return guess < rating.value ? rating.value - guess : guess - rating.value;
}

static lfrec_status follow_ratings(void)
{
    float sum = 0;
    uint32_t surprises = 0;
    lfrec_rng_seed(&chance, 7, 0);
    for (uint32_t count = 1; store.row_start[STORE_USERS] < STORE_RATINGS; count++) {
        const lfrec_rating rating = next_rating();
        const float off = surprise(rating);
        if (off >= 0.0f) sum += off, surprises++;
        const lfrec_status kept = ratings_store_add(&store, rating);
        if (kept != LFREC_OK && kept != LFREC_ERROR_MEMORY) return kept;
        if (count % LEARN_AFTER != 0) continue;
        const lfrec_status status = learn();
        if (status != LFREC_OK) return status;
        print_number(count);
        board_text(" ratings came; before they were known, guesses were off by ");
        if (surprises) print_decimal(sum / (float)surprises);
        else board_text("(nothing to guess by)");
        board_text("\n");
        sum = 0, surprises = 0;
    }
    return learn();
}

static lfrec_status recommend(const lfrec_model *model)
{
    lfrec_scored list[LIST];
    lfrec_reason reasons[REASONS];
    lfrec_explanation why = {reasons, REASONS, 0, 0};
    lfrec_user user = {0, 0, factors};
    size_t found = 0;
    const lfrec_ratings known = ratings_store_view(&store);
    const lfrec_history history = lfrec_history_of(&known, SOMEBODY);
    const lfrec_query query = lfrec_query_for(LIST, &history);
    lfrec_status status = lfrec_fold_in(model, &history, &user);
    if (status == LFREC_OK) status = lfrec_top(model, &user, &query, list, &found);
    if (status == LFREC_OK && found == 0) status = LFREC_ERROR_EMPTY;
    if (status == LFREC_OK) status = lfrec_explain(model, &user, &history, list[0].item, &why);
    if (status != LFREC_OK) return status;
    print_list(list, found);
    print_reasons(list[0].item, &why);
    return LFREC_OK;
}

/* Saves, forgets everything, and views what was saved where it lies. */
static lfrec_status save_and_load(lfrec_model *model)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    flash_erase();
    lfrec_status status = lfrec_save(&trainer.model, flash_write, NULL);
    if (status != LFREC_OK) return status;
    for (size_t k = 0; k < sizeof memory; k++) memory[k] = 0;
    status = lfrec_view(model, flash_address(), flash_used());
    if (status != LFREC_OK) return status;
    for (size_t k = 0; k < flash_used(); k++) hash = (hash ^ ((const unsigned char *)flash_address())[k]) * 16777619u;
    board_text("saved ");
    print_number((uint32_t)flash_used());
    board_text(" bytes, hash ");
    print_hex(hash);
    board_text("\n");
    return LFREC_OK;
}

/* Lines that begin with # differ from machine to machine. */
static lfrec_status print_memory(void)
{
    size_t bytes;
    const lfrec_status status = lfrec_trainer_size(&trainer.options, &ratings, &bytes);
    if (status != LFREC_OK) return status;
    board_text("# training takes ");
    print_number((uint32_t)bytes);
    board_text(" bytes of the ");
    print_number((uint32_t)sizeof memory);
    board_text(" that the formula gives; ratings ");
    print_number((uint32_t)sizeof store);
    board_text(", trainer ");
    print_number((uint32_t)sizeof trainer);
    board_text("; most stack ");
    print_number((uint32_t)board_stack_used());
    board_text("\n");
    return LFREC_OK;
}

int main(void)
{
    lfrec_model model;
    if (print_failed("learning", follow_ratings())) return 1;
    board_text("for user 6:\n");
    if (print_failed("recommending", recommend(&trainer.model))) return 1;
    if (print_failed("memory", print_memory())) return 1;
    if (print_failed("saving and loading", save_and_load(&model))) return 1;
    board_text("for user 6, from what was saved:\n");
    return print_failed("recommending from what was saved", recommend(&model));
}
