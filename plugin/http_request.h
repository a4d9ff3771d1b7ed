/* http_request.h - what a request says, judged by itself: the id in a path, the host it is for. */
#ifndef LFREC_HTTP_REQUEST_H
#define LFREC_HTTP_REQUEST_H

#include "event.h"

/* The id behind "/users/", percent-decoded (a plus is a plus) into id; everything to the end of the path belongs to it, slashes too. NULL: good;
 * else what is wrong: empty, too long, a broken escape, a NUL, not UTF-8. */
const char *lfrec_request_id(const char *encoded, char id[LFREC_ID_MAX], size_t *length);

/* Is the Host header localhost or a numeric address, with or without a port? NULL (HTTP/1.0 need not have it) counts as one. */
bool lfrec_request_host_is_local(const char *host);

#endif
