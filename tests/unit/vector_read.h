/* Reading tests/vectors/metering.json, and the prices in it. */
#ifndef TESTS_UNIT_VECTOR_READ_H
#define TESTS_UNIT_VECTOR_READ_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "relay/charge.h"
#include "store/store.h"

#define VECTORS "tests/vectors/metering.json"

UNUSED static const char *id_of(const json_t *vector)
{
    return json_string_value(json_object_get(vector, "id"));
}

#define CHECK_VECTOR(vector, condition)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s: %s", id_of(vector), #condition);                                         \
    } while (0)

UNUSED static char *read_whole(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct buf text;
    buf_init(&text, (size_t)1 << 20);
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        assert_true(buf_add(&text, piece, got));
    assert_int_equal(fclose(file), 0);
    char *bytes = buf_take(&text, n);
    assert_non_null(bytes);
    return bytes;
}

/* The length of the JSON object that begins at p. */
UNUSED static size_t object_length(const char *p)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; p[i] != '\0'; i++) {
        if (quoted && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            quoted = !quoted;
        else if (!quoted && p[i] == '{')
            depth++;
        else if (!quoted && p[i] == '}' && --depth == 0)
            return i + 1;
    }
    fail_msg("%s ends too early", VECTORS);
    return 0;
}

/* One vector.  An integer of 2^63 or more stands in a few: only those are read with their integers
 * as reals, so that the others stay exact. */
UNUSED static json_t *parse_vector(const char *p, size_t n)
{
    json_t *vector = json_loadb(p, n, 0, NULL);
    if (vector == NULL)
        vector = json_loadb(p, n, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(vector);
    return vector;
}

/* The vectors as a JSON array. */
UNUSED static json_t *load_vectors(void)
{
    size_t n;
    char *text = read_whole(VECTORS, &n);
    char *p = strstr(text, "\"vectors\"");
    assert_non_null(p);
    json_t *vectors = json_array();
    while ((p = strchr(p, '{')) != NULL) {
        size_t length = object_length(p);
        assert_int_equal(json_array_append_new(vectors, parse_vector(p, length)), 0);
        p += length;
    }
    free(text);
    return vectors;
}

UNUSED static int64_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value))
        fail_msg("no integer %s", name);
    return json_integer_value(value);
}

UNUSED static enum counter counter_named(const char *name)
{
    enum counter counter = COUNTER_COUNT;
    if (!counter_find(str_of(name), &counter))
        fail_msg("unknown counter %s", name);
    return counter;
}

UNUSED static struct counters read_counters(const json_t *object)
{
    struct counters counters = {0};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) counters.n[counter_named(name)] =
        json_integer_value(value);
    return counters;
}

UNUSED static unsigned read_flags(const json_t *array)
{
    static const char *const names[] = {
#define X(name) #name,
        ENTRY_FLAGS(X)
#undef X
    };
    unsigned flags = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        unsigned bit = 0;
        while (bit < ENTRY_FLAG_COUNT && strcmp(names[bit], text) != 0)
            bit++;
        if (bit == ENTRY_FLAG_COUNT)
            fail_msg("unknown flag %s", text);
        flags |= 1u << bit;
    }
    return flags;
}

struct priced {
    struct rate rates[PRICE_RATES_MAX];
    struct price price;
};

UNUSED static void add_rates(struct priced *priced, const json_t *from, const json_t *in,
                             int64_t min_input)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(from, "rates"), name, value)
    {
        const json_t *quantum = json_object_get(json_object_get(in, "quantum"), name);
        const json_t *minimum = json_object_get(json_object_get(in, "minimum"), name);
        priced->rates[priced->price.n++] = (struct rate){
            .counter = counter_named(name),
            .pusd = json_integer_value(value),
            .min_input = min_input,
            .quantum = quantum != NULL ? json_integer_value(quantum) : 1,
            .minimum = json_integer_value(minimum),
        };
    }
}

UNUSED static void read_price(struct priced *priced, const json_t *in)
{
    memset(priced, 0, sizeof *priced);
    priced->price.rates = priced->rates;
    add_rates(priced, in, in, 0);
    const json_t *tiers = json_object_get(in, "tiers");
    for (size_t i = 0; i < json_array_size(tiers); i++) {
        const json_t *tier = json_array_get(tiers, i);
        add_rates(priced, tier, in, integer(tier, "min_input"));
    }
}

UNUSED static enum charge_result charge_of(const json_t *in, const char *counters_name,
                                           struct charge *charge)
{
    struct priced priced;
    read_price(&priced, json_object_get(in, "price"));
    struct counters counters = read_counters(json_object_get(in, counters_name));
    struct price_match match = {.input_tokens = counters_input(&counters)};
    return charge_compute(&priced.price, &counters, &match, (uint32_t)integer(in, "group_ppm"),
                          (uint32_t)integer(in, "user_ppm"), charge);
}

#endif
