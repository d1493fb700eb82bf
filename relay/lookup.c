#include "relay/lookup.h"

#include "base/clock.h"
#include "relay/conn.h"

#define TLS_DIALS_A_TURN 4
#define DIALS_A_TURN 64

static struct lookup *lookup_of(const struct conn *conn)
{
    return &conn->origin->lookup;
}

/* --- who waits -----------------------------------------------------------------------------------
 */

static void on_late(struct timer *timer)
{
    conn_opened(CONTAINER_OF(timer, struct conn, again), DIAL_TIMEOUT);
}

static void add_waiting(struct lookup *lookup, struct conn *conn)
{
    conn->is_waiting = true;
    conn->next_waiting = NULL;
    *(lookup->last != NULL ? &lookup->last->next_waiting : &lookup->first) = conn;
    lookup->last = conn;
    timer_init(&conn->again, on_late);
    timer_arm(loop_timers(lookup->loop), &conn->again, conn->dial_until_ms);
}

static void remove_waiting(struct lookup *lookup, struct conn *conn)
{
    struct conn **at = &lookup->first, *before = NULL;
    for (; *at != conn; at = &(*at)->next_waiting)
        before = *at;
    *at = conn->next_waiting;
    if (lookup->last == conn)
        lookup->last = before;
    conn->is_waiting = false;
    timer_disarm(loop_timers(lookup->loop), &conn->again);
}

/* --- the course ----------------------------------------------------------------------------------
 */

static void ask(struct lookup *lookup, struct conn *conn)
{
    lookup->asking = conn;
    lookup->answer = LOOKUP_NONE;
    lookup->began_ms = clock_ms();
}

/* The next one asks, when it may. */
static void ask_next(struct lookup *lookup)
{
    struct conn *conn = lookup->first;
    if (conn == NULL || lookup->asking != NULL)
        return;
    if (clock_ms() < lookup->pause_until_ms) {
        timer_arm(loop_timers(lookup->loop), &lookup->timer, lookup->pause_until_ms);
        return;
    }
    remove_waiting(lookup, conn);
    ask(lookup, conn);
    conn_dial(conn);
}

/* The beginning of a TLS connection takes libcurl most of a millisecond. */
static unsigned dials_a_turn(const struct conn *conn)
{
    return conn->origin->is_tls ? TLS_DIALS_A_TURN : DIALS_A_TURN;
}

/* The answer of the one that asked is that of all who wait, some of them each turn. */
static void tell_some(struct lookup *lookup)
{
    for (unsigned i = 0; lookup->first != NULL && i < dials_a_turn(lookup->first); i++) {
        struct conn *conn = lookup->first;
        remove_waiting(lookup, conn);
        if (lookup->answer == LOOKUP_KNOWN)
            conn_dial(conn);
        else
            conn_opened(conn, lookup->failure);
    }
    if (lookup->first != NULL) {
        timer_arm(loop_timers(lookup->loop), &lookup->timer, clock_ms());
        return;
    }
    lookup->asking = NULL;
    lookup->answer = LOOKUP_NONE;
}

static void on_timer(struct timer *timer)
{
    struct lookup *lookup = CONTAINER_OF(timer, struct lookup, timer);
    if (lookup->answer != LOOKUP_NONE)
        tell_some(lookup);
    else
        ask_next(lookup);
}

static void on_ready(struct ready *ready)
{
    tell_some(CONTAINER_OF(ready, struct lookup, ready));
}

void lookup_init(struct lookup *lookup, struct loop *loop)
{
    *lookup = (struct lookup){.loop = loop};
    lookup->ready.run = on_ready;
    timer_init(&lookup->timer, on_timer);
}

void lookup_release(struct lookup *lookup)
{
    CHECK(lookup->first == NULL);
    if (lookup->loop == NULL)
        return;
    timer_disarm(loop_timers(lookup->loop), &lookup->timer);
    loop_unmark(lookup->loop, &lookup->ready);
}

bool lookup_begin(struct conn *conn)
{
    struct lookup *lookup = lookup_of(conn);
    if (lookup->asking == NULL && clock_ms() >= lookup->pause_until_ms) {
        ask(lookup, conn);
        return true;
    }
    add_waiting(lookup, conn);
    ask_next(lookup); /* none asks: only the timer may have to be set */
    return false;
}

static void answered(struct lookup *lookup, enum lookup_answer answer)
{
    lookup->answer = answer;
    loop_mark(lookup->loop, &lookup->ready);
}

void lookup_note_address(struct conn *conn)
{
    struct lookup *lookup = lookup_of(conn);
    /* A name may have several; what is told already would end the next look-up with it. */
    if (lookup->asking == conn && lookup->answer == LOOKUP_NONE)
        answered(lookup, LOOKUP_KNOWN);
}

void lookup_end(struct conn *conn, enum dial_end end)
{
    struct lookup *lookup = lookup_of(conn);
    if (conn->is_waiting)
        remove_waiting(lookup, conn);
    if (lookup->asking != conn)
        return;
    if (lookup->answer != LOOKUP_NONE) /* it is told in this turn's settle step */
        return;
    if (end != DIAL_TIMEOUT && end != DIAL_OPEN) {
        lookup->failure = end;
        answered(lookup, LOOKUP_FAILED);
        return;
    }
    lookup->asking = NULL;
    lookup->pause_until_ms = lookup->began_ms + LOOKUP_GAP_MS;
    ask_next(lookup);
}
