/* A second unit: the same header inlined again, and a function of the same name as one of the other. */
#include "queue.h"

static struct item spare[8];

__attribute__((__noinline__)) static unsigned long
weight(const struct item *item, int factor)
{
	return (report("weight of a spare item", item->key) + (unsigned long)factor);
}

int
refill(queue_t *queue, int amount, enum order order)
{
	int sum = 0;

	for (int i = 0; i < amount && i < 8; i++) {
		spare[i].key = (unsigned long)(order == ORDER_DOWN ? amount - i : i);
		queue_push(queue, &spare[i]);
		sum += (int)weight(&spare[i], order);
	}
	if (amount > 8)
		report("left", queue_drain(queue));
	return (sum);
}

unsigned long
rest(queue_t *queue)
{
	return (queue_drain(queue));
}
