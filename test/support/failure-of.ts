/** What a promise fails with. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; remedy: string }> {
  try {
    await promise;
  } catch (error) {
    const { code, message, remedy } = error as { code: string; message: string; remedy: string };
    return { code, message, remedy };
  }
  throw new Error('it did not fail');
}
