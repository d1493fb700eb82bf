#include "store/strangers.h"

#include "tests/unit/book_fixture.h"

/* ::ffff:a.b.c.d */
static void ipv4(uint8_t address[16], uint32_t number)
{
    memset(address, 0, 10);
    memset(address + 10, 0xff, 2);
    for (int i = 0; i < 4; i++)
        address[12 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static unsigned free_tries(struct strangers *strangers, const uint8_t address[16], unsigned most)
{
    unsigned n = 0;
    while (n < most && strangers_note_us(strangers, address) == 0)
        n++;
    return n;
}

static void thirty_tries_a_minute_are_free_for_each_address(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_new(book);
    assert_non_null(strangers);
    uint8_t one[16], other[16];
    ipv4(one, 0x7f000001);
    ipv4(other, 0x7f000002);
    assert_int_equal(free_tries(strangers, one, 99), 30);
    assert_int_equal(strangers_note_us(strangers, one), 2000000);
    assert_int_equal(free_tries(strangers, other, 99), 30);
    clock_set(1000000 + 1999999, NOW);
    assert_int_equal(strangers_note_us(strangers, one), 1);
    clock_set(1000000 + 2000000, NOW);
    assert_int_equal(free_tries(strangers, one, 99), 1);
    clock_set(1000000 + 2000000 + MINUTE_US, NOW);
    assert_int_equal(free_tries(strangers, one, 99), 30);
    strangers_free(&strangers);
    assert_null(strangers);
}

static void ipv6_addresses_of_a_network_are_one(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_new(book);
    assert_non_null(strangers);
    uint8_t address[16] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1};
    for (uint8_t i = 0; i < 30; i++) {
        address[15] = i;
        assert_int_equal(strangers_note_us(strangers, address), 0);
    }
    assert_int_equal(strangers_count(strangers), 1);
    assert_int_equal(strangers_note_us(strangers, address), 2000000);
    address[7] = 2;
    assert_int_equal(strangers_note_us(strangers, address), 0);
    strangers_free(&strangers);
}

static void those_who_stopped_are_forgotten_and_there_is_a_most(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_new(book);
    assert_non_null(strangers);
    uint8_t address[16];
    for (uint32_t i = 0; i < 2 * STRANGERS_MAX; i++) {
        ipv4(address, i);
        assert_int_equal(strangers_note_us(strangers, address), 0);
        assert_true(strangers_count(strangers) <= STRANGERS_MAX);
    }
    clock_set(1000000 + MINUTE_US, NOW);
    for (uint32_t i = 0; i < STRANGERS_MAX; i++) {
        ipv4(address, 0x40000000 + i);
        assert_int_equal(strangers_note_us(strangers, address), 0);
        clock_set(1000000 + MINUTE_US + i * INT64_C(1000000), NOW);
    }
    assert_true(strangers_count(strangers) < 10);
    strangers_free(&strangers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(thirty_tries_a_minute_are_free_for_each_address),
        BOOK_TEST(ipv6_addresses_of_a_network_are_one),
        BOOK_TEST(those_who_stopped_are_forgotten_and_there_is_a_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
