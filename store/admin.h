/* Operator operations on the customer side: names, arguments and results.
 *
 * This table is the contract between store/admin_*.c, the admin API and the command line.  All
 * money is a decimal string in USD ("12.5" in, 9 digits out), ratios are decimal strings, ids
 * strings of digits (they pass 2^53), times RFC 3339 UTC strings or null.  Unknown members are
 * INVALID.
 *
 *   user add      {name, group?, ratio?, credit?}          -> user
 *   user list     {limit?, after?}                         -> [user], by name, at most 1000;
 *                                                            after = the last name seen
 *   user show     {name}                                   -> user
 *   user credit   {name, amount, ref?}                     -> user + {repeated_ref}  (amount may be
 *                                                            negative; a ref that was booked before
 *                                                            changes nothing, and with another
 *                                                            amount it is a conflict)
 *   user credits  {name, limit?, after?}                   -> [{id,ts,amount,ref}], newest first;
 *                                                            after = the id of the last one seen
 *   user set      {name, group?, ratio?}                   -> user
 *   user disable  {name}    user enable {name}             -> user
 *   key create    {user, name?, group?, expires_s?, models?[], networks?[], limit?, secret?}
 *                                                          -> key + {"secret"} (once)
 *   key list      {user?, limit?, after?}                  -> [key], by id, at most 1000; after =
 *                                                            the last id seen
 *   key show      {id}                                     -> key    (id: digits, or a hint)
 *   key revoke    {id}   key disable {id}   key enable {id} -> key
 *                                                            (revoked: for ever)
 *   key set       {id, name?, group?, expires_s?, models?[], networks?[], limit?} -> key
 *                                                            (null, or an empty list, ends it: the
 *                                                            group is the user's again)
 *   group add     {name, models[], endpoints?[], ratio?, quota?, user_quota?}  -> group
 *   group set     {name, models?[], endpoints?[], ratio?, quota?, user_quota?, enabled?} -> group
 *   group list    {}     group show {name}                 -> [group], group
 *   limit set     {scope, name, metric, amount, burst?, model?} -> limit
 *   limit rm      {scope, name, metric, period?, model?}   -> {scope,name,metric,ended}
 *   limit list    {}                                       -> [limit]
 *   task list     {limit?, user?, state?, after?}          -> [task], newest first; after = the
 *                                                            id of the last task seen
 *   task show     {id}                                     -> task
 *   task cancel   {id}                                     -> task, given up and given back; a
 *                                                            conflict when it has a verdict or
 *                                                            is still being submitted
 *   usage list    {limit?, user?, after?, since?, until?}  -> [usage], newest first; after = the
 *                                                            request_id of the last row seen
 *   usage export  {limit?, user?, after?, since?, until?}  -> [usage], oldest first, only those
 *                                                            that have ended
 *   usage summary {by?[], user?, since?, until?}           -> [sum], by day or what `by` names
 *   usage show    {id}                                     -> usage + {note}: why the charge is not
 *                                                            what the bill comes to, or null
 *   db check      {}                                       -> {ok, errors[], accounts, ledger_rows,
 *                                                            open_rows}
 *   db backup     {file}                                   -> {file, bytes}: a copy; an absolute
 *                                                            path that is not there yet
 *
 *   user   {id,name,group,enabled,ratio,balance,held,spent,created}
 *   key    {id,name,hint,user,group,state,enabled,expires,limit,spent,models,networks,created};
 *           state: enabled, disabled, expired, revoked
 *   group  {id,name,enabled,ratio,models,endpoints,quota,user_quota,spent}
 *   limit  {scope,name,metric,amount,burst,model}; scope: key (name: its id or hint), user, group,
 *           group_user (name: the group), model, provider; name "*": each that has no such limit of
 *           its own; metric: requests, tokens, concurrent; amount: "60/min", "100000/day", of
 *           concurrent "8"; burst: what may be used at once (default: the amount); model: only
 *           requests for it are counted, or null; period: min, day (default: every one)
 *   usage  {request_id,ts,user,key_id,group,endpoint,model,provider,upstream_model,stream,status,
 *           reason,end,attempts,counters,source,bill,ratio,user_ratio,hold,charge,given_back,flags,
 *           t_first_ms,t_total_ms}; bill: [{counter,quantity,price,cost}], no line: nothing was
 *           computed (free, or flag unpriced).  charge = the costs x ratio x user_ratio, rounded
 *           up, but where absurd_usage caps it
 *   sum    {day,user,key_id,key,group,model,provider (those of `by`),requests,failed,input_tokens,
 *           output_tokens,charged,given_back,spent}; spent = charged - given_back, which counts for
 *           the day of its charge.  since, until: UTC days, "2026-11-27", both included
 *   task   {id,request_id,user,key_id,model,provider,upstream_model,upstream_id,state,progress,
 *           seconds,size,error_code,error_message,hold,charge,given_back,flags,created,ended,
 *           deadline,polled,next_poll,polls,deleted}; states and flags: store/task.h
 *   limit, quota, user_quota: null, "5", "5/day" or "20/month".  models: patterns, '!' denies.
 */
#ifndef STORE_ADMIN_H
#define STORE_ADMIN_H

#include <stdbool.h>

#include "base/str.h"

/* True when store_admin knows the operation; *changes = it writes. */
bool store_admin_knows(struct str operation, bool *changes);

#endif
