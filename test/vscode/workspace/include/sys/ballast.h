#ifndef _SYS_BALLAST_H
#define	_SYS_BALLAST_H

typedef struct ballast {
	kmutex_t	ba_lock;
	kcondvar_t	ba_cv;
	uint64_t	ba_weight;
} ballast_t;

int ballast_wait(ballast_t *ba, uint64_t weight);
void ballast_drop(ballast_t *ba, uint64_t weight);

#endif	/* _SYS_BALLAST_H */
