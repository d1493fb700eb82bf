#include "relay/address.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&in);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return address_is_public((struct sockaddr *)&in6);
}

static void check(const char *const *list, size_t n, bool expected)
{
    for (size_t i = 0; i < n; i++) {
        if (is_public(list[i]) != expected)
            fail_msg("%s", list[i]);
    }
}

/* First and last address of each block that the registries call not globally reachable, and of
 * those where a public address has no business (multicast, relays). */
static void special_addresses_are_not_public(void **state)
{
    (void)state;
    static const char *const list[] = {"0.0.0.0",
                                       "0.255.255.255",
                                       "10.0.0.0",
                                       "10.255.255.255",
                                       "100.64.0.0",
                                       "100.127.255.255",
                                       "127.0.0.0",
                                       "127.0.0.1",
                                       "127.255.255.255",
                                       "169.254.0.0",
                                       "169.254.169.254",
                                       "169.254.255.255",
                                       "172.16.0.0",
                                       "172.31.255.255",
                                       "192.0.0.0",
                                       "192.0.0.8",
                                       "192.0.0.170",
                                       "192.0.0.255",
                                       "192.0.2.0",
                                       "192.0.2.255",
                                       "192.88.99.0",
                                       "192.168.0.0",
                                       "192.168.255.255",
                                       "198.18.0.0",
                                       "198.19.255.255",
                                       "198.51.100.0",
                                       "198.51.100.255",
                                       "203.0.113.0",
                                       "203.0.113.255",
                                       "224.0.0.0",
                                       "239.255.255.255",
                                       "240.0.0.0",
                                       "255.255.255.254",
                                       "255.255.255.255",
                                       "::",
                                       "::1",
                                       "::2",
                                       "::127.0.0.1",
                                       "::8.8.8.8",
                                       "100::",
                                       "100::1",
                                       "64:ff9b:1::1",
                                       "2001::1",
                                       "2001:0:ffff::1",
                                       "2001:2::1",
                                       "2001:10::1",
                                       "2001:db8::",
                                       "2001:db8:ffff:ffff:ffff::1",
                                       "3fff::",
                                       "3fff:fff:ffff::1",
                                       "5f00::1",
                                       "fc00::1",
                                       "fdff:ffff::1",
                                       "fe80::1",
                                       "febf::1",
                                       "fec0::1",
                                       "ff00::",
                                       "ff02::1",
                                       "ffff::1",
                                       "4000::1",
                                       "1fff:ffff::1"};
    check(list, COUNT(list), false);
}

static void neighbours_of_special_blocks_are_public(void **state)
{
    (void)state;
    static const char *const list[] = {
        "1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",       "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",  "172.32.0.0",      "191.255.255.255",
        "192.0.1.0",       "192.0.3.0",       "192.88.98.255",   "192.88.100.0",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255",  "198.20.0.0",
        "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",
        "223.255.255.255", "8.8.8.8",         "192.31.196.1",    "192.52.193.1",
        "192.175.48.1",    "2000::1",         "2001:200::1",     "2001:db7:ffff::1",
        "2001:db9::1",     "2003::1",         "2606:4700::1111", "2620:4f:8000::1",
        "3ffe::1",         "3fff:1000::1"};
    check(list, COUNT(list), true);
}

static void address_inside_an_address_decides(void **state)
{
    (void)state;
    static const char *const private[] = {
        "::ffff:127.0.0.1",  "::ffff:10.0.0.1",       "::ffff:169.254.169.254", "::ffff:0.0.0.0",
        "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",    "2002:7f00:1::1",         "2002:a00:1::1",
        "2002:a9fe:a9fe::1", "2002:c0a8:101::8.8.8.8"};
    static const char *const public[] = {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"};
    check(private, COUNT(private), false);
    check(public, COUNT(public), true);
}

/* Every IPv4 /16 against the registry written as an oracle of its own. */
static void every_ip4_block_is_as_the_registry_says(void **state)
{
    (void)state;
    for (uint32_t high = 0; high < 65536; high++) {
        uint32_t a = high >> 8, b = high & 0xff;
        bool special = a == 0 || a == 10 || a == 127 || a >= 224 || (a == 100 && b / 64 == 1) ||
                       (a == 169 && b == 254) || (a == 172 && b / 16 == 1) ||
                       (a == 192 && b == 168) || (a == 198 && b / 2 == 9);
        struct sockaddr_in in = {.sin_family = AF_INET};
        in.sin_addr.s_addr = htonl(high << 16 | 0xfedc); /* outside the /24 blocks */
        if (address_is_public((struct sockaddr *)&in) == special)
            fail_msg("%u.%u.254.220", (unsigned)a, (unsigned)b);
    }
}

static void other_families_are_not_public(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_false(address_is_public((struct sockaddr *)&un));
    assert_false(address_is_public(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_not_public),
        cmocka_unit_test(neighbours_of_special_blocks_are_public),
        cmocka_unit_test(address_inside_an_address_decides),
        cmocka_unit_test(every_ip4_block_is_as_the_registry_says),
        cmocka_unit_test(other_families_are_not_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
