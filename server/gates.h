/* The gates behind the complete body: what it says, the model and whether its caller may have it,
 * limits and money.  Each says NONE, or the fault that request->failure tells; the order is
 * server/admit's. */
#ifndef SERVER_GATES_H
#define SERVER_GATES_H

#include "base/check.h"
#include "base/fault.h"

struct outlook;
struct request;

/* What the request says. */
MUST_USE enum fault gate_fields(struct request *request);
/* The model, its endpoints, and the permissions of key and group. */
MUST_USE enum fault gate_model(struct request *request);
/* The limits and the money, behind gate_model: all is taken, or nothing. */
MUST_USE enum fault gate_hold(struct request *request);
/* What gate_hold would say now, taking nothing; *outlook has what it goes by. */
MUST_USE enum fault gate_foresee(struct request *request, struct outlook *outlook);
/* What costs nothing is limited all the same: by requests, and by how many there are at once. */
MUST_USE enum fault gate_turn(struct request *request);

#endif
