#include "relay/pool.h"

#include <stddef.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "relay/engine.h"

static void pool_remove(struct pool *pool, struct conn *conn)
{
    *(conn->newer != NULL ? &conn->newer->older : &pool->newest) = conn->older;
    *(conn->older != NULL ? &conn->older->newer : &pool->oldest) = conn->newer;
    conn->newer = conn->older = NULL;
    pool->count--;
}

static void drop(struct pool *pool, struct conn *conn)
{
    pool_remove(pool, conn);
    conn_close(&conn);
}

/* Reads, for epoll cannot tell: TLS may have bytes that it has decrypted already, and takes what it
 * sends on its own account. */
static bool is_quiet(struct conn *conn)
{
    char byte;
    size_t got;
    return conn_recv(conn, &byte, 1, &got) == CONN_AGAIN;
}

/* Nothing should come while it is idle. */
static void on_ready(void *context, uint32_t events)
{
    struct conn *conn = context;
    (void)events;
    if (!is_quiet(conn))
        drop(&conn->engine->pool, conn);
}

static void on_timer(struct timer *timer)
{
    struct pool *pool = CONTAINER_OF(timer, struct pool, timer);
    while (pool->oldest != NULL && clock_ms() - pool->oldest->idle_since_ms >= POOL_IDLE_MS)
        drop(pool, pool->oldest);
    if (pool->oldest != NULL)
        timer_arm(pool->timers, timer, pool->oldest->idle_since_ms + POOL_IDLE_MS);
}

void pool_init(struct pool *pool, struct timers *timers, unsigned max)
{
    *pool = (struct pool){.timers = timers, .max = max};
    timer_init(&pool->timer, on_timer);
}

void pool_release(struct pool *pool)
{
    while (pool->newest != NULL)
        drop(pool, pool->newest);
    if (pool->timers != NULL)
        timer_disarm(pool->timers, &pool->timer);
}

struct conn *pool_take(struct pool *pool, const struct origin *origin)
{
    struct conn *conn = pool->newest, *older;
    for (; conn != NULL; conn = older) {
        older = conn->older;
        if (conn->origin != origin)
            continue;
        pool_remove(pool, conn);
        /* What has come since the last turn would be read as the answer to what is sent now. */
        if (is_quiet(conn))
            return conn;
        conn_close(&conn);
    }
    return NULL;
}

void pool_give(struct pool *pool, struct conn **conn)
{
    struct conn *c = *conn;
    *conn = NULL;
    if ((c->origin->is_tls && !is_quiet(c)) || !conn_want(c, EPOLLIN)) {
        conn_close(&c);
        return;
    }
    c->user = (struct conn_user){.ready = on_ready, .context = c};
    c->idle_since_ms = clock_ms();
    c->newer = NULL;
    c->older = pool->newest;
    *(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = c;
    pool->newest = c;
    if (++pool->count > pool->max)
        drop(pool, pool->oldest);
    if (!pool->timer.armed)
        timer_arm(pool->timers, &pool->timer, clock_ms() + POOL_IDLE_MS);
}
