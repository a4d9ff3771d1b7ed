#include "http_request.h"
#include "utf8.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

const char *lfrec_request_id(const char *encoded, char id[LFREC_ID_MAX], size_t *length)
{
    size_t count = 0;
    for (const char *p = encoded; *p; p++) {
        char byte = *p;
        if (byte == '%') {
            int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
            if (low < 0) {
                return "a % in the id must be followed by two hexadecimal digits";
            }
            byte = (char)(high * 16 + low);
            p += 2;
        }
        if (byte == '\0') {
            return "an id has no NUL";
        }
        if (count == LFREC_ID_MAX) {
            return "an id has at most 512 bytes";
        }
        id[count++] = byte;
    }
    *length = count;
    if (count == 0) {
        return "an id has to follow /users/ or /users?id=";
    }
    return lfrec_utf8_valid_prefix(id, count) == count ? NULL : "an id is UTF-8";
}

bool lfrec_request_host_is_local(const char *host)
{
    char name[64];
    unsigned char address[sizeof(struct in6_addr)];
    if (!host) {
        return true;
    }
    bool bracketed = host[0] == '[';
    host += bracketed;
    size_t length = strcspn(host, bracketed ? "]" : ":");
    if (length >= sizeof name) {
        return false;
    }
    memcpy(name, host, length);
    name[length] = '\0';
    return bracketed ? inet_pton(AF_INET6, name, address) == 1
                     : strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, address) == 1;
}
