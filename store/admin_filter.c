#include "store/admin_run.h"

#include <time.h>

#define DAY_LAST INT64_C(73049) /* 2169-12-31 */

/* "2026-11-27" as days since 1970; absent: *day stays.  False: `why` is written. */
static bool read_day(struct admin_run *run, const char *name, int64_t *day)
{
    struct str text = admin_text(run, name);
    int64_t year, month, date;
    if (!admin_has(run, name))
        return true;
    if (text.n == 10 && text.p[4] == '-' && text.p[7] == '-' &&
        str_i64(str_slice(text, 0, 4), 1970, 2169, &year) &&
        str_i64(str_slice(text, 5, 7), 1, 12, &month) &&
        str_i64(str_slice(text, 8, 10), 1, 31, &date)) {
        struct tm tm = {
            .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)date};
        *day = timegm(&tm) / (ADMIN_DAY_MS / 1000);
        if (tm.tm_mday == (int)date)
            return true;
    }
    (void)admin_refuse(run, STORE_INVALID, "\"%s\": want a day (UTC), such as 2026-11-27", name);
    return false;
}

bool admin_read_filter(struct admin_run *run, struct usage_filter *filter)
{
    struct user_row user = {0};
    *filter = (struct usage_filter){.until_day = DAY_LAST};
    run->code = STORE_INVALID;
    if (!read_day(run, "since", &filter->since_day) || !read_day(run, "until", &filter->until_day))
        return false;
    if (filter->since_day > filter->until_day) {
        run->code = admin_refuse(run, STORE_INVALID, "\"since\" %s is after \"until\" %s",
                                 admin_ztext(run, "since"), admin_ztext(run, "until"));
        return false;
    }
    if (admin_has(run, "user") && !user_by_name(run->db, admin_text(run, "user"), &user)) {
        run->code = admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", admin_ztext(run, "user"));
        return false;
    }
    filter->user_id = user.id;
    run->code = STORE_OK;
    return true;
}
