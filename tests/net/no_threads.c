/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: whoever asks for a thread ends, and says so. Not every thread lives to be counted. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	static const char text[] = "no_threads: a thread was asked for\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	abort();
}
