#include "relay/content_link.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define NOW INT64_C(1795546800500)
#define UNTIL (NOW + 3600000)

static const struct content_link ours = {.key = {1, 2, 3}}, others = {.key = {1, 2, 4}};

/* What stands behind the "?" of a link to task_1. */
static const char *query_of(struct buf *text)
{
    static const char path[] = "/v1/videos/task_1/content?";
    buf_init(text, 1024);
    assert_true(content_link_add(&ours, "task_1", UNTIL, text) && buf_add_char(text, '\0'));
    assert_memory_equal(text->p, path, sizeof path - 1);
    return text->p + sizeof path - 1;
}

static void link_opens_its_own_task_until_its_second(void **state)
{
    (void)state;
    struct buf text;
    struct str query = str_of(query_of(&text));
    assert_true(str_starts(query, STR("expires=1795550400&signature=")));
    assert_int_equal(query.n, strlen("expires=1795550400&signature=") + 64);
    assert_int_equal(content_link_read(&ours, "task_1", query, NOW), CONTENT_LINK_OPENS);
    assert_int_equal(content_link_read(&ours, "task_1", query, UNTIL - 501), CONTENT_LINK_OPENS);
    assert_int_equal(content_link_read(&ours, "task_1", query, UNTIL - 500), CONTENT_LINK_REFUSED);
    assert_int_equal(content_link_read(&ours, "task_2", query, NOW), CONTENT_LINK_REFUSED);
    assert_int_equal(content_link_read(&others, "task_1", query, NOW), CONTENT_LINK_REFUSED);
    buf_release(&text);
}

static void signature_is_hmac_sha256_of_what_it_opens(void **state)
{
    (void)state;
    uint8_t key[SECRET_HASH_SIZE] = {0x0b};
    uint8_t mac[SECRET_HASH_SIZE];
    char hex[SECRET_HEX_SIZE];
    /* RFC 4231, case 2, whose key of 4 bytes is the same as one filled up with zeros. */
    memcpy(key, "Jefe", 4);
    secret_sign(key, STR("what do ya want for nothing?"), mac);
    secret_hex(mac, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void any_other_byte_is_refused(void **state)
{
    (void)state;
    struct buf text;
    (void)query_of(&text);
    text.n--; /* the NUL */
    size_t begin = str_index(buf_str(&text), '?') + 1;
    for (size_t i = begin; i < text.n; i++) {
        char was = text.p[i];
        text.p[i] = was == '1' ? '2' : '1';
        enum content_link_word word =
            content_link_read(&ours, "task_1", str_from(buf_str(&text), begin), NOW);
        assert_int_not_equal(word, CONTENT_LINK_OPENS);
        text.p[i] = was;
    }
    buf_release(&text);
}

static void query_without_a_signature_is_no_link_and_half_a_one_is_bad(void **state)
{
    (void)state;
    struct buf text, twice;
    struct str query = str_of(query_of(&text));
    buf_init(&twice, 1024);
    assert_true(buf_addf(&twice, "%.*s&%.*s", STR_ARG(query), STR_ARG(query)));
    assert_int_equal(content_link_read(&ours, "task_1", STR_EMPTY, NOW), CONTENT_LINK_NONE);
    assert_int_equal(content_link_read(&ours, "task_1", STR("variant=video"), NOW),
                     CONTENT_LINK_NONE);
    struct str bad[] = {STR("signature="),
                        STR("signature=%zz"),
                        STR("signature=0&expires=1795550400"),
                        str_slice(query, 0, query.n - 1),
                        str_from(query, str_index(query, '&') + 1),
                        buf_str(&twice)};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(content_link_read(&ours, "task_1", bad[i], NOW), CONTENT_LINK_REFUSED);
    buf_release(&twice);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_opens_its_own_task_until_its_second),
        cmocka_unit_test(signature_is_hmac_sha256_of_what_it_opens),
        cmocka_unit_test(any_other_byte_is_refused),
        cmocka_unit_test(query_without_a_signature_is_no_link_and_half_a_one_is_bad),
    };
    assert_true(secret_open());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
