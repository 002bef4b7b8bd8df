/*
 * Source for the tests of the links in stacks, in the style of a ZFS module.
 */

#include <sys/zfs_context.h>
#include <sys/ballast.h>

static uint64_t ballast_limit = 1024;

static boolean_t
ballast_fits(const ballast_t *ba, uint64_t weight)
{
	return (ba->ba_weight + weight <= ballast_limit);
}

/*
 * Wait until there is room for so much more.
 */
int
ballast_wait(ballast_t *ba, uint64_t weight)
{
	if (weight > ballast_limit)
		return (SET_ERROR(EINVAL));

	mutex_enter(&ba->ba_lock);
	while (!ballast_fits(ba, weight))
		cv_wait(&ba->ba_cv, &ba->ba_lock);
	ba->ba_weight += weight;
	mutex_exit(&ba->ba_lock);
	return (0);
}

void
ballast_drop(ballast_t *ba, uint64_t weight)
{
	mutex_enter(&ba->ba_lock);
	VERIFY3U(ba->ba_weight, >=, weight);
	ba->ba_weight -= weight;
	cv_broadcast(&ba->ba_cv);
	mutex_exit(&ba->ba_lock);
}
