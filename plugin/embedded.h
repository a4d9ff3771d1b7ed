/* embedded.h - a broker inside the process: librdkafka's mock cluster, one broker on a port of 127.0.0.1, for the demo and for trying things.
 *
 * What it is not: it keeps only the newest 5 MiB (or 100,000 batches) of a partition and drops the rest without an error, does not
 * compact, keeps nothing on disk, and its transactions prove nothing. The first join of a group takes 3 s. */
#ifndef LFREC_EMBEDDED_H
#define LFREC_EMBEDDED_H

#include <stdbool.h>

#define LFREC_EMBEDDED_ERROR_MAX 256u

typedef struct lfrec_embedded lfrec_embedded; /* opaque */

/* Starts it with one topic of `partitions` partitions. false: error says why. */
bool lfrec_embedded_start(lfrec_embedded **out, const char *topic, int partitions, char error[LFREC_EMBEDDED_ERROR_MAX]);
/* Further topics. false: error says why. A topic nobody made is made by its first use, with 4 partitions. */
bool lfrec_embedded_topic(lfrec_embedded *embedded, const char *topic, int partitions, char error[LFREC_EMBEDDED_ERROR_MAX]);
/* "127.0.0.1:PORT" for clients, kcat's -b among them; valid until the stop. */
const char *lfrec_embedded_bootstrap(const lfrec_embedded *embedded);
/* Clients should be closed before. NULL is allowed. */
void lfrec_embedded_stop(lfrec_embedded *embedded);

#endif
