/* A list whose functions are inlined from a header into everything that uses it. */
#ifndef QUEUE_H
#define	QUEUE_H

struct item {
	struct item *next;
	unsigned long key;
	union {
		int small : 5;
		char text[12];
	} value;
};

typedef struct queue {
	struct item *head;
	struct item **tail;
	unsigned long count;
} queue_t;

enum order { ORDER_NONE, ORDER_UP = 7, ORDER_DOWN = -3 };

extern int report(const char *what, unsigned long key);

static inline void
queue_push(queue_t *queue, struct item *item)
{
	item->next = 0;
	*queue->tail = item;
	queue->tail = &item->next;
	queue->count++;
}

static inline struct item *
queue_pop(queue_t *queue)
{
	struct item *item = queue->head;

	if (item != 0) {
		queue->head = item->next;
		if (queue->head == 0)
			queue->tail = &queue->head;
		queue->count--;
	}
	return (item);
}

/* Two levels deep where it is used. */
static inline unsigned long
queue_drain(queue_t *queue)
{
	unsigned long sum = 0;
	struct item *item;

	while ((item = queue_pop(queue)) != 0)
		sum += item->key;
	return (sum);
}

#endif
