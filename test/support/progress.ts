/** Receives one line for people, without a line end. */
export type Progress = (line: string) => void;

/** A progress that prints `[  12 s] line` to stderr, counted from now. */
export function elapsedProgress(): Progress {
  const start = Date.now();
  return (line) => {
    const seconds = Math.round((Date.now() - start) / 1000);
    process.stderr.write(`[${String(seconds).padStart(4)} s] ${line}\n`);
  };
}

/**
 * Runs a long step. While it lasts, its latest news (or its name) is repeated every 20 seconds, so
 * that nobody takes a quiet compiler for a hang.
 */
export async function longStep<T>(
  progress: Progress,
  name: string,
  step: (news: Progress) => Promise<T>,
): Promise<T> {
  const start = Date.now();
  const seconds = (): number => Math.round((Date.now() - start) / 1000);
  let latest = name;
  progress(name);
  const timer = setInterval(() => progress(`  still: ${latest} (${seconds()} s)`), 20_000);
  try {
    const result = await step((line) => {
      latest = line;
      progress(`  ${line}`);
    });
    progress(`  done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
