#include "relay/keeper.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/kept_film.h"

#define ID(digit) "task_0000000000000000000000000000000" digit
#define HOUR INT64_C(3600000)

static char dir[64];
static struct mailbox box;

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/gateway-keeper-XXXXXX");
    return mkdtemp(dir) == NULL || !mailbox_init(&box);
}

static int remove_dir(void **state)
{
    (void)state;
    char path[512];
    mailbox_release(&box);
    snprintf(path, sizeof path, "%s/kept", dir);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    return rmdir(path) != 0 || rmdir(dir) != 0;
}

static struct keeper *open_keeper(int64_t bytes_max, int64_t age_max_ms)
{
    const struct keeper_options options = {dir, bytes_max, age_max_ms};
    struct buf why;
    buf_init(&why, 1024);
    struct keeper *keeper = keeper_new(&options, &why);
    assert_non_null(keeper);
    buf_release(&why);
    return keeper;
}

static void assert_figures(struct keeper *keeper, int64_t files, int64_t bytes)
{
    int64_t has_files, has_bytes;
    keeper_figures(keeper, &has_files, &has_bytes);
    assert_int_equal(has_files, files);
    assert_int_equal(has_bytes, bytes);
}

static bool has(struct keeper *keeper, const char *id)
{
    struct kept kept;
    return keeper_find(keeper, id, &kept);
}

/* A file as it was left `age_ms` ago. */
static void leave(const char *name, size_t bytes, int64_t age_ms)
{
    char path[256];
    int64_t then = (int64_t)time(NULL) * 1000 - age_ms;
    struct timespec at = {.tv_sec = then / 1000};
    snprintf(path, sizeof path, "%s/kept", dir);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/kept/%s", dir, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    assert_int_equal(futimens(fd, (struct timespec[2]){at, at}), 0);
    close(fd);
}

