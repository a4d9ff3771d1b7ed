/* http_user.h - one user as JSON, for somebody who asks:
 *
 *   {"user":"u1","model":3,"rated":2,"history":[{"item":"i2","rating":5},...],
 *    "items":[{"item":"i9","score":3.87,"reasons":[{"item":"i2","rating":5,"share":0.31},...]},...]}
 *
 * "items" is the list that the user would get now, each with the rated items that speak most for or against it. */
#ifndef LFREC_HTTP_USER_H
#define LFREC_HTTP_USER_H

#include "operator.h"
#include <jansson.h>

#define LFREC_HTTP_REASONS 5u    /* per item */
#define LFREC_HTTP_HISTORY 1000u /* ratings shown; "rated" tells how many there are */
#define LFREC_HTTP_LISTED 100u   /* items shown */

/* LFREC_LOOKED and *out, a new reference; or why not. In the operator's thread. */
lfrec_looked lfrec_http_user(lfrec_operator *op, lfrec_id id, json_t **out);

#endif
