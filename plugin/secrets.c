/* secrets.c - which properties' values must not be seen (options.h: lfrec_property_is_secret, lfrec_property_shown). */
#include "options.h"
#include <string.h>
#include <strings.h>

static bool contains(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (; *text; text++) {
        if (strncasecmp(text, word, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

bool lfrec_property_is_secret(const char *name)
{
    static const char *const words[] = {"password",   "passwd",  "passphrase", "secret",  "token",  "jaas",
                                        "credential", "private", "key.pem",    "ssl_key", "apikey", "api.key"};
    /* What sasl.* and ssl.* hold that anybody may see. All else there is hidden: it may be a mistyped password. */
    static const char *const harmless[] = {"sasl.mechanism",
                                           "sasl.mechanisms",
                                           "sasl.username",
                                           "sasl.kerberos.service.name",
                                           "sasl.kerberos.principal",
                                           "sasl.kerberos.keytab",
                                           "sasl.kerberos.min.time.before.relogin",
                                           "sasl.oauthbearer.method",
                                           "sasl.oauthbearer.client.id",
                                           "sasl.oauthbearer.scope",
                                           "ssl.cipher.suites",
                                           "ssl.curves.list",
                                           "ssl.sigalgs.list",
                                           "ssl.key.location",
                                           "ssl.certificate.location",
                                           "ssl.certificate.pem",
                                           "ssl.ca.location",
                                           "ssl.ca.pem",
                                           "ssl.ca.certificate.stores",
                                           "ssl.crl.location",
                                           "ssl.keystore.location",
                                           "ssl.providers",
                                           "ssl.engine.location",
                                           "ssl.engine.id",
                                           "ssl.endpoint.identification.algorithm"};
    if (starts_with(name, "consumer.") || starts_with(name, "producer.")) {
        name += strlen("consumer.");
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains(name, words[i])) {
            return true;
        }
    }
    if (!starts_with(name, "sasl") && !starts_with(name, "ssl")) {
        return false;
    }
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        if (strcasecmp(name, harmless[i]) == 0) {
            return false;
        }
    }
    return true;
}

const char *lfrec_property_shown(const char *name, const char *value)
{
    return lfrec_property_is_secret(name) ? "[hidden]" : value;
}
