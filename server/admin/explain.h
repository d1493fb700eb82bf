/* `explain`: what a key's call of a model would meet now.
 *
 * A small request of the endpoint is brought before the very gates that callers pass, up to the
 * taking of limits and money: the key, permission, offers as they stand, limits, hold.  Nothing is
 * taken, sent or written down. */
#ifndef SERVER_ADMIN_EXPLAIN_H
#define SERVER_ADMIN_EXPLAIN_H

#include "relay/relay.h"
#include "server/admin/admin.h"

/* Arguments {key, model, endpoint?}; key: its id, or its hint; endpoint: the first that the model
 * serves.  Ends the call with
 *   {key,user,group,model,endpoint,status,reason,message,hold,accounts[],limits[],offers[],request}
 *   status, reason, message  of the answer; 200 and null: the providers would be asked
 *   offers   {provider,model,turn,state,for_ms,priority,weight}; turn: 1 is asked first, those with
 *            the same turn share calls by their weight; null: not asked
 *   limits   {scope,metric,amount,model,remaining,full_in_ms}
 *   accounts {account,period,limit,spent,held,available}
 *   request  the body that was tried
 * or USAGE, NOTFOUND (key), CONFLICT (several keys have the hint), FAILED.  In the thread of the
 * relay's loop. */
void explain_begin(struct admin_call *call, struct relay *relay);

#endif
