/* Where the gateway may connect: public addresses, unless a provider allows private ones.
 *
 * The check is made on the resolved socket address, since names and odd spellings of addresses
 * (0x7f.1, 2130706433) prove nothing. */
#ifndef RELAY_ADDRESS_H
#define RELAY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* True for globally routable unicast (IPv4 or IPv6, IPv4-mapped and 6to4/NAT64 forms included).
 * Source: the IANA special-purpose address registries. */
bool address_is_public(const struct sockaddr *address);

#endif
