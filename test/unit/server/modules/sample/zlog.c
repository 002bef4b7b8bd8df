typedef struct zlog {
	int (*zl_commit)(struct zlog *);
	int zl_count;
} zlog_t;

static inline void
zlog_write_all(zlog_t *log, int flags)
{
	log->zl_count += flags;
	(void) log->zl_commit(log);
}

int
zlog_commit(zlog_t *log, int flags)
{
	int error = log->zl_commit(log);
	if (error == 0)
		zlog_write_all(log, flags);
	return (error + log->zl_count);
}
