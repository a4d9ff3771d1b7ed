/* recommender.h - what the page asks of the library: one person's ratings, lists with reasons, training epoch by epoch, a map. For one
 * thread and one person; films are numbers below film_count(). In the browser these are the module's exports. */
#ifndef RECOMMENDER_H
#define RECOMMENDER_H

#include "../../lfrec.h"

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif

enum { LIST = 5, REASONS = 3, NEAREST = 3, FACTORS = 8, EPOCHS = 50 };

/* Everybody's ratings, a model that nobody has trained yet. */
EXPORT(begin) lfrec_status begin(void);
EXPORT(status_text) const char *status_text(int status);
EXPORT(film_count) uint32_t film_count(void);
EXPORT(film_title) const char *film_title(uint32_t film); /* UTF-8 up to a 0 */
EXPORT(rating_count) uint32_t rating_count(void);         /* everybody's, and the person's when training began */

/* Training from nothing with everybody's and the person's ratings: begin, then epochs until train_left is 0, then end. The lists come from
 * the model before until the end. */
EXPORT(train_begin) lfrec_status train_begin(void);
EXPORT(train_epoch) lfrec_status train_epoch(void);
EXPORT(train_left) uint32_t train_left(void);
EXPORT(train_error) float train_error(void); /* of the last epoch: RMSE of hidden ratings of people who were held out */
EXPORT(train_end) lfrec_status train_end(void);

/* The person's rating of a film, 1 .. 5; 0 takes it back. */
EXPORT(rate) lfrec_status rate(uint32_t film, float stars);
EXPORT(rating) float rating(uint32_t film);

/* Lists, predictions and reasons for the person as of now; after every rate and train_end. */
EXPORT(refresh) lfrec_status refresh(void);
EXPORT(predicted) float predicted(uint32_t film);
EXPORT(list_count) uint32_t list_count(void);
EXPORT(list_film) uint32_t list_film(uint32_t place);
EXPORT(list_stars) float list_stars(uint32_t place);
EXPORT(list_baseline) float list_baseline(uint32_t place);
EXPORT(reason_count) uint32_t reason_count(uint32_t place);
EXPORT(reason_film) uint32_t reason_film(uint32_t place, uint32_t which);
EXPORT(reason_share) float reason_share(uint32_t place, uint32_t which);

/* The map, after train_end, and the films nearest to one. */
EXPORT(map_at) float map_at(uint32_t film, int axis);
EXPORT(near) uint32_t near(uint32_t film, uint32_t place);

#endif
