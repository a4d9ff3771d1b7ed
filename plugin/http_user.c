#include "http_user.h"
#include <math.h>

static json_t *id_of(lfrec_id id)
{
    return json_stringn(id.bytes, id.length);
}

/* Four significant digits, as in the lists that are published. */
static json_t *rounded(float value)
{
    double scale = value == 0 ? 1 : pow(10, 3 - floor(log10(fabs((double)value))));
    return json_real(round((double)value * scale) / scale);
}

/* Any failure for want of memory shows as NULL, which json_pack and the _new functions pass on. */
static json_t *reasons_of(const lfrec_recommended *item)
{
    json_t *reasons = json_array();
    for (size_t i = 0; i < item->reason_count; i++) {
        const lfrec_reason_out *r = &item->reasons[i];
        json_t *reason = json_pack("{s:o, s:o, s:o}", "item", id_of(r->item), "rating", json_real((double)r->rating),
                                   "share", rounded(r->share));
        if (json_array_append_new(reasons, reason) != 0) {
            json_decref(reasons);
            return NULL;
        }
    }
    return reasons;
}

static bool write_list(void *context, const lfrec_recommendation *list)
{
    json_t **out = context, *items = json_array();
    for (size_t i = 0; i < list->count && i < LFREC_HTTP_LISTED; i++) {
        json_t *item = json_pack("{s:o, s:o, s:o}", "item", id_of(list->items[i].item), "score",
                                 rounded(list->items[i].score), "reasons", reasons_of(&list->items[i]));
        if (json_array_append_new(items, item) != 0) {
            json_decref(items);
            items = NULL;
            break;
        }
    }
    *out = json_pack("{s:o, s:I, s:I, s:o}", "user", id_of(list->user), "model", (json_int_t)list->model_version,
                     "rated", (json_int_t)list->rated, "items", items);
    return true;
}

static bool write_rating(void *context, lfrec_id item, float rating)
{
    json_t *history = context;
    json_t *row = json_pack("{s:o, s:o}", "item", id_of(item), "rating", json_real((double)rating));
    return json_array_append_new(history, row) == 0 && json_array_size(history) < LFREC_HTTP_HISTORY;
}

lfrec_looked lfrec_http_user(lfrec_operator *op, lfrec_id id, json_t **out)
{
    json_t *user = NULL;
    lfrec_looked looked = lfrec_operator_look(op, id, LFREC_HTTP_REASONS, write_list, &user);
    if (looked != LFREC_LOOKED) {
        return looked;
    }
    json_t *history = json_array();
    size_t rated = lfrec_operator_history(op, id, write_rating, history);
    size_t expected = rated < LFREC_HTTP_HISTORY ? rated : LFREC_HTTP_HISTORY;
    bool whole = user && json_array_size(history) == expected;
    whole = json_object_set_new(user, "history", history) == 0 && whole;
    if (!whole) {
        json_decref(user);
        return LFREC_LOOK_NO_MEMORY;
    }
    *out = user;
    return LFREC_LOOKED;
}
