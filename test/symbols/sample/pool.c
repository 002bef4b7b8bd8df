/* What the readers of debug info are tried on: inlining, cold parts, clones, several sections. */
#include "queue.h"

#define	INIT	__attribute__((__section__(".init.text"), __noinline__))
#define	COLD	__attribute__((__cold__, __noinline__))

static queue_t pending;
extern int refill(queue_t *queue, int amount, enum order order);
extern void give_up(const char *why) __attribute__((__noreturn__));

COLD static int
complain(const char *what, unsigned long key)
{
	report("complaint", key ^ 0x55);
	return (report(what, key));
}

/* Only the second member is read: an optimizer passes that instead of the pointer (.isra). */
__attribute__((__noinline__)) static unsigned long
weight(const struct item *item, int factor)
{
	unsigned long sum = 0;

	for (int i = 0; i < factor; i++) {
		sum = sum * 31 + item->key;
		report("weight", sum);
	}
	return (sum);
}

int
pool_add(queue_t *queue, struct item *item, unsigned long key)
{
	if (__builtin_expect(item == 0, 0))
		return (complain("no item", key));
	item->key = key;
	queue_push(queue, item);
	if (__builtin_expect(queue->count > 1000, 0)) {
		report("too many", queue->count);
		report("flushed", queue_drain(queue));
		if (queue->count != 0)
			give_up("it does not end");
	}
	return ((int)weight(item, (int)key & 3));
}

int
pool_sync(queue_t *queue, int pass)
{
	int errors = 0;

	for (int i = 0; i < pass; i++) {
		unsigned long sum = queue_drain(queue);

		errors += report("drained", sum);
		errors += refill(&pending, i, i & 1 ? ORDER_UP : ORDER_DOWN);
		while (queue->count < (unsigned long)i) {
			struct item *item = queue_pop(&pending);

			if (item == 0)
				break;
			queue_push(queue, item);
			errors += (int)weight(item, 2);
		}
	}
	return (errors);
}

INIT int
pool_init(void)
{
	pending.tail = &pending.head;
	if (report("init", 0) != 0)
		return (complain("init", 1));
	return (refill(&pending, 3, ORDER_NONE));
}

/* Entries as MODULE_INFO() of the kernel makes them. */
__attribute__((__section__(".modinfo"), __used__))
static const char license[] = "license=CDDL";
__attribute__((__section__(".modinfo"), __used__))
static const char srcversion[] = "srcversion=0123456789ABCDEF01234567";
