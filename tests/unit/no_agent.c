/* SPDX-License-Identifier: Apache-2.0 */
/* The library of the processes wants an agent; programs that test the others have none. */
#include <errno.h>

#include "host/agent.h"

int agent_prepare(struct agent_environment *env)
{
	return -ENOSYS;
}

int agent_run(struct agent_environment *env)
{
	return -ENOSYS;
}
