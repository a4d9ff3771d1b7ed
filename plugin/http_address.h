/* http_address.h - where to listen: "8080", ":8080", "127.0.0.1:8080", "[::1]:8080". Without a host it is the loopback address; names are
 * not looked up. */
#ifndef LFREC_HTTP_ADDRESS_H
#define LFREC_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define LFREC_ADDRESS_MAX 64u /* bytes of any such text, NUL included */

typedef struct lfrec_address {
    struct sockaddr_storage socket;
    socklen_t length;
    bool loopback; /* nobody outside of this machine can reach it */
} lfrec_address;

/* false: the text is no address. Port 0 is a free one, chosen when listening. */
bool lfrec_address_read(const char *text, lfrec_address *out);
/* "127.0.0.1:8080" or "[::1]:8080". */
void lfrec_address_write(const lfrec_address *address, char out[LFREC_ADDRESS_MAX]);

#endif
