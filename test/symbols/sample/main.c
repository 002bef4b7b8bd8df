/* Makes a program of the sample, for addresses that a linker gave. */
#include <stdio.h>
#include <stdlib.h>
#include "queue.h"

extern int pool_init(void);
extern int pool_add(queue_t *, struct item *, unsigned long);
extern int pool_sync(queue_t *, int);
extern unsigned long rest(queue_t *);

int
report(const char *what, unsigned long key)
{
	return (printf("%s %lu\n", what, key) < 0);
}

void
give_up(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(1);
}

int
main(int argc, char **argv)
{
	queue_t queue = { 0, &queue.head, 0 };
	struct item *items = calloc((size_t)argc, sizeof (struct item));

	pool_init();
	for (int i = 0; i < argc; i++)
		pool_add(&queue, &items[i], (unsigned long)argv[i][0]);
	printf("%lu\n", rest(&queue));
	return (pool_sync(&queue, 2));
}
