#include "http_address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool read_port(const char *text, uint16_t *port)
{
    unsigned number = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    for (; *text; text++) {
        number = number * 10 + (unsigned)(*text - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

static void set_ip4(lfrec_address *out, struct in_addr host, uint16_t port)
{
    struct sockaddr_in socket = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    memcpy(&out->socket, &socket, sizeof socket);
    out->length = sizeof socket;
    out->loopback = ntohl(host.s_addr) >> 24 == 127;
}

static void set_ip6(lfrec_address *out, const struct in6_addr *host, uint16_t port)
{
    struct sockaddr_in6 socket = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *host};
    memcpy(&out->socket, &socket, sizeof socket);
    out->length = sizeof socket;
    out->loopback = IN6_IS_ADDR_LOOPBACK(host);
}

bool lfrec_address_read(const char *text, lfrec_address *out)
{
    char host[LFREC_ADDRESS_MAX];
    struct in_addr ip4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    struct in6_addr ip6;
    uint16_t port;
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    memset(out, 0, sizeof *out);
    if (length >= sizeof host || !read_port(colon ? colon + 1 : text, &port)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (length == 0 || inet_pton(AF_INET, host, &ip4) == 1) {
        set_ip4(out, ip4, port);
        return true;
    }
    if (length < 2 || host[0] != '[' || host[length - 1] != ']') {
        return false;
    }
    host[length - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &ip6) != 1) {
        return false;
    }
    set_ip6(out, &ip6, port);
    return true;
}

void lfrec_address_write(const lfrec_address *address, char out[LFREC_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->socket.ss_family == AF_INET6) {
        struct sockaddr_in6 socket;
        memcpy(&socket, &address->socket, sizeof socket);
        inet_ntop(AF_INET6, &socket.sin6_addr, host, sizeof host);
        snprintf(out, LFREC_ADDRESS_MAX, "[%s]:%u", host, (unsigned)ntohs(socket.sin6_port));
    } else {
        struct sockaddr_in socket;
        memcpy(&socket, &address->socket, sizeof socket);
        inet_ntop(AF_INET, &socket.sin_addr, host, sizeof host);
        snprintf(out, LFREC_ADDRESS_MAX, "%s:%u", host, (unsigned)ntohs(socket.sin_port));
    }
}
