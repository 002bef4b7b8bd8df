/** What a promise, or a function, fails with. */
export async function failureOf(
  work: Promise<unknown> | (() => unknown),
): Promise<{ code: string; message: string; remedy: string }> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    const { code, message, remedy } = error as { code: string; message: string; remedy: string };
    return { code, message, remedy };
  }
  throw new Error('it did not fail');
}
