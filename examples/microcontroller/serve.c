/* serve.c - a model of 500 films and 25 factors, trained on a desktop, serves somebody new from where it lies in flash. */
#include "board.h"
#include "print.h"

enum { FACTORS = 25, LIST = 5, REASONS = 3 };

extern const unsigned char model_start[], model_end[]; /* model.S */

static float factors[LFREC_STRIDE(FACTORS)];

/* Half a dozen ratings of somebody who was not there when the model was trained. */
static const uint32_t rated[] = {3, 8, 40, 101, 222, 413};
static const float value[] = {5, 4, 1, 5, 2, 4};

static lfrec_status serve(const lfrec_model *model)
{
    lfrec_scored list[LIST];
    lfrec_reason reasons[REASONS];
    lfrec_explanation why = {reasons, REASONS, 0, 0};
    lfrec_user user = {0, 0, factors};
    size_t found = 0;
    const lfrec_history history = {rated, value, sizeof rated / sizeof *rated};
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

int main(void)
{
    lfrec_model model;
    if (print_failed("viewing the model", lfrec_view(&model, model_start, (size_t)(model_end - model_start)))) return 1;
    print_number(model.items);
    board_text(" films, ");
    print_number(model.factors);
    board_text(" factors\n");
    if (model.factors != FACTORS) return 1;
    /* In place: the weights are those in flash. */
    const unsigned char *weights = (const unsigned char *)model.decoder;
    if (weights < model_start || weights >= model_end) return 1;
    if (print_failed("serving", serve(&model))) return 1;
    board_text("# most stack ");
    print_number((uint32_t)board_stack_used());
    board_text("\n");
    return 0;
}
