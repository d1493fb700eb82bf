/* What one answer about a task means for the books: a move forward, a verdict, or nothing but when
 * to ask again. */
#ifndef RELAY_TASK_REPORT_H
#define RELAY_TASK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/provider.h"
#include "relay/upstream_error.h"
#include "relay/video_answer.h"
#include "store/store_tasks.h"

struct task_report {
    bool is_verdict; /* then `finish` is to be sent, else `progress` */
    struct store_task_finish finish;
    struct store_task_progress progress;
    struct upstream_error error; /* texts of the calls stand here and in the answer */
};

/* Fills in the calls, but for their heads.  answer == NULL: nobody could be asked, or nothing was
 * understood, which is never a verdict; but past its deadline an open task is expired.  Borrows
 * everything as long as the calls are out. */
void task_report_fill(struct task_report *report, const struct task *task,
                      const struct video_answer *answer, int64_t now_ms, int64_t next_poll_ms);
/* What of the charge goes back when the video has become this long; 0 = nothing. */
int64_t task_report_give_back(const struct task *task, int64_t length_ms);

#endif
