#include "store/admin_run.h"
#include "store/books_check.h"

enum store_code admin_db_check(struct admin_run *run)
{
    run->result = books_check(run->db, run->room->started_id);
    return admin_done(run);
}