static bool is_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/kept/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void wait_for_mail(void)
{
    struct pollfd fd = {.fd = box.fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    mailbox_deliver(&box);
}

static void draft_is_back(struct kept_draft *draft)
{
    assert_false(draft->away);
}

static void obeyed(struct kept_draft *draft, enum kept_order order)
{
    kept_draft_send(draft, order);
    while (draft->away)
        wait_for_mail();
}

/* Writes so many bytes, and finishes; false when it failed. */
static bool keep(struct keeper *keeper, const char *id, size_t bytes)
{
    static const char zeros[1000];
    struct kept_draft draft;
    kept_draft_init(&draft, keeper, id, &box, draft_is_back);
    while (bytes > 0 && !draft.failed) {
        size_t n = bytes < sizeof zeros ? bytes : sizeof zeros;
        assert_true(buf_add(&draft.bytes, zeros, n));
        obeyed(&draft, KEPT_WRITE);
        bytes -= n;
    }
    bool ok = !draft.failed;
    kept_draft_type(&draft, STR("video/webm"));
    obeyed(&draft, ok ? KEPT_FINISH : KEPT_DROP);
    ok = ok && !draft.failed;
    kept_draft_release(&draft);
    return ok;
}

static void start_learns_what_is_there_and_removes_the_half_and_the_old(void **state)
{
    (void)state;
    leave(ID("1") ".video-mp4", 100, 2 * HOUR);
    leave(ID("2") ".video-webm", 200, HOUR);
    leave(ID("3") ".video-mp4", 300, 50 * HOUR);
    leave(ID("4") ".part", 400, 0);
    leave("notes", 500, 50 * HOUR);
    struct keeper *keeper = open_keeper(1 << 20, 24 * HOUR);
    struct kept kept;
    assert_figures(keeper, 2, 300);
    assert_true(keeper_find(keeper, ID("2"), &kept));
    assert_string_equal(kept.type, "video/webm");
    assert_int_equal(kept.bytes, 200);
    assert_false(has(keeper, ID("3")) || has(keeper, ID("4")));
    assert_false(is_there(ID("3") ".video-mp4") || is_there(ID("4") ".part"));
    assert_true(is_there("notes"));
    assert_int_equal(keeper_oldest_ms(keeper) / HOUR,
                     ((int64_t)time(NULL) * 1000 - 2 * HOUR) / HOUR);
    keeper_free(&keeper);
    /* A smaller limit than before: the oldest goes. */
    keeper = open_keeper(250, 24 * HOUR);
    assert_figures(keeper, 1, 200);
    assert_false(is_there(ID("1") ".video-mp4"));
    keeper_free(&keeper);
}

static void room_is_made_by_removing_the_oldest(void **state)
{
    (void)state;
    struct keeper *keeper = open_keeper(5000, HOUR);
    assert_true(keep(keeper, ID("1"), 2000));
    assert_true(keep(keeper, ID("2"), 2500));
    assert_true(keep(keeper, ID("3"), 1500));
    assert_false(has(keeper, ID("1")));
    assert_figures(keeper, 2, 4000);
    assert_true(is_there(ID("3") ".video-webm"));
    assert_false(keep(keeper, ID("4"), 2600));
    assert_false(is_there(ID("4") ".part") || is_there(ID("4") ".video-webm"));
    assert_true(has(keeper, ID("3"))); /* not all others went for what is too long */
    /* Made anew, it replaces what there was. */
    assert_true(keep(keeper, ID("5"), 1000));
    assert_true(keep(keeper, ID("5"), 1200));
    assert_figures(keeper, 2, 2700);
    keeper_free(&keeper);
    assert_null(keeper);
}

static void draft_that_is_dropped_or_unwanted_leaves_nothing(void **state)
{
    (void)state;
    struct keeper *keeper = open_keeper(5000, HOUR);
    struct kept_draft draft;
    kept_draft_init(&draft, keeper, ID("1"), &box, draft_is_back);
    assert_true(buf_add(&draft.bytes, "film", 4));
    obeyed(&draft, KEPT_WRITE);
    assert_true(is_there(ID("1") ".part"));
    assert_int_equal(draft.bytes.n, 0);
    obeyed(&draft, KEPT_DROP);
    assert_false(is_there(ID("1") ".part"));
    assert_true(buf_add(&draft.bytes, "film", 4));
    obeyed(&draft, KEPT_WRITE);
    keeper_forget(keeper, ID("1"));
    obeyed(&draft, KEPT_FINISH);
    assert_true(draft.failed);
    obeyed(&draft, KEPT_DROP);
    kept_draft_release(&draft);
    assert_figures(keeper, 0, 0);
    assert_true(keep(keeper, ID("2"), 2500) && keep(keeper, ID("3"), 2500));
    assert_figures(keeper, 2, 5000); /* its bytes count no more */
    keeper_forget(keeper, ID("2"));
    keeper_free(&keeper); /* all mail is read before */
    assert_false(is_there(ID("2") ".video-webm") || is_there(ID("1") ".part"));
}

/* A copy of a time to come would hide from its end all that are made behind it. */
static void oldest_is_first_though_the_clock_was_set_back(void **state)
{
    (void)state;
    leave(ID("1") ".video-mp4", 10, -100 * HOUR);
    struct keeper *keeper = open_keeper(5000, 1);
    int64_t before_ms = (int64_t)time(NULL) * 1000, files = 2, bytes;
    assert_true(keeper_oldest_ms(keeper) > before_ms + 99 * HOUR);
    assert_true(keep(keeper, ID("2"), 10));
    int64_t oldest_ms = keeper_oldest_ms(keeper);
    assert_true(oldest_ms < before_ms + HOUR || !has(keeper, ID("2")));
    for (int i = 0; i < 1000 && files > 1; i++) {
        (void)poll(NULL, 0, 10);
        keeper_figures(keeper, &files, &bytes);
    }
    assert_false(has(keeper, ID("2")));
    assert_true(has(keeper, ID("1")));
    keeper_free(&keeper);
}

static void film_is_back(struct kept_film *film)
{
    assert_false(film->away);
}

static void film_is_read_in_pieces_though_it_is_removed_meanwhile(void **state)
{
    (void)state;
    struct keeper *keeper = open_keeper(6000, HOUR);
    struct kept kept;
    assert_true(keep(keeper, ID("1"), 3000));
    assert_true(keeper_find(keeper, ID("1"), &kept));
    struct kept_film *film = kept_film_open(keeper, &kept, &box, film_is_back, NULL);
    assert_non_null(film);
    wait_for_mail();
    assert_false(film->failed);
    keeper_forget(keeper, ID("1"));
    assert_true(keep(keeper, ID("2"), 2500));
    assert_false(is_there(kept.name));
    kept_film_read(film, 1000, 2000);
    wait_for_mail();
    assert_false(film->failed);
    assert_int_equal(film->piece[1999], 0);
    kept_film_read(film, 2999, 2);
    wait_for_mail();
    assert_true(film->failed);
    kept_film_free(&film);
    film = kept_film_open(keeper, &kept, &box, film_is_back, NULL);
    assert_non_null(film);
    wait_for_mail();
    assert_true(film->failed);
    kept_film_free(&film);
    keeper_free(&keeper);
}

static void folder_that_cannot_be_had_is_told(void **state)
{
    (void)state;
    const struct keeper_options options = {"/nowhere", 1000, HOUR};
    struct buf why;
    buf_init(&why, 1024);
    assert_null(keeper_new(&options, &why));
    assert_true(str_contains_nocase(buf_str(&why), STR("/nowhere: No such file")));
    buf_release(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(start_learns_what_is_there_and_removes_the_half_and_the_old,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(room_is_made_by_removing_the_oldest, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(draft_that_is_dropped_or_unwanted_leaves_nothing, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(oldest_is_first_though_the_clock_was_set_back, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(film_is_read_in_pieces_though_it_is_removed_meanwhile,
                                        make_dir, remove_dir),
        cmocka_unit_test(folder_that_cannot_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
