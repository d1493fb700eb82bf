#include "base/mailbox.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#define SENDERS 4
#define EACH 20000
/* Far beyond what a loaded machine needs: a lost wake-up shows as this. */
#define PATIENCE_MS 20000

static struct mailbox box;

struct letter {
    struct mail mail;
    int sender, number;
};

static int set_up(void **state)
{
    (void)state;
    return mailbox_init(&box) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mailbox_release(&box);
    return 0;
}

static bool is_readable(int timeout_ms)
{
    struct pollfd fd = {.fd = box.fd, .events = POLLIN};
    return poll(&fd, 1, timeout_ms) == 1;
}

static void take_gives_the_oldest_first(void **state)
{
    (void)state;
    struct letter letters[3] = {{.number = 0}};
    for (int i = 0; i < 3; i++) {
        letters[i].number = i;
        mailbox_post(&box, &letters[i].mail);
    }
    struct mail *mail = mailbox_take(&box);
    for (int i = 0; i < 3; i++) {
        assert_non_null(mail);
        assert_int_equal(CONTAINER_OF(mail, struct letter, mail)->number, i);
        mail = mail->next;
    }
    assert_null(mail);
    assert_null(mailbox_take(&box));
}

static void post_to_an_empty_box_wakes_the_reader(void **state)
{
    (void)state;
    struct letter letters[2] = {{.number = 0}};
    assert_false(is_readable(0));
    mailbox_post(&box, &letters[0].mail);
    assert_true(is_readable(0));
    assert_non_null(mailbox_take(&box));
    assert_false(is_readable(0));
    mailbox_post(&box, &letters[1].mail);
    assert_true(is_readable(0));
}

static int delivered;

static void count(struct mail *mail)
{
    struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
    assert_int_equal(letter->number, delivered++);
    free(letter);
}

static void delivered_mail_may_be_freed(void **state)
{
    (void)state;
    delivered = 0;
    for (int i = 0; i < 3; i++) {
        struct letter *letter = calloc(1, sizeof *letter);
        assert_non_null(letter);
        letter->number = i;
        letter->mail.deliver = count;
        mailbox_post(&box, &letter->mail);
    }
    mailbox_deliver(&box);
    assert_int_equal(delivered, 3);
}

static int returned;

static void post_again_once(struct mail *mail)
{
    if (returned++ == 0)
        mailbox_post(&box, mail);
}

static void mail_posted_while_delivering_waits_for_the_next_time(void **state)
{
    (void)state;
    struct letter letter = {.mail.deliver = post_again_once};
    returned = 0;
    mailbox_post(&box, &letter.mail);
    mailbox_deliver(&box);
    assert_int_equal(returned, 1);
    assert_true(is_readable(0));
    mailbox_deliver(&box);
    assert_int_equal(returned, 2);
}

static void *send_all(void *argument)
{
    struct letter *letters = argument;
    for (int i = 0; i < EACH; i++)
        mailbox_post(&box, &letters[i].mail);
    return NULL;
}

static void many_senders_lose_nothing_and_keep_their_order(void **state)
{
    (void)state;
    static struct letter letters[SENDERS][EACH];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0};
    for (int s = 0; s < SENDERS; s++) {
        for (int i = 0; i < EACH; i++)
            letters[s][i] = (struct letter){.sender = s, .number = i};
        assert_int_equal(pthread_create(&threads[s], NULL, send_all, letters[s]), 0);
    }
    for (int got = 0; got < SENDERS * EACH;) {
        assert_true(is_readable(PATIENCE_MS));
        for (struct mail *mail = mailbox_take(&box); mail; mail = mail->next, got++) {
            struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
            assert_int_equal(letter->number, next[letter->sender]++);
        }
    }
    for (int s = 0; s < SENDERS; s++)
        pthread_join(threads[s], NULL);
    assert_null(mailbox_take(&box));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(take_gives_the_oldest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(post_to_an_empty_box_wakes_the_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(delivered_mail_may_be_freed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mail_posted_while_delivering_waits_for_the_next_time,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_senders_lose_nothing_and_keep_their_order, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
