/* What a record permits; its life is in keyring.c. */
#include "store/keyring.h"

#include <string.h>
#include <arpa/inet.h>

#define IPV4_BITS 96 /* of ::ffff:0:0/96 */

static bool address_is_allowed(const struct key_record *record, const uint8_t address[16])
{
    for (unsigned i = 0; i < record->network_count; i++) {
        if (network_contains(&record->networks[i], address))
            return true;
    }
    return record->network_count == 0;
}

enum fault key_record_check(const struct key_record *record, const uint8_t address[16],
                            int64_t wall_ms)
{
    CHECK(record != NULL);
    if (!record->enabled)
        return FAULT_TOKEN_DISABLED;
    if (record->expires_ms != 0 && wall_ms >= record->expires_ms)
        return FAULT_TOKEN_EXPIRED;
    if (!record->user_enabled)
        return FAULT_USER_DISABLED;
    return address == NULL || address_is_allowed(record, address) ? FAULT_NONE
                                                                  : FAULT_IP_NOT_ALLOWED;
}

/* The last match decides; what matches nothing is denied. */
static bool patterns_permit(const struct pattern *patterns, unsigned n, struct str model)
{
    for (unsigned i = n; i > 0; i--) {
        if (str_matches(model, str_of(patterns[i - 1].text)))
            return !patterns[i - 1].deny;
    }
    return false;
}

enum fault key_record_permits_model(const struct key_record *record, struct str model)
{
    CHECK(record != NULL);
    if (!record->group_enabled ||
        !patterns_permit(record->group_models, record->group_model_count, model))
        return FAULT_MODEL_NOT_PERMITTED;
    if (record->key_model_count > 0 &&
        !patterns_permit(record->key_models, record->key_model_count, model))
        return FAULT_TOKEN_MODEL_NOT_PERMITTED;
    return FAULT_NONE;
}

enum fault key_record_permits_endpoint(const struct key_record *record, enum endpoint endpoint)
{
    CHECK(record != NULL);
    CHECK(endpoint < ENDPOINT_COUNT);
    bool listed = (record->group_endpoints >> endpoint & 1) != 0;
    return record->group_enabled && listed ? FAULT_NONE : FAULT_ENDPOINT_NOT_PERMITTED;
}

/* The byte of the mask at `index`. */
static uint8_t mask_byte(unsigned bits, unsigned index)
{
    if (bits >= 8 * (index + 1))
        return 0xff;
    if (bits <= 8 * index)
        return 0;
    return (uint8_t)(0xff00u >> (bits - 8 * index));
}

bool network_parse(struct str text, struct network *network)
{
    CHECK(network != NULL);
    static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};
    char address[INET6_ADDRSTRLEN];
    struct network parsed = {.bits = 128};
    size_t slash = str_index(text, '/');
    /* A NUL inside would end the text early for inet_pton. */
    if (slash >= sizeof address || str_index(text, '\0') < text.n)
        return false;
    if (slash > 0)
        memcpy(address, text.p, slash);
    address[slash] = '\0';
    unsigned base = 0;
    if (inet_pton(AF_INET, address, parsed.address + sizeof ipv4_prefix) == 1) {
        memcpy(parsed.address, ipv4_prefix, sizeof ipv4_prefix);
        base = IPV4_BITS;
    } else if (inet_pton(AF_INET6, address, parsed.address) != 1) {
        return false;
    }
    uint64_t bits;
    if (slash < text.n) {
        if (!str_u64(str_from(text, slash + 1), 128 - base, &bits))
            return false;
        parsed.bits = base + (unsigned)bits;
    }
    for (unsigned i = 0; i < sizeof parsed.address; i++)
        parsed.address[i] &= mask_byte(parsed.bits, i);
    *network = parsed;
    return true;
}

bool network_contains(const struct network *network, const uint8_t address[16])
{
    CHECK(network != NULL);
    CHECK(address != NULL);
    for (unsigned i = 0; i < sizeof network->address; i++) {
        if (((network->address[i] ^ address[i]) & mask_byte(network->bits, i)) != 0)
            return false;
    }
    return true;
}
